"""Settings: a wrong one stops the start with its name; with none at all a desk lives in its folder."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from moderation.errors import BadInput
from service.config import MIN_SECRET, Settings, load_settings
from tests.support.office import environment

WRONG = {
    "data_dir": ["a-file"],
    "database_url": [
        "mysql://db/tenth",
        "sqlite:tenth.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://u:p@h:port/d",
    ],
    "secret_key": ["too short", f"{'k' * MIN_SECRET},too short"],
    "redis_url": ["localhost:6379", "http://localhost"],
    "allow_private_hosts": ["https://forum.example", "forum.example/path", "user@forum.example"],
    "public_url": ["tenth.example", "javascript:alert(1)"],
    "scorer": ["magic", ""],
    "detoxify_model": ["magic", ""],
    "scoring_threads": ["-1", "all"],
    "cascade_bands": ["", "toxicity", "toxicity 0.8-0.2", "toxicity 0.2-1.5", "mood 0.2-0.8", "toxicity 0.2-0.8,"],
    "cascade_blend": ["max", ""],
    "max_body_bytes": ["0", "a lot", "99999999999"],
    "web_threads": ["0", "65", ""],
    "poll_seconds": ["4", "86401"],
    "batch_size": ["0", "1001", "1.5"],
    "keep_deliveries_days": ["0", "91"],
    "notice_days": ["0", "3651"],
    "proxies": ["-1", "6"],
    "secure_cookies": ["maybe"],
    "session_idle_hours": ["0", "721"],
    "session_days": ["0", "366"],
    "require_second_factor": ["maybe"],
    "oidc_issuer": ["login.example", "ftp://login.example"],
    "oidc_client_id": ["tenth"],
    "oidc_role": ["owner", "manager", "boss"],
    "allow_authors": ["maybe"],
    "perspective": ["maybe"],
    "log_level": ["LOUD", "warning!"],
}
#: Whatever stands in these is taken; a missing file is named when the scorer is built.
FREE = {
    "detoxify_checkpoint",
    "detoxify_config",
    "detoxify_digest",
    "detoxify_export",
    "cascade",
    "metrics_token",
    "oidc_client_secret",
    "oidc_name",
    "oidc_domains",
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No settings at all, in a folder of the test's own."""
    monkeypatch.delenv("TENTH_DATA_DIR")
    monkeypatch.delenv("TENTH_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").touch()
    return tmp_path


def test_every_setting_has_its_wrong_values_here() -> None:
    assert set(WRONG) | FREE == set(Settings.model_fields)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, values in WRONG.items() for v in values])
def test_a_wrong_value_stops_the_start_with_the_variables_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TENTH_{name.upper()}", value)
    with pytest.raises(BadInput, match=f"^Wrong setting. TENTH_{name.upper()}: .") as refused:
        load_settings()
    assert "\n" not in str(refused.value)


def test_several_wrong_values_are_named_at_once_and_no_secret_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_SECRET_KEY", "my-short-secret")
    monkeypatch.setenv("TENTH_DATABASE_URL", "mysql://user:my-password@db/tenth")
    with pytest.raises(BadInput) as refused:
        load_settings()
    assert "TENTH_SECRET_KEY" in str(refused.value)
    assert "TENTH_DATABASE_URL" in str(refused.value)
    assert "my-short-secret" not in str(refused.value)
    assert "my-password" not in str(refused.value)


def test_with_nothing_set_everything_lives_under_var(empty_folder: Path) -> None:
    settings = load_settings()
    assert settings.database == f"sqlite:///{empty_folder}/var/tenth.db"
    assert len(settings.secrets[0]) >= MIN_SECRET
    assert (empty_folder / "var" / "secret-key").read_text() == settings.secrets[0]
    assert (empty_folder / "var" / "secret-key").stat().st_mode & 0o777 == 0o600
    assert (empty_folder / "var").stat().st_mode & 0o077 == 0
    assert load_settings().secrets == settings.secrets


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("sqlite:///desk.db", "sqlite:///{cwd}/desk.db"),
        ("sqlite:///deep/er/desk.db", "sqlite:///{cwd}/deep/er/desk.db"),
        ("sqlite:////srv/desk.db", "sqlite:////srv/desk.db"),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h:5432/d?sslmode=require", "postgresql+psycopg://u:p@h:5432/d?sslmode=require"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
    ],
)
def test_database_addresses_are_made_absolute_and_get_their_driver(given: str, found: str, empty_folder: Path) -> None:
    assert load_settings(database_url=given).database == found.format(cwd=empty_folder)


def test_keys_for_rotation_come_newest_first() -> None:
    old, new = "o" * MIN_SECRET, "n" * MIN_SECRET
    assert load_settings(secret_key=f" {new} , {old},").secrets == (new, old)


def test_hosts_are_split_and_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENTH_ALLOW_PRIVATE_HOSTS", " Forum.example:8080, 127.0.0.1 ,")
    assert load_settings().allow_private_hosts == {"forum.example:8080", "127.0.0.1"}


@pytest.mark.parametrize("kept", ["", "short\n", " " * 40])
def test_a_kept_key_that_was_cut_is_refused(kept: str, empty_folder: Path) -> None:
    (empty_folder / "var").mkdir()
    (empty_folder / "var" / "secret-key").write_text(kept)
    with pytest.raises(BadInput, match="secret-key"):
        _ = load_settings().secrets


def test_threads_that_start_at_once_agree_on_one_key() -> None:
    start, found = threading.Barrier(8), []

    def look() -> None:
        settings = load_settings()
        start.wait(60)
        found.append(settings.secrets)

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_processes_that_start_at_once_agree_on_one_key(empty_folder: Path) -> None:
    code = "from service.config import load_settings; print(load_settings().secrets[0])"
    root = Path(__file__).resolve().parents[2]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=empty_folder,
            env=environment(PYTHONPATH=str(root)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for _ in range(4)
    ]
    found = {process.communicate(timeout=120)[0].decode().strip() for process in started}
    assert found == {(empty_folder / "var" / "secret-key").read_text()}
    assert [p.name for p in (empty_folder / "var").iterdir()] == ["secret-key"]


@pytest.mark.parametrize("note", ["10.0.0.1:80", "127.0.0.1", "127.0.0.1:80,10.0.0.1", "example.org:443", ""])
def test_a_sandbox_note_opens_nothing_but_a_loopback_port(note: str, empty_folder: Path) -> None:
    (empty_folder / "var").mkdir(exist_ok=True)
    (empty_folder / "var" / "sandbox-address").write_text(note)
    assert load_settings().private_hosts == frozenset()


def test_the_folders_own_sandbox_may_be_called_by_every_command(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "var").mkdir(exist_ok=True)
    (empty_folder / "var" / "sandbox-address").write_text("127.0.0.1:8765\n")
    monkeypatch.setenv("TENTH_ALLOW_PRIVATE_HOSTS", "forum.internal")
    assert load_settings().private_hosts == {"127.0.0.1:8765", "forum.internal"}
