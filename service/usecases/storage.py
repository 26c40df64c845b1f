"""The schema: brought up to date, and asked after."""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import inspect

from moderation.errors import TenthError
from service.config import MIGRATIONS
from service.deps import deps_of


class SchemaBehind(TenthError):
    """The database is older, or newer, than this program."""


def migrate(app: Flask, revision: str = "head") -> None:
    """Brings the schema up to date; does nothing when it is."""
    with app.app_context():
        upgrade(directory=str(MIGRATIONS), revision=revision)


def schema_state(app: Flask) -> tuple[str | None, str | None]:
    """(revision in the database, newest revision of this program)."""
    with deps_of(app).store.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return current, ScriptDirectory(str(MIGRATIONS)).get_current_head()


def ready_schema(app: Flask) -> None:
    """Makes the tables in an empty database; refuses to work on one of another version."""
    current, head = schema_state(app)
    if current == head:
        return
    if current is None and not inspect(deps_of(app).store.engine).get_table_names():
        migrate(app)
        return
    raise SchemaBehind(f"The database is at version {current or 'none'}, this program at {head}. Run: tenth migrate")
