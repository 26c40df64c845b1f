"""`tenth team`: teams and who is in them, from the command line."""

from __future__ import annotations

import click

from moderation.errors import BadInput
from service.cli.base import actor, deps, json_option, print_json
from service.deps import Deps
from service.usecases import teams
from service.usecases.teams import Shown


@click.group("team")
def team() -> None:
    """Teams: each has a queue of its own."""


@team.command("list")
@json_option
def list_teams(as_json: bool) -> None:
    """Every team with its languages, people, and cases above the line.

    \b
    Example:  tenth team list
    """
    found = teams.teams(deps())
    if as_json:
        print_json([_json(one) for one in found])
        return
    for one in found:
        people = ", ".join(name for _, name in one.members) or "nobody"
        click.echo(f"{one.name} ({', '.join(one.languages) or 'every language'}): {people}; {one.open} in its queue")


@team.command("add")
@click.argument("name")
@click.option("--language", "languages", multiple=True, help="A language it answers in, such as fr; repeat for more.")
def add(name: str, languages: tuple[str, ...]) -> None:
    """Make a team, or open a closed one again.

    \b
    Example:  tenth team add Repairs --language en --language fr
    """
    teams.add_team(deps(), name, " ".join(languages), actor())
    click.echo(f"There is a team “{name}”.")


@team.command("join")
@click.argument("name")
@click.argument("username")
def join(name: str, username: str) -> None:
    """Put somebody into a team.

    \b
    Example:  tenth team join Support ada
    """
    _change(name, username, True)
    click.echo(f"“{username}” is in “{name}”.")


@team.command("quit")
@click.argument("name")
@click.argument("username")
def quit_team(name: str, username: str) -> None:
    """Take somebody out of a team.

    \b
    Example:  tenth team quit Support ada
    """
    _change(name, username, False)
    click.echo(f"“{username}” is not in “{name}”.")


@team.command("close")
@click.argument("name")
def close(name: str) -> None:
    """Close a team: its rules go, its cases are everybody's.

    \b
    Example:  tenth team close Repairs
    """
    found = deps()
    teams.close_team(found, teams.team_named(found, name), actor())
    click.echo(f"“{name}” is closed.")


def _change(name: str, username: str, inside: bool) -> None:
    found = deps()
    kept = _named(found, name)
    number = teams.candidate_named(found, username)
    if number is None:
        raise BadInput(f"There is nobody named “{username}” who may be in a team.")
    members = {i for i, _ in kept.members} | {number} if inside else {i for i, _ in kept.members} - {number}
    teams.change_team(found, kept.id, kept.name, ",".join(kept.languages), members, actor())


def _named(found: Deps, name: str) -> Shown:
    number = teams.team_named(found, name)
    return next(one for one in teams.teams(found) if one.id == number)


def _json(one: Shown) -> dict[str, object]:
    people = [name for _, name in one.members]
    return {"name": one.name, "languages": list(one.languages), "people": people, "open": one.open}


COMMANDS = (team,)
