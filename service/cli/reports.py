"""`tenth reports`: what members reported, and one decision for all reports of a subject."""

from __future__ import annotations

from dataclasses import asdict

import click

from moderation.model import Capability
from moderation.reports import Verdict
from service.cli.base import deps, json_option, law_option, person_named, print_json
from service.usecases.report_deciding import ACTS, Ruling
from service.usecases.report_deciding import decide as decide_about
from service.usecases.reports import Group, groups

_by = click.option("--by", default="owner", show_default=True, help="The person of the desk who does it.")


@click.group("reports")
def reports() -> None:
    """Reports (flags) by members, grouped by what they are about and weighed by who was right before."""


@reports.command("list")
@_by
@json_option
def list_reports(by: str, as_json: bool) -> None:
    """List what waits for a decision, the most pressing first.

    \b
    Example:  tenth reports list --json
    """
    found = deps()
    waiting = groups(found, person_named(found, by))
    if as_json:
        print_json({"total": waiting.total, "items": [asdict(one) for one in waiting.groups]})
        return
    if not waiting.groups:
        click.echo("Nothing waits for a decision.")
    for one in waiting.groups:
        click.echo(_line(one))


@reports.command("decide")
@click.argument("report_id", type=int)
@click.argument("verdict", type=click.Choice([str(v) for v in Verdict]))
@click.option("--reason", default="", help="Why; needed where the reports are right.")
@click.option("--act", type=click.Choice([str(kind) for kind in ACTS]), help="What is done to the post for it.")
@click.option("--hours", type=int, help="How long a silence lasts.")
@click.option("--rule", type=int, help="The number of the rule that was broken.")
@law_option
@_by
@json_option
def decide(
    report_id: int,
    verdict: str,
    reason: str,
    act: str | None,
    hours: int | None,
    rule: int | None,
    law: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Decide about all open reports of the subject that a report is about.

    \b
    Example:  tenth reports decide 12 upheld --act hide --reason "Rule 2: no insults."
    """
    found = deps()
    ruling = Ruling(Verdict(verdict), reason, Capability(act) if act else None, hours, rule, law)
    number = decide_about(found, report_id, ruling, person_named(found, by))
    if as_json:
        print_json({"decision": number})
        return
    click.echo(f"Decided: number {number}. Nothing leaves for ten seconds.")


def _line(one: Group) -> str:
    what = f"a post by {one.author}" if one.message_id else "a post not read here" if one.unread else one.author
    where = one.community or one.connection
    reasons = ", ".join(sorted({complaint.reason for complaint in one.complaints}))
    return f"{one.id}  {one.weight:.2f}  {one.reporters} reporters  {what or 'somebody'} in {where}  ({reasons})"


COMMANDS = (reports,)
