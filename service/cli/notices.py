"""`tenth notices`: notices of illegal content that wait, and what is decided of them."""

from __future__ import annotations

from dataclasses import asdict

import click

from moderation.statements import category_words
from service.cli.base import deps, json_option, law_option, person_named, print_json
from service.usecases import notices as usecase
from service.usecases.notices import Decision, Shown


@click.group("notices")
def notices() -> None:
    """Notices of illegal content, sent by anybody with the form at /notice."""


@notices.command("list")
@click.option("--decided", is_flag=True, help="Those that were decided, the newest first.")
@click.option("--after", type=int, help="Where the page before ended.")
@json_option
def list_notices(decided: bool, after: int | None, as_json: bool) -> None:
    """List notices that wait, the oldest first.

    \b
    Example:  tenth notices list --json
    """
    found, further = usecase.notices(deps(), decided=decided, before=after)
    if as_json:
        print_json({"notices": [asdict(one) for one in found], "further": further})
        return
    if not found:
        click.echo("No notices." if decided else "No notice waits.")
    for one in found:
        what = category_words(one.category, "en")
        click.echo(f"{one.id}  {one.made_at:%Y-%m-%d %H:%M}  {one.state}  {what}  {one.url}")
        click.echo(f"    {_about(one)}")
    if further is not None:
        click.echo(f"There are more: --after {further}")


@notices.command("decide")
@click.argument("notice_id", type=int)
@click.option("--act", "did", type=click.Choice([str(kind) for kind in usecase.ACTS]), help="What to do.")
@click.option("--by-hand", is_flag=True, help="It was dealt with on the platform: no message is known here.")
@click.option("--reject", is_flag=True, help="Do nothing: it is not illegal.")
@click.option("--reason", required=True, help="Read by whoever gave notice, and by the author.")
@click.option("--hours", type=int, help="The length of a silence.")
@click.option("--rule", type=int, help="The number of the community's rule that it breaks, if any.")
@law_option
@click.option("--by", default="owner", show_default=True, help="The person of the desk who decides.")
@json_option
def decide(
    notice_id: int,
    did: str | None,
    by_hand: bool,
    reject: bool,
    reason: str,
    hours: int | None,
    rule: int | None,
    law: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Decide a notice: --act, --by-hand or --reject.

    \b
    Example:  tenth notices decide 3 --act hide --reason "A threat." --law "Penal code, art. 222-17"
    """
    if [did is not None, by_hand, reject].count(True) != 1:
        raise click.UsageError("Give one of --act, --by-hand and --reject.")
    found = deps()
    kind = next((known for known in usecase.ACTS if known == did), None)
    decision = Decision(not reject, reason, kind, hours, rule, law)
    usecase.decide(found, notice_id, decision, person_named(found, by))
    state = "rejected" if reject else "acted"
    if as_json:
        print_json({"notice": notice_id, "state": state})
    else:
        click.echo(f"Notice {notice_id}: {state}.")


def _about(one: Shown) -> str:
    if one.content is None:
        return "no message is known at this address"
    return f"{one.content.author} in {one.content.community}: {one.content.text[:120]}"


COMMANDS = (notices,)
