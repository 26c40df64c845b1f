"""Runs migrations on the service's own engine; called by Flask-Migrate inside an application context."""

from __future__ import annotations

from alembic import context
from flask import current_app

from service.db.base import UtcDateTime, db

#: Seconds a migration may wait for a lock before it gives up, so that a busy desk is not stopped by its own update.
LOCK_SECONDS = 10


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """A migration stands alone: it names database types, not classes that may move."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


def run() -> None:
    options = current_app.extensions["migrate"].configure_args
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
            connection.commit()
        context.configure(connection=connection, target_metadata=db.metadata, render_item=render_item, **options)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
