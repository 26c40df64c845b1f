"""What every command uses: the service without its pages, JSON output, times."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import OperationalError

from moderation.errors import BadInput, TenthError
from service.app import create_app
from service.deps import Deps, deps_of
from service.usecases.people import Known, as_known, named
from service.usecases.storage import ready_schema

json_option = click.option("--json", "as_json", is_flag=True, help="Print only JSON on standard output.")
law_option = click.option("--law", help="It is illegal: the law that forbids it. Without it, it breaks the rules.")


class DatabaseAway(TenthError):
    """The database that the settings name cannot be reached."""


def service() -> tuple[Flask, Deps]:
    """The service with its tables ready."""
    app = create_app(web=False)
    try:
        ready_schema(app)
    except OperationalError as error:
        raise DatabaseAway(f"The database cannot be reached: {error.orig} Check TENTH_DATABASE_URL.") from None
    return app, deps_of(app)


def deps() -> Deps:
    """What use cases need."""
    return service()[1]


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def read_time(text: str) -> datetime:
    """An ISO 8601 time; without a zone it is taken as UTC. Raises BadInput."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"“{text}” is not a time. Write it like 2026-11-22T09:00:00+01:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def person_named(found: Deps, username: str) -> Known:
    """A person of the desk, in whose name a command acts. Raises BadInput."""
    with found.store.read() as session:
        person = named(session, username)
        if not person.active:
            raise BadInput("This account is closed.")
        return as_known(session, person)


def actor() -> str:
    """Who acts in the audit log when a command does."""
    return "cli"
