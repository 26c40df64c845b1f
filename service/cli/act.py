"""`tenth act`: acts of moderation, undone, seconded and listed from the command line."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from moderation.errors import BadInput
from moderation.model import Capability
from service.cli.base import deps, json_option, law_option, print_json
from service.deps import Deps
from service.usecases import acted, moderating, seconding
from service.usecases.acted import KINDS
from service.usecases.moderating import Wish
from service.usecases.people import Known, as_known, named

_as = click.option("--as", "person", default="owner", show_default=True, help="The person of the desk who does it.")


class _ActOrCommand(click.Group):
    """`tenth act hide 12 …` is an act; `undo`, `back`, `second` and `list` are commands of their own."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = not args or args[0].startswith("-") or args[0] in self.commands
        return super().resolve_command(ctx, args if known else ["do", *args])


@click.group("act", cls=_ActOrCommand)
def act() -> None:
    """Moderate: `tenth act KIND THREAD`, with the same rights, limits and undo time as on the pages.

    \b
    Example:  tenth act hide 12 --message 31 --reason "Rule 2: insults" --as marta
    """


@act.command("do", hidden=True)
@click.argument("kind", type=click.Choice([str(kind) for kind in KINDS]))
@click.argument("thread_id", metavar="THREAD", type=int)
@click.option("--message", "messages", type=int, multiple=True, help="Which message; several wait for a second person.")
@click.option("--hours", type=int, help="Ends by itself after so many hours.")
@click.option("--to", type=int, help="The community that a conversation is moved to.")
@click.option("--rule", "rule_id", type=int, help="The number of the rule that was broken.")
@click.option("--reason", required=True, help="What happened; the author reads it.")
@law_option
@_as
@json_option
def do(
    kind: str,
    thread_id: int,
    messages: tuple[int, ...],
    hours: int | None,
    to: int | None,
    rule_id: int | None,
    reason: str,
    law: str | None,
    person: str,
    as_json: bool,
) -> None:
    """Ask for an act. It is held for ten seconds, then done by the running service.

    \b
    Example:  tenth act lock 12 --hours 24 --reason "Heated; again tomorrow"
    """
    found = deps()
    by = _person(found, person)
    wish = Wish(Capability(kind), thread_id, reason, None, hours, to, rule_id, law=law)
    wishes = [replace(wish, message_id=one) for one in messages or (None,)]
    if len(wishes) > 1:
        _tell(found, moderating.act_on_several(found, wishes, by), as_json)
    else:
        _tell(found, [moderating.act(found, wishes[0], by)], as_json)


@act.command("undo")
@click.argument("action_id", type=int)
@_as
@json_option
def undo(action_id: int, person: str, as_json: bool) -> None:
    """Undo an act that is still held.

    \b
    Example:  tenth act undo 7
    """
    found = deps()
    acted.undo(found, action_id, _person(found, person))
    _tell(found, [action_id], as_json)


@act.command("back")
@click.argument("action_id", type=int)
@click.option("--reason", required=True, help="Why.")
@_as
@json_option
def back(action_id: int, reason: str, person: str, as_json: bool) -> None:
    """Take back an act that was done, by its inverse.

    \b
    Example:  tenth act back 7 --reason "It was criticism"
    """
    found = deps()
    _tell(found, [moderating.take_back(found, action_id, _person(found, person), reason)], as_json)


@act.command("second")
@click.argument("action_id", type=int)
@click.option("--no", "refuse", is_flag=True, help="Say no instead.")
@_as
@json_option
def second(action_id: int, refuse: bool, person: str, as_json: bool) -> None:
    """Say the second yes to a request that waits, or no.

    \b
    Example:  tenth act second 7 --as noor
    """
    found = deps()
    by = _person(found, person)
    if refuse:
        seconding.refuse_second(found, action_id, by)
    _tell(found, [action_id] if refuse else seconding.second(found, action_id, by) or [action_id], as_json)


@act.command("list")
@click.option("--waiting", is_flag=True, help="Only what waits for a person's yes.")
@json_option
def list_acts(waiting: bool, as_json: bool) -> None:
    """List the newest acts and what became of them.

    \b
    Example:  tenth act list --waiting --json
    """
    shown = [one for one in acted.acts(deps(), size=200) if not waiting or one.state == "waiting"]
    if as_json:
        print_json([asdict(one) for one in shown])
        return
    if not shown:
        click.echo("Nothing waits." if waiting else "No acts yet.")
    for one in shown:
        end = f", taken back by {one.taken_back_by}" if one.taken_back_by else ""
        click.echo(f"{one.id}  {one.at:%Y-%m-%d %H:%M}  {one.kind}  {one.state}{end}  in {one.community}: {one.reason}")


def _tell(found: Deps, ids: list[int], as_json: bool) -> None:
    shown = [acted.act_numbered(found, number) for number in ids]
    if as_json:
        print_json([asdict(one) for one in shown])
        return
    for one in shown:
        click.echo(f"Act {one.id} ({one.kind}) is {one.state}.")


def _person(found: Deps, username: str) -> Known:
    with found.store.read() as session:
        person = named(session, username)
        if not person.active:
            raise BadInput("This account is closed.")
        return as_known(session, person)


COMMANDS = (act,)
