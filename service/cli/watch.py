"""`tenth watch`: words and patterns that are looked for in new messages."""

from __future__ import annotations

from dataclasses import asdict

import click

from moderation.watching import Does, Kind, Mode
from service.cli.base import deps, json_option, person_named, print_json
from service.deps import Deps
from service.usecases import backtest, watching
from service.usecases.learning import find_community
from service.usecases.watching import Wanted

_by = click.option("--by", default="owner", show_default=True, help="The person of the desk who does it.")


@click.group("watch")
def watch() -> None:
    """Watched words: drafts that count, tried on the last 30 days, then switched on."""


@watch.command("list")
@json_option
def list_watches(as_json: bool) -> None:
    """List them, those that are on first.

    \b
    Example:  tenth watch list --json
    """
    found = watching.watches(deps())
    if as_json:
        print_json([asdict(one) for one in found])
        return
    if not found:
        click.echo("Nothing is watched. Write a draft with `tenth watch add`.")
    for one in found:
        where = one.place or "everywhere"
        counts = f"{one.found} found, {one.acted} acted on in {watching.SHOWN_DAYS} days"
        click.echo(f"{one.id}  {one.mode}  {one.kind} “{one.pattern}”  {one.does}  {where}  ({counts})")


@watch.command("add")
@click.argument("text")
@click.option("--pattern", is_flag=True, help="TEXT is a regular expression in RE2's syntax, not words.")
@click.option("--does", default=str(Does.SURFACE), show_default=True, type=click.Choice([str(d) for d in Does]))
@click.option("--community", help="Its number, its name or connection/name; everywhere when not given.")
@click.option("--rule", type=int, help="The number of the community's rule that it breaks.")
@click.option("--reason", required=True, help="Why, in words that the author may read.")
@_by
@json_option
def add(
    text: str, pattern: bool, does: str, community: str | None, rule: int | None, reason: str, by: str, as_json: bool
) -> None:
    """Write a watch. It begins as a draft, which only counts.

    \b
    Example:  tenth watch add "crypto king" --does hide --reason "Rule 4: no advertising"
    """
    found = deps()
    with found.store.read() as session:
        place = find_community(session, community) if community else None
    kind = Kind.PATTERN if pattern else Kind.WORD
    _tell(found, watching.add(found, Wanted(kind, text, does, reason, place, rule), person_named(found, by)), as_json)


@watch.command("test")
@click.argument("watch_id", type=int)
@_by
@json_option
def test(watch_id: int, by: str, as_json: bool) -> None:
    """Try a watch on the messages of the last 30 days; nothing is done to them.

    \b
    Example:  tenth watch test 3
    """
    found = deps()
    tried = backtest.try_now(found, watch_id, person_named(found, by), _progress)
    if as_json:
        print_json(asdict(tried))
        return
    click.echo(f"{tried.hits} of {tried.read} messages, by {tried.authors} people.")
    click.echo(f"People had hidden {tried.hidden}, handled {tried.handled} and left {tried.left} to the community.")
    for one in watching.watch(found, watch_id).examples:
        click.echo(f"  {one.handle}: {' '.join(one.text.split())[:100]}")


@watch.command("on")
@click.argument("watch_id", type=int)
@_by
@json_option
def switch_on(watch_id: int, by: str, as_json: bool) -> None:
    """Switch a watch on, within 24 hours of a test. Whoever does so answers for it.

    \b
    Example:  tenth watch on 3 --by marta
    """
    _switch(watch_id, Mode.ON, by, as_json)


@watch.command("draft")
@click.argument("watch_id", type=int)
@_by
@json_option
def to_draft(watch_id: int, by: str, as_json: bool) -> None:
    """Let a watch count only.

    \b
    Example:  tenth watch draft 3
    """
    _switch(watch_id, Mode.DRAFT, by, as_json)


@watch.command("off")
@click.argument("watch_id", type=int)
@_by
@json_option
def switch_off(watch_id: int, by: str, as_json: bool) -> None:
    """Switch a watch off.

    \b
    Example:  tenth watch off 3
    """
    _switch(watch_id, Mode.OFF, by, as_json)


def _switch(watch_id: int, mode: Mode, by: str, as_json: bool) -> None:
    found = deps()
    watching.switch(found, watch_id, mode, person_named(found, by))
    _tell(found, watch_id, as_json)


def _tell(found: Deps, watch_id: int, as_json: bool) -> None:
    one = watching.watch(found, watch_id)
    if as_json:
        print_json(asdict(one))
        return
    click.echo(f"Watch {one.id} for “{one.pattern}” is {'a draft' if one.mode == Mode.DRAFT else one.mode}.")


def _progress(done: int, total: int) -> None:
    """On standard error, so that standard output stays one document."""
    click.echo(f"\r{done} of {total} messages read", nl=done >= total, err=True)


COMMANDS = (watch,)
