"""`tenth person` and `tenth client`: who, and which program, may come in.

Whoever can run these has the database and the secret key in hand, so nobody else is asked.
"""

from __future__ import annotations

import click

from moderation.policy import PEOPLE
from service.cli.base import deps
from service.usecases.clients import create_client, revoke_client
from service.usecases.factors import reset
from service.usecases.invitations import address, make_link
from service.usecases.lockout import unlock
from service.usecases.people import create_person, named, set_password


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


@person.command("link")
@click.argument("username")
def link(username: str) -> None:
    """Make a link by which a person sets a new password; it works once, for a day.

    \b
    Example:  tenth person link ada
    """
    found = deps()
    token = make_link(found, username)
    base = found.settings.public_url or "http://localhost:8000"
    click.echo(f"For “{username}”, once, within 24 hours: {address(base, token)}")
    if not found.settings.public_url:
        click.echo("Put the address that people use in the place of the first part, or set TENTH_PUBLIC_URL.", err=True)


@person.command("reset-factor")
@click.argument("username")
def reset_factor(username: str) -> None:
    """Take every second factor from a person who lost theirs, and sign them out everywhere.

    \b
    Example:  tenth person reset-factor ada
    """
    reset(deps(), username)
    click.echo(f"“{username}” signs in with the password alone until they set up a second factor.")


@person.command("unlock")
@click.argument("username")
def unlock_person(username: str) -> None:
    """Let a person in again whose name was locked after wrong tries.

    \b
    Example:  tenth person unlock ada
    """
    found = deps()
    with found.store.write() as session:
        unlock(found, session, named(session, username), "system")
    click.echo(f"“{username}” may try again.")


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
