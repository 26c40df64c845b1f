"""A desk of a test's own: settings, tables, an archive to import into, databases and processes."""

from __future__ import annotations

import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import func, select

from service.app import create_app
from service.config import load_settings
from service.db.base import Base
from service.db.models import Connection
from service.deps import Deps, deps_of
from service.usecases.connections import connect
from service.usecases.importing import Imported, import_file
from service.usecases.storage import ready_schema

BIN = Path(sys.executable).parent
SECRET = "a secret key for tests of forty characters"
NEWEST = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Office:
    """One desk."""

    app: Flask
    deps: Deps

    def at(self, now: datetime) -> Deps:
        """The same desk at another time."""
        return replace(self.deps, now=lambda: now)

    def archive(self, name: str = "old-forum") -> int:
        return connect(self.deps, "archive", name, {}, "test")[0]

    def take_in(self, lines: Sequence[dict[str, Any]], name: str = "old-forum") -> Imported:
        return take_in(self.deps, lines, name)

    def rows(self, model: Any, *where: Any) -> list[Any]:
        with self.deps.store.read() as session:
            return list(session.scalars(select(model).where(*where).order_by(*model.__table__.primary_key.columns)))

    def connection(self, connection_id: int) -> Connection:
        with self.deps.store.read() as session:
            return session.get_one(Connection, connection_id)

    def counts(self) -> dict[str, int]:
        """Rows in every table."""
        with self.deps.store.read() as session:
            tables = Base.metadata.sorted_tables
            return {t.name: session.scalar(select(func.count()).select_from(t)) or 0 for t in tables}

    def close(self) -> None:
        self.deps.store.engine.dispose()


def office(**settings: Any) -> Office:
    """A desk with its tables, on the database that conftest gives, or on the one named."""
    found = load_settings(**settings)
    path = Path(found.database.removeprefix("sqlite:///"))
    if found.database.startswith("sqlite:") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(_template())
    app = create_app(found, web=False)
    ready_schema(app)
    return Office(app, deps_of(app))


@cache
def _template() -> bytes:
    """An SQLite file with the tables in it, made by the migrations, once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        desk = empty_office(database_url=f"sqlite:///{path}", data_dir=folder)
        ready_schema(desk.app)
        with desk.deps.store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        desk.close()
        return path.read_bytes()


def empty_office(**settings: Any) -> Office:
    """A desk on a database in which nothing was made yet."""
    app = create_app(load_settings(**settings), web=False)
    return Office(app, deps_of(app))


def take_in(deps: Deps, lines: Sequence[dict[str, Any]], name: str = "old-forum") -> Imported:
    return import_file(deps, name, io.BytesIO(jsonl(lines)), lambda bad: None, lambda stage, done, total: None)


def jsonl(lines: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def line(number: int, thread: int | str, text: str, *, hours_ago: float = 1.0, **more: Any) -> dict[str, Any]:
    """One message of an archive whose newest one is of `NEWEST`."""
    return {
        "thread": str(thread),
        "id": f"m{number}",
        "author": f"author{number % 7}",
        "created_at": (NEWEST - timedelta(hours=hours_ago)).isoformat(),
        "text": text,
        **more,
    }


TEXTS = (
    "It burned my hand and there is smoke, please help me now!",
    "What a lovely machine, thank you all.",
    "You are all idiots and your support is a joke.",
    "Does anybody know where to buy the grey filter?",
    "Second time I ask: my order has not come and nobody answers. I want my money back.",
    "Ma machine fuit partout, que dois-je faire ? C'est urgent.",
    "I use the fine grind for it.",
)


def chatter(threads: int, each: int = 3, first: int = 1) -> list[dict[str, Any]]:
    """Threads of every sort, the last message of thread 1 being the newest of all."""
    found = []
    for thread in range(first, first + threads):
        for place in range(each):
            number = thread * 100 + place
            hours = (thread - 1) * 0.5 + (each - 1 - place) * 0.1
            text = f"{TEXTS[(thread + place) % len(TEXTS)]} ({number})"
            found.append(line(number, thread, text, hours_ago=hours, title=f"Thread {thread}"))
    return found


# ------------------------------------------------------------------ databases


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """The address of an empty database on a real PostgreSQL server."""
    name = f"o_{uuid.uuid4().hex[:16]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    base, _, query = server.partition("?")
    yield f"{base.rsplit('/', 1)[0]}/{name}?{query}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


# ------------------------------------------------------------------ processes


def free_port() -> int:
    """Below the ports that the system gives out by itself, so that nobody has it before who is to listen there."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def environment(**settings: str) -> dict[str, str]:
    """The environment of a process: no TENTH_* but those given, and the tree importable from any folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TENTH_", "COVERAGE", "PYTEST"))}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}", **settings}


def tenth(
    *arguments: str, cwd: Path, stdin: bytes = b"", timeout: float = 120, **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """The real console script."""
    command = [str(BIN / "tenth"), *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(**settings), input=stdin, capture_output=True, timeout=timeout, check=False
    )


@contextmanager
def running(*arguments: str, cwd: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `tenth` process in the background, its output in `cwd/output`; ended at the end, however the test went."""
    with (cwd / "output").open("ab") as output:
        process = subprocess.Popen(
            [str(BIN / "tenth"), *arguments],
            cwd=cwd,
            env=environment(**settings),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)


def until(done: Callable[[], Any], seconds: float = 120.0, pause: float = 0.05) -> Any:
    """Waits for something to be true, and gives it back. Fails the test when it does not come."""
    deadline = time.monotonic() + seconds
    while True:
        found = done()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(pause)
