"""`tenth grants`: who was given which rights, where, until when; and whether the platforms agree."""

from __future__ import annotations

from dataclasses import asdict

import click

from moderation.errors import BadInput
from moderation.grants import TEMPLATES, GrantState
from service.cli.base import deps, json_option, person_named, print_json
from service.deps import Deps
from service.usecases import drift as drifting
from service.usecases import granted, rights
from service.usecases import grants as usecase
from service.usecases.granted import Place

_by = click.option("--by", default="owner", show_default=True, help="The person of the desk who does it.")
_reason = click.option("--reason", required=True, help="Why, in a few words.")


@click.group("grants")
def grants() -> None:
    """Moderation rights that members of a community hold: scoped, for a time, revocable."""


@grants.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice([str(s) for s in GrantState]))
@json_option
def list_grants(states: tuple[str, ...], as_json: bool) -> None:
    """List grants, the newest first, and what of each cannot be carried out.

    \b
    Example:  tenth grants list --state active --json
    """
    found = granted.grants(deps(), states)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        click.echo("No grants. Propose one with `tenth grants propose`.")
    for one in found:
        until = f" until {one.ends_at:%Y-%m-%d %H:%M} UTC" if one.ends_at else ""
        where = (one.community or one.connection) + (f" #{one.tag}" if one.tag else "")
        click.echo(f"{one.id}  {one.state}{until}  {one.handle}  in {where}  ({', '.join(one.capabilities)})")
        _tell_obstacles(one)


@grants.command("propose")
@click.argument("handle")
@click.option("--connection", required=True, help="The name of the connection where they write.")
@click.option("--community", help="The name of the community; without it, the whole connection.")
@click.option("--tag", default="", help="Only conversations that bear this tag there.")
@click.option("--template", required=True, type=click.Choice(list(TEMPLATES)))
@click.option("--days", type=int, help="The term; the template's when not given.")
@click.option("--reason", default="", help="Why them.")
@_by
@json_option
def propose(
    handle: str,
    connection: str,
    community: str | None,
    tag: str,
    template: str,
    days: int | None,
    reason: str,
    by: str,
    as_json: bool,
) -> None:
    """Propose a grant to an author, by handle.

    \b
    Example:  tenth grants propose marc --connection forum --community Help --template keeper
    """
    found = deps()
    place = _place(found, connection, community)
    author_id = granted.author_named(found, place.connection_id, handle)
    terms = usecase.Terms(author_id, place.community_id, template, days, reason=reason, tag=tag)
    _tell(found, usecase.propose(found, terms, person_named(found, by)), as_json)


@grants.command("offer")
@click.argument("grant_id", type=int)
@click.option("--message", required=True, help="What you write to them.")
@_by
@json_option
def offer(grant_id: int, message: str, by: str, as_json: bool) -> None:
    """Offer a proposed grant: its author may accept it when signed in with that account.

    \b
    Example:  tenth grants offer 3 --message "Will you keep an eye on Help?"
    """
    found = deps()
    usecase.offer(found, grant_id, message, person_named(found, by))
    _tell(found, grant_id, as_json)


@grants.command("accept")
@click.argument("grant_id", type=int)
@_by
@json_option
def accept(grant_id: int, by: str, as_json: bool) -> None:
    """Accept an offer for a person who has proven that they are that author and said yes.

    \b
    Example:  tenth grants accept 3 --by marc
    """
    found = deps()
    usecase.accept(found, grant_id, person_named(found, by))
    _tell(found, grant_id, as_json)


@grants.command("suspend")
@click.argument("grant_id", type=int)
@_reason
@_by
@json_option
def suspend(grant_id: int, reason: str, by: str, as_json: bool) -> None:
    """Take a grant's rights away until `resume`.

    \b
    Example:  tenth grants suspend 3 --reason "Two complaints to look at"
    """
    found = deps()
    usecase.suspend(found, grant_id, person_named(found, by), reason)
    _tell(found, grant_id, as_json)


@grants.command("resume")
@click.argument("grant_id", type=int)
@_reason
@_by
@json_option
def resume(grant_id: int, reason: str, by: str, as_json: bool) -> None:
    """Give a suspended grant's rights back.

    \b
    Example:  tenth grants resume 3 --reason "All was well"
    """
    found = deps()
    usecase.resume(found, grant_id, person_named(found, by), reason)
    _tell(found, grant_id, as_json)


@grants.command("revoke")
@click.argument("grant_id", type=int)
@_reason
@_by
@json_option
def revoke(grant_id: int, reason: str, by: str, as_json: bool) -> None:
    """End a grant everywhere: here at once, on its platform as soon as that answers.

    \b
    Example:  tenth grants revoke 3 --reason "Asked to stop"
    """
    found = deps()
    usecase.revoke(found, grant_id, person_named(found, by), reason)
    rights.settle_due(found)
    _tell(found, grant_id, as_json)


@grants.command("drift")
@json_option
def drift(as_json: bool) -> None:
    """Compare the rights on the platforms with the ledger, now. Changes nothing.

    Exit code 1 when something differs or could not be asked.

    \b
    Example:  tenth grants drift
    """
    found = deps()
    looks = drifting.check_all(found)
    differences = drifting.differences(found)
    if as_json:
        looked = [asdict(one) for one in looks]
        print_json(
            {"looked_at": looked, "differences": [asdict(d) for d in differences], "pending": rights.pending(found)}
        )
    else:
        for look in looks:
            if look.error:
                click.echo(f"Community {look.community_id} could not be asked: {look.error}", err=True)
        for one in differences:
            click.echo(
                f"{one.kind}: {one.handle or one.holder} in {one.community}{f' by “{one.via}”' if one.via else ''}"
            )
        click.echo(
            f"{len(looks)} communities compared, {len(differences)} differences, {rights.pending(found)} on their way."
        )
    if differences or any(look.error for look in looks):
        raise click.exceptions.Exit(1)


def _tell(found: Deps, grant_id: int, as_json: bool) -> None:
    one = granted.grant(found, grant_id)
    if as_json:
        print_json(asdict(one) | {"pending_rights": rights.pending(found)})
        return
    click.echo(f"Grant {one.id} to {one.handle} is {one.state}.")
    _tell_obstacles(one)


def _tell_obstacles(one: granted.Shown) -> None:
    for obstacle in one.obstacles:
        words = obstacle.words or "The platform has no such act."
        click.echo(f"  Not possible there with our own account: {', '.join(obstacle.kinds)}. {words}")


def _place(found: Deps, connection: str, community: str | None) -> Place:
    for place in granted.places(found):
        if (place.connection, place.community) == (connection, community or ""):
            return place
    raise BadInput(f"There is no “{community or connection}” to give rights in. `tenth connections` lists them.")


COMMANDS = (grants,)
