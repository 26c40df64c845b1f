"""`tenth selftest`."""

from __future__ import annotations

import click

from service.cli.base import json_option, print_json
from service.selftest.intake import Plan, Result, try_intake


@click.group("selftest")
def selftest() -> None:
    """Try the service on a throw-away database; your own is not touched."""


@selftest.command("intake")
@click.option("--kills", default=20, show_default=True, type=click.IntRange(0, 200), help="Processes to kill.")
@click.option("--webhooks", default=5_000, show_default=True, type=click.IntRange(50, 200_000), help="In each storm.")
@click.option("--senders", default=8, show_default=True, type=click.IntRange(1, 64), help="Senders at once.")
@click.option("--seed", default=10, show_default=True, type=int, help="Decides what is sent and who is killed when.")
@json_option
def intake(kills: int, webhooks: int, senders: int, seed: int, as_json: bool) -> None:
    """Storm the webhooks while processes are killed: nothing may be lost, doubled or wrongly believed.

    Runs in a temporary folder, or in a schema of its own in the PostgreSQL database that TENTH_SELFTEST_DATABASE_URL
    names. Exit code 1 when a promise was broken.

    \b
    Example:  tenth selftest intake --kills 3 --webhooks 400
    """
    result = try_intake(Plan(kills, webhooks, senders, seed), lambda words: click.echo(words, err=True))
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)
    if not result.good:
        raise SystemExit(1)


def _print(result: Result) -> None:
    click.echo("Every promise was kept." if result.good else "A PROMISE WAS BROKEN.")
    killed = ", ".join(f"{role} {count}" for role, count in sorted(result.killed.items()))
    rows = (
        ("kills", f"{result.kills} ({killed or 'none'})"),
        ("good events", f"{result.sent} sent, {result.accepted} accepted, {result.stored} stored"),
        ("lost / doubled", f"{result.lost} / {result.doubled}"),
        ("bad webhooks", f"{result.bad} sent, {result.refused} refused"),
        ("import", f"{result.imported} messages, {result.import_lost} lost"),
        ("memory", f"{result.rss_growth_mb:+.1f} MB after the warm-up, at {result.calm_per_s:.0f} webhooks a second"),
        ("sent again", f"{result.retried} calls after a broken connection or an error"),
        ("stopped in", f"{result.stopped_s:.1f} s"),
        ("took", f"{result.seconds:.0f} s"),
    )
    for name, words in rows:
        click.echo(f"  {name:<16}{words}")


COMMANDS = (selftest,)
