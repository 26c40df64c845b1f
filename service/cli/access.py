"""`tenth person` and `tenth client`: who, and which program, may come in."""

from __future__ import annotations

import click

from moderation.policy import PEOPLE
from service.cli.base import deps
from service.usecases.clients import create_client, revoke_client
from service.usecases.people import create_person, set_password


@click.group("person")
def person() -> None:
    """People who sign in."""


@person.command("add")
@click.argument("username")
@click.option("--role", default="responder", type=click.Choice(PEOPLE))
def add(username: str, role: str) -> None:
    """Add a person; prints a first password, once.

    \b
    Example:  tenth person add ada --role manager
    """
    password = create_person(deps(), username, role, None)
    click.echo(f"“{username}” may sign in as {role} with the password {password}")


@person.command("password")
@click.argument("username")
def password(username: str) -> None:
    """Give a person a new password, and sign them out everywhere.

    \b
    Example:  tenth person password ada
    """
    click.echo(f"The new password of “{username}” is {set_password(deps(), username, None)}")


@click.group("client")
def client() -> None:
    """Programs that use the API."""


@client.command("add")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="For example queue:read; repeat for more.")
def add_client(name: str, scopes: tuple[str, ...]) -> None:
    """Add a client; prints its token, once.

    \b
    Example:  tenth client add dashboard --scope queue:read --scope threads:read
    """
    click.echo(create_client(deps(), name, scopes))


@client.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a client's token.

    \b
    Example:  tenth client revoke dashboard
    """
    revoke_client(deps(), name)
    click.echo(f"The token of “{name}” no longer works.")


COMMANDS = (person, client)
