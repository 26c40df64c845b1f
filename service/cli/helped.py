"""`tenth helped`: how people felt before and after the answer, how fast it came, whether targets were met."""

from __future__ import annotations

from datetime import timedelta

import click

from moderation.evaluation.metrics import Estimate
from moderation.feelings import Moves
from moderation.helped import Figures, Share, Waits
from moderation.words import duration
from service.cli.base import deps, json_option, print_json, read_time
from service.usecases.helped import Report, sum_up_all
from service.usecases.helped import helped as measured
from service.usecases.helped_json import report_json

DAYS = 28


@click.command("helped")
@click.option("--since", default="", help=f"Conversations that began since (ISO 8601); {DAYS} days when left out.")
@json_option
def helped(since: str, as_json: bool) -> None:
    """Say whether it helped: feelings at the start and at the end, response times, targets, coverage.

    \b
    Example:  tenth helped --json
              tenth helped --since 2026-11-01
    """
    d = deps()
    start = read_time(since) if since else d.now() - timedelta(days=DAYS)
    sum_up_all(d)
    found = measured(d, start)
    if as_json:
        print_json(report_json(found))
    else:
        _print(found)


def _print(found: Report) -> None:
    click.echo(f"{found.figures.conversations} conversations since {found.since:%Y-%m-%d %H:%M %Z}")
    _figures(found.figures)
    coverage = found.coverage
    click.echo(
        f"  read: {_share(coverage.share)} of what came in ({coverage.waiting} wait, {coverage.dead} could not be read)"
    )
    if found.targets:
        click.echo(f"  open with a target: {found.running}, overdue {found.late}")
    for group in found.topics:
        topic = group.topic or "no topic"
        _feelings(f"{group.connection}/{group.community} · {topic}", group.figures)
    for team in found.teams if found.routed else ():
        _feelings(f"team {team.team}" if team.team_id is not None else "no team", team.figures)


def _figures(of: Figures) -> None:
    click.echo(f"  feelings around the brand's first answer: {_moves(of.ours)}")
    if of.asked_back.started:
        click.echo(f"    asked in public whether it helped: {_moves(of.asked_back)}; {of.told} said something")
    click.echo(f"  where only the community answered: {_moves(of.theirs)}")
    for words, waits in (("brand", of.brand), ("community", of.community), ("solved", of.settled)):
        click.echo(f"  {words}: {_waits(waits)}")
    click.echo(f"  answered by the community within an hour: {_share(of.within_hour)}")
    for words, share in (("response", of.response), ("resolution", of.resolution)):
        if share.of:
            click.echo(f"  {words} target met: {_share(share)}")


def _feelings(name: str, of: Figures) -> None:
    click.echo(f"\n{name}: {of.conversations} conversations")
    click.echo(f"  {_moves(of.ours)}")


def _moves(of: Moves) -> str:
    if not of.ended:
        return f"none came back of {of.started}"
    change = (
        f", mean change {of.change.value:+.2f} ({of.change.low:+.2f} to {of.change.high:+.2f})" if of.change else ""
    )
    return (
        f"{of.start:+.2f} -> {of.end:+.2f}{change}; happier {_share(Share(of.up, of.ended))}, same {of.same}, "
        f"unhappier {of.down}; {of.ended} of {of.started} came back"
    )


def _waits(of: Waits) -> str:
    if of.wall is None or of.counted is None:
        return f"{of.count}, too few for a median"
    return f"{of.count}, median {_length(of.wall)}; of the hours that count {_length(of.counted)}"


def _length(of: Estimate) -> str:
    return f"{duration(of.value)} ({duration(of.low)} to {duration(of.high)})"


def _share(of: Share) -> str:
    if not of.of:
        return "not known"
    found = of.estimate
    return f"{found.value:.0%} ({of.count} of {of.of}, 95%: {found.low:.0%} to {found.high:.0%})"


COMMANDS = (helped,)
