"""`tenth identities`: who may come in from elsewhere, and what other servers must be told about this desk."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select

from moderation.errors import BadInput
from service.auth.external.address import server_origin
from service.auth.external.proof import Provider, Trouble
from service.cli.base import actor, deps, json_option, print_json
from service.db.identity_tables import Identity
from service.db.models import Person
from service.deps import Deps
from service.usecases.identities import set_forum_secret
from service.usecases.proving import back_address, forums
from service.usecases.remote_apps import forget_app

#: Where answers come back to: of authors who sign in, of managers who connect an account.
_PLACES = ("external", "connect")


@click.group("identities")
def identities() -> None:
    """Sign-in from elsewhere: the company's OpenID provider, fediverse servers, forums."""


@identities.command("list")
@json_option
def list_linked(as_json: bool) -> None:
    """List who is linked to which account elsewhere.

    \b
    Example:  tenth identities list --json
    """
    found = _linked(deps())
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("Nobody has linked an account. People do that on their account page.")
    for one in found:
        click.echo(f"{one['person']}  {one['provider']}  {one['handle']}  ({one['issuer']})")


@identities.command("addresses")
@json_option
def addresses(as_json: bool) -> None:
    """List the addresses that the OpenID provider and the forums must allow as a way back to this desk.

    \b
    Example:  tenth identities addresses
    """
    found = _addresses(deps())
    if as_json:
        print_json(found)
        return
    for one in found:
        click.echo(f"{one['at']}  {one['setting']}:  {one['address']}")
    if not found:
        click.echo("No OpenID provider is set (TENTH_OIDC_ISSUER), and no forum is connected.")


@identities.command("forum-secret")
@click.argument("url")
@click.option("--forget", is_flag=True, help="Forget the secret: members of the forum prove themselves by a key again.")
@click.option(
    "--secret",
    envvar="TENTH_FORUM_SECRET",
    show_envvar=True,
    help="What the forum's setting “discourse connect provider secrets” says for this desk; asked for when not given.",
)
def forum_secret(url: str, forget: bool, secret: str | None) -> None:
    """Let members of a forum sign in by DiscourseConnect, with the secret that the forum's admin chose.

    \b
    Example:  tenth identities forum-secret https://forum.example.org
    """
    given = "" if forget else (secret or click.prompt("Secret", hide_input=True)).strip()
    if not forget and len(given) < 10:
        raise BadInput("The secret has 10 characters or more, as in the forum's settings.")
    try:
        origin = set_forum_secret(deps(), url, given, actor())
    except Trouble:
        raise _no_server(url) from None
    click.echo(f"Forgotten for {origin}." if forget else f"Members of {origin} can sign in by DiscourseConnect.")


@identities.command("forget-app")
@click.argument("server")
def forget(server: str) -> None:
    """Register anew with a fediverse server at the next sign-in, when it does not know this desk any more.

    \b
    Example:  tenth identities forget-app social.example.org
    """
    known = deps()
    try:
        origin = server_origin(server, known.settings.private_hosts)
    except Trouble:
        raise _no_server(server) from None
    count = forget_app(known, origin)
    click.echo(f"{origin}: {count} forgotten." if count else f"{origin} was not known.")


def _linked(deps_: Deps) -> list[dict[str, Any]]:
    query = select(Person.username, Identity).join(Identity, Identity.person_id == Person.id)
    with deps_.store.read() as session:
        rows = session.execute(query.order_by(Person.username, Identity.id)).all()
    names = ("provider", "issuer", "handle", "linked_at", "used_at")
    return [{"person": username, **{n: getattr(row, n) for n in names}} for username, row in rows]


def _addresses(deps_: Deps) -> list[dict[str, str]]:
    base = deps_.settings.public_url.rstrip("/")
    if not base:
        raise BadInput("Set TENTH_PUBLIC_URL first: the addresses begin with it.")
    issuer = deps_.settings.oidc_issuer
    company = [(issuer, "redirect URI", back_address(base, Provider.OIDC, issuer))] if issuer else []
    setting = "allowed user api auth redirects"
    keys = [(f, setting, back_address(base, Provider.DISCOURSE, f, p)) for f in forums(deps_) for p in _PLACES]
    return [{"at": at, "setting": name, "address": address} for at, name, address in company + keys]


def _no_server(typed: str) -> BadInput:
    return BadInput(f"“{typed}” is not the name of a server. It looks like https://forum.example.org.")


COMMANDS = (identities,)
