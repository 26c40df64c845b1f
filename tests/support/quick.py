"""What makes a test's database quick: nothing waits for the disk, tables are made once a process and then copied, and
what SQLAlchemy compiled once is known to every engine, as it is to the one engine of a service.

Every test still has a database of its own, with the tables that `create_all` or the migrations have made. That a
committed row outlives a power cut is what tests cannot see; that is all that is given up.
"""

from __future__ import annotations

import sqlite3
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, create_mock_engine, inspect
from sqlalchemy.util import LRUCache

from service import bootstrap
from service.app import create_app
from service.config import load_settings
from service.db import engine as engines
from service.db.base import Base
from service.deps import deps_of
from service.usecases import storage

#: What PostgreSQL numbers from here on was made by somebody.
_OURS = 16_384
_MADE = ("pg_class", "pg_namespace", "pg_proc", "pg_type", "pg_extension")
#: Statements that are kept compiled.
_STATEMENTS = 2_000
_create_all, _migrate, _on_connect = Base.metadata.create_all, storage.migrate, engines._on_connect


@contextmanager
def quick_databases() -> Iterator[None]:
    """For as long as it is open, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engines, "_on_connect", _without_disk)
        patch.setattr(bootstrap, "prepare", prepare)
        patch.setattr(Base.metadata, "create_all", create_all)
        patch.setattr(storage, "migrate", migrate)
        yield


class PostgresDatabases:
    """Databases on a server that is thrown away: it need not outlive a power cut, and waits for no disk."""

    def __init__(self, server: str) -> None:
        """`server`: the address of its own database."""
        self._admin = psycopg.connect(server, autocommit=True)
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            self._admin.execute(f"ALTER SYSTEM SET {name} = off")
        self._admin.execute("SELECT pg_reload_conf()")
        base, _, query = server.partition("?")
        self._address = f"{base.rsplit('/', 1)[0]}/{{}}?{query}"
        self._spare: list[str] = []

    @contextmanager
    def one(self) -> Iterator[str]:
        """The address of an empty database. One in which nothing was made is given again."""
        name = self._spare.pop() if self._spare else self._new()
        yield self._address.format(name)
        if self._untouched(name):
            self._spare.append(name)
        else:
            self._admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def close(self) -> None:
        self._admin.close()

    def _new(self) -> str:
        name = f"t_{uuid.uuid4().hex[:16]}"
        self._admin.execute(f'CREATE DATABASE "{name}"')
        return name

    def _untouched(self, name: str) -> bool:
        """Whether nobody is connected, and no table, function, type or schema is there that a new one has not."""
        if self._admin.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchone():
            return False
        try:
            with psycopg.connect(self._address.format(name)) as inside:
                made = " UNION ALL ".join(f"SELECT 1 FROM {kind} WHERE oid >= {_OURS}" for kind in _MADE)
                return inside.execute(made).fetchone() is None
        except psycopg.OperationalError:  # the test dropped it
            return False


def prepare(engine: Engine) -> None:
    """As the service's own; an engine of SQLite takes what was compiled for the others."""
    engines.prepare(engine)
    if engine.dialect.name == "sqlite":
        shared = _shared()
        engine.dialect, engine._compiled_cache = shared.dialect, shared._compiled_cache


def create_all(bind: Engine, **given: Any) -> None:
    """As the metadata's own; an empty database gets all tables at once."""
    if given or inspect(bind).get_table_names():
        _create_all(bind, **given)
    elif bind.dialect.name == "sqlite":
        _copy(_tables(), bind)
    else:
        with bind.begin() as connection:
            connection.exec_driver_sql(_script(bind.dialect.name))


def migrate(app: Flask, revision: str = "head") -> None:
    """As the use case; an empty SQLite database gets a copy of one that was migrated."""
    engine = deps_of(app).store.engine
    if engine.dialect.name != "sqlite" or revision != "head" or inspect(engine).get_table_names():
        _migrate(app, revision)
    else:
        _copy(_migrated(), engine)


def _without_disk(connection: sqlite3.Connection, record: object) -> None:
    _on_connect(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


def _copy(template: sqlite3.Connection, engine: Engine) -> None:
    with closing(engine.raw_connection()) as target:
        assert isinstance(target.driver_connection, sqlite3.Connection)
        template.backup(target.driver_connection)


@cache
def _shared() -> Engine:
    """Compiled statements belong to a dialect, so that engines share it too; it was made ready by a connection."""
    engine = create_engine("sqlite://")
    engine.connect().close()
    engine._compiled_cache = LRUCache(_STATEMENTS)
    return engine


@cache
def _tables() -> sqlite3.Connection:
    return _template(lambda app: _create_all(deps_of(app).store.engine))


@cache
def _migrated() -> sqlite3.Connection:
    return _template(_migrate)


def _template(make: Callable[[Flask], None]) -> sqlite3.Connection:
    """A database in memory with what `make` has made."""
    kept = sqlite3.connect(":memory:", check_same_thread=False)
    with tempfile.TemporaryDirectory() as folder:
        address = f"sqlite:///{folder}/template.db"
        app = create_app(load_settings(data_dir=Path(folder), database_url=address), web=False)
        make(app)
        deps_of(app).store.engine.dispose()
        with closing(sqlite3.connect(f"{folder}/template.db")) as made:
            made.backup(kept)
    return kept


@cache
def _script(dialect: str) -> str:
    """Every statement of `create_all`, to be sent at once."""
    said: list[str] = []

    def say(sql: Any, *_: Any, **__: Any) -> None:
        said.append(str(sql.compile(dialect=mock.dialect)))

    mock = create_mock_engine(f"{dialect}+psycopg://", say)
    _create_all(mock, checkfirst=False)
    assert not any("%" in one for one in said), "what is doubled for the driver would stay doubled"
    return ";\n".join(said)
