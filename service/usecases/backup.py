"""Backup and restore: one file with every table, taken while the service runs, read back into an empty place.

The file is a ZIP: `manifest.json` (schema version, counts, key check) and one JSON-lines member per table, so that a
backup of SQLite can be restored into PostgreSQL and the other way round. Credentials in it stay encrypted: the secret
key is not part of it and has to be kept apart. A ZIP checks the content of its members only, so the last 64 bytes, its
comment, are the SHA-256 of all before them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import LargeBinary, Table, insert, inspect, select, text
from sqlalchemy.exc import CompileError, DataError, IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.config import MIGRATIONS
from service.db.base import Base, UtcDateTime
from service.deps import Deps, deps_of
from service.usecases.storage import migrate, schema_state

_BLOCK = 2_000
_FORMAT = 1
#: Characters of a SHA-256 in hexadecimal.
_DIGEST = 64
_PROBE = "tenth backup"
#: What reading a file that is none of ours, cut short or changed can raise.
_SPOILT = (
    *(zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, NotImplementedError),
    *(CompileError, DataError, IntegrityError, ProgrammingError),
)


def backup(app: Flask, path: Path) -> dict[str, int]:
    """Writes everything as of one moment. Returns rows per table. Raises BadInput when the file cannot be written."""
    fresh = path.with_name(path.name + ".part")
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        counts = _write(app, fresh)
        fresh.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if fresh.is_file():
            fresh.unlink()
    return counts


def _write(app: Flask, path: Path) -> dict[str, int]:
    deps = deps_of(app)
    counts: dict[str, int] = {}
    with deps.store.read() as session, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        _one_moment(session)
        for table in Base.metadata.sorted_tables:
            counts[table.name] = _write_table(session, table, out)
        out.writestr("manifest.json", json.dumps(_manifest(app, deps, counts)))
        out.comment = bytes(_DIGEST)
    seal(path)
    return counts


def seal(path: Path) -> None:
    """Writes the digest of a ZIP into its comment, for which there is room."""
    with path.open("r+b") as file:
        digest = _digest(file)
        file.write(digest)


def _digest(file: IO[bytes]) -> bytes:
    """Of all but the comment; the file stands before that afterwards."""
    left, found = max(0, file.seek(0, os.SEEK_END) - _DIGEST), hashlib.sha256()
    file.seek(0)
    while left and (block := file.read(min(left, 1 << 20))):
        found.update(block)
        left -= len(block)
    return found.hexdigest().encode()


def _refuse_changed(path: Path) -> None:
    with path.open("rb") as file:
        if _digest(file) != file.read():
            raise zipfile.BadZipFile("changed")


def restore(app: Flask, path: Path) -> dict[str, int]:
    """Reads a backup into an empty database. Raises BadInput when it is not empty, or the file or key does not fit."""
    deps = deps_of(app)
    _refuse_filled(deps)
    try:
        _refuse_changed(path)
        with zipfile.ZipFile(path) as source:
            manifest = json.loads(source.read("manifest.json"))
            _check(deps, manifest)
            _refuse_broken(source)
            migrate(app, manifest["schema"])
            counts = _read_tables(deps, source, manifest["counts"])
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except _SPOILT as error:
        raise BadInput(f"{path} is not a whole backup of Tenth ({type(error).__name__}). Nothing was kept.") from None
    migrate(app)
    return counts


def _one_moment(session: Session) -> None:
    """PostgreSQL needs to be told that all tables are to be seen as of the same moment; SQLite does so by itself."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def _manifest(app: Flask, deps: Deps, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "schema": schema_state(app)[0],
        "counts": counts,
        "made_at": deps.now().isoformat(),
        "key_check": deps.vault.seal(_PROBE).decode(),
    }


def _check(deps: Deps, manifest: dict[str, Any]) -> None:
    if manifest["format"] != _FORMAT:
        raise BadInput(f"This backup has format {manifest['format']}; this program reads format {_FORMAT}.")
    deps.vault.open(manifest["key_check"].encode())
    try:
        ScriptDirectory(str(MIGRATIONS)).get_revision(manifest["schema"])
    except CommandError:
        raise BadInput("This backup was made by a newer version of Tenth. Update this one first.") from None


def _refuse_broken(source: zipfile.ZipFile) -> None:
    """Reads the whole file once before anything is made in the database."""
    broken = source.testzip()
    if broken is not None:
        raise zipfile.BadZipFile(broken)


def _refuse_filled(deps: Deps) -> None:
    """Any row of ours counts: a desk whose owner was never made has connections all the same."""
    there = set(inspect(deps.store.engine).get_table_names())
    with deps.store.read() as session:
        for table in Base.metadata.sorted_tables:
            if table.name in there and session.execute(select(table.primary_key.columns[0]).limit(1)).first():
                raise BadInput("The database is not empty. Restore into an empty one (another TENTH_DATA_DIR).")


def _write_table(session: Session, table: Table, out: zipfile.ZipFile) -> int:
    count = 0
    rows = session.connection().execution_options(yield_per=_BLOCK).execute(select(table))
    with out.open(f"{table.name}.jsonl", "w", force_zip64=True) as member:
        for row in rows.mappings():
            line = json.dumps({k: _plain(v) for k, v in row.items()}, ensure_ascii=False, separators=(",", ":"))
            member.write(line.encode() + b"\n")
            count += 1
    return count


def _read_tables(deps: Deps, source: zipfile.ZipFile, expected: dict[str, int]) -> dict[str, int]:
    """All tables in one transaction: a file that breaks off leaves the place as empty as it was."""
    counts: dict[str, int] = {}
    with deps.store.write() as session:
        for table in Base.metadata.sorted_tables:
            counts[table.name] = 0
            with source.open(f"{table.name}.jsonl") as member:
                rows = (_typed(table, json.loads(line)) for line in member)
                for block in _blocks(rows):
                    session.execute(insert(table), block)
                    counts[table.name] += len(block)
            _mend_sequence(session, table)
        if counts != expected:
            raise BadInput("The backup is incomplete: it holds other rows than it says. Nothing was kept.")
    return counts


def _blocks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while block := list(islice(rows, _BLOCK)):
        yield block


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.isoformat() if isinstance(value, datetime) else value


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    if row.keys() != set(table.columns.keys()):
        raise ValueError(f"other columns than those of {table.name}")
    for column in table.columns:
        value = row.get(column.name)
        if value is not None and isinstance(column.type, UtcDateTime):
            row[column.name] = datetime.fromisoformat(value)
        elif value is not None and isinstance(column.type, LargeBinary):
            row[column.name] = base64.b64decode(value["b64"])
    return row


def _mend_sequence(session: Session, table: Table) -> None:
    """PostgreSQL counts ids apart from the rows; after rows with ids were put in, its counter must pass them."""
    column = table.autoincrement_column
    if column is not None and session.get_bind().dialect.name == "postgresql":
        preparer = session.get_bind().dialect.identifier_preparer
        name = preparer.quote(table.name)
        session.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{name}', '{column.name}'),"  # noqa: S608 (our own names)
                f" COALESCE((SELECT max({column.name}) FROM {name}), 1))"
            )
        )
