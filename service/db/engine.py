"""How we talk to the database: one engine, short transactions, writers that say so.

SQLite: WAL, `synchronous=FULL` (the 202 is a promise) and BEGIN IMMEDIATE for every writing transaction, because a
deferred one that reads first fails at once when somebody else wrote in between, whatever the busy time-out.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.orm import Session, sessionmaker

BUSY_SECONDS = 30
#: Largest number of values in one IN (...); SQLite stops at 32,766 variables.
MANY = 5_000


def engine_options(url: str) -> dict[str, Any]:
    """Options for `create_engine`, by database. Errors do not quote what was to be written: they end in logs."""
    options: dict[str, Any] = {"hide_parameters": True}
    if url.startswith("sqlite"):
        return options | {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    own = {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 10, "connect_args": {"connect_timeout": 10}}
    return options | own


def prepare(engine: Engine) -> None:
    """Hooks the SQLite settings on; nothing to do for PostgreSQL."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN, not the driver's, opens transactions
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "cache_size=-65536",
        "temp_store=MEMORY",
        "journal_size_limit=67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes"):
        connection.exec_driver_sql("BEGIN DEFERRED")
        return
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    if not _locked_soon(raw):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _locked_soon(raw: sqlite3.Connection) -> bool:
    """Opens a writing transaction, asking every few milliseconds; False when the lock stays taken.

    SQLite's own waiting sleeps up to 100 ms at a time: a webhook would sleep while one short transaction of the worker
    ends and the next begins.
    """
    raw.execute("PRAGMA busy_timeout=0")
    try:
        deadline = time.monotonic() + BUSY_SECONDS
        while time.monotonic() < deadline:
            try:
                raw.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    return False
                time.sleep(random.uniform(0.001, 0.003))
            else:
                return True
        return False
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")


class Store:
    """Opens sessions. `read` and `write` are the only two ways in; neither is held while a platform is called."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._sessions = sessionmaker(engine, expire_on_commit=False, autoflush=False)

    @property
    def postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is rolled back at the end; what was loaded stays readable, detached."""
        with self._sessions() as session:
            try:
                yield session
            finally:
                session.expunge_all()
                session.rollback()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on any error."""
        with self._sessions() as session:
            session.connection(execution_options={"writes": True})
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise

    def reachable(self) -> None:
        """Raises SQLAlchemy's own error when the database cannot be asked."""
        with self.read() as session:
            session.execute(text("SELECT 1"))
