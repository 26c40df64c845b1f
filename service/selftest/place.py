"""A throw-away place: its own folder, database and port, with `tenth run` in it as a person would start it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from moderation.errors import TenthError
from service.app import create_app
from service.config import Settings, load_settings
from service.deps import Deps, deps_of
from service.supervisor import die_with_parent
from service.usecases.storage import ready_schema

HOST = "127.0.0.1"
START_SECONDS = 90.0
STOP_SECONDS = 30.0
#: An existing PostgreSQL database; a schema of our own is made in it and dropped at the end.
DATABASE_VARIABLE = "TENTH_SELFTEST_DATABASE_URL"


class TrialError(TenthError):
    """A trial that cannot be carried out to its end; says what is in its way."""


@dataclass
class Place:
    """Where a trial happens; `deps` looks into the same database as the service that `start` starts.

    `given`: variables for every process here, beside those of the place.
    """

    settings: Settings
    deps: Deps
    folder: Path
    port: int
    given: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        return self.folder / "run.log"

    @property
    def pid(self) -> int:
        """The supervisor's."""
        if self._process is None or not self.runs:
            raise TrialError(f"`tenth run` is not running any more. Its last words:\n{last_words(self.log)}")
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether the supervisor lives."""
        return self._process is not None and self._process.poll() is None

    def command(self, *arguments: str, output: int = subprocess.PIPE, bound: bool = False) -> subprocess.Popen[bytes]:
        """Starts a `tenth` command here; what it prints is left to read in its pipe. `bound`: it ends when we do."""
        with self.log.open("ab") as log:
            line = [sys.executable, "-m", "service.cli", *arguments]
            return subprocess.Popen(
                line,
                env=self.environment(),
                stdout=output,
                stderr=log,
                preexec_fn=die_with_parent if bound else None,  # noqa: PLW1509 (no thread of ours runs yet)
            )

    def launch(self, *, bound: bool = False) -> None:
        """Starts web and worker, and does not wait for them."""
        run = ("run", "--host", HOST, "--port", str(self.port))
        self._process = self.command(*run, output=subprocess.DEVNULL, bound=bound)

    def start(self) -> None:
        """Starts web and worker. Raises TrialError when the web does not answer in time."""
        self.launch(bound=True)
        deadline = time.monotonic() + START_SECONDS
        while not answers(self.port, "/readyz"):
            if time.monotonic() > deadline:
                raise TrialError(f"The web did not answer in {START_SECONDS:.0f} s:\n{last_words(self.log)}")
            time.sleep(0.1)
            assert self.pid

    def stop(self) -> float:
        """Asks by SIGTERM, as any host would, and returns the seconds it took; 0 when nothing runs."""
        process = self._process
        if process is None or process.poll() is not None:
            return 0.0
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return time.monotonic() - started

    def environment(self) -> dict[str, str]:
        """For a process here: ours without any TENTH_* setting of the surroundings, and with this place's own."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TENTH_")}
        own = {
            "TENTH_DATA_DIR": str(self.folder),
            "TENTH_DATABASE_URL": self.settings.database_url,
            "TENTH_SECRET_KEY": self.settings.secret_key,
            "TENTH_ALLOW_PRIVATE_HOSTS": ",".join(sorted(self.settings.allow_private_hosts)),
            "TENTH_LOG_LEVEL": "WARNING",
        }
        return kept | own | self.given


@contextmanager
def throw_away(hosts: Sequence[str] = ()) -> Iterator[Place]:
    """A place with its tables made; nothing of it is left afterwards. `hosts` may be called though they are private."""
    with tempfile.TemporaryDirectory(prefix="tenth-trial-") as folder, _database(Path(folder)) as url:
        settings = load_settings(
            data_dir=Path(folder),
            database_url=url,
            secret_key=secrets.token_urlsafe(40),
            redis_url="",
            allow_private_hosts=frozenset(hosts),
            scorer="embedded",
        )
        app = create_app(settings, web=False)
        ready_schema(app)
        place = Place(settings, deps_of(app), Path(folder), free_port())
        try:
            yield place
        finally:
            place.stop()
            place.deps.store.engine.dispose()


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    given = os.environ.get(DATABASE_VARIABLE, "")
    if not given:
        yield f"sqlite:///{folder / 'tenth.db'}"
        return
    with _schema(given) as url:
        yield url


@contextmanager
def _schema(address: str) -> Iterator[str]:
    """A schema in a database that may be in use: neither is touched by the other."""
    url = make_url(address).set(drivername="postgresql+psycopg")
    name = f"tenth_trial_{secrets.token_hex(4)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        ours = url.update_query_dict({"options": f"-csearch_path={name}"})
        yield ours.render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    finally:
        engine.dispose()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int, path: str) -> bool:
    """Whether a GET is answered 200."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def last_words(log: Path, lines: int = 15) -> str:
    """The end of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""
