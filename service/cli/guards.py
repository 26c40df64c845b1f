"""`tenth guards`: how well the guards read our own words, and what they find in one text. No settings, no database."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from moderation.evaluation.metrics import Estimate
from moderation.guards.check import read
from moderation.guards.contract import House
from moderation.guards.measure import Row, rows
from moderation.guards.words import in_words
from service.cli.base import json_option, print_json

_SPLITS = {"built_on": "built on", "held_out": "held out"}


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def guards(context: click.Context, as_json: bool) -> None:
    """Precision and recall of the guards on sentences of our own, by guard, language and half.

    \b
    Example:  tenth guards
              tenth guards check "Please DM us your order number." --lang en
    """
    if context.invoked_subcommand is not None:
        return
    if as_json:
        print_json([_as_json(row) for row in rows()])
    else:
        _print(list(rows()))


@guards.command()
@click.argument("text")
@click.option("--lang", "language", default="", help="The language the text is declared in.")
@click.option("--limit", default=0.0, show_default=True, help="The amount that one person may promise.")
@click.option("--host", "hosts", multiple=True, help="A site of the brand's own; may be given several times.")
@click.option("--locale", default="en", type=click.Choice(["en", "fr"]), help="Language of the sentences.")
@json_option
def check(text: str, language: str, limit: float, hosts: tuple[str, ...], locale: str, as_json: bool) -> None:
    """Read one text and print what each guard finds in it.

    \b
    Example:  tenth guards check "We will refund you 120 €" --limit 50
    """
    found = read(text, language, House(limit, frozenset(hosts)))
    if as_json:
        print_json([{**finding.to_json(), "says": in_words(finding, locale)} for finding in found])
        return
    for finding in found:
        click.echo(f"{finding.guard}: “{text[finding.start : finding.end]}”\n    {in_words(finding, locale)}")
    if not found:
        click.echo("Nothing was found.")


def _as_json(row: Row) -> dict[str, Any]:
    counts = {"right": row.right, "wrong": row.wrong, "missed": row.missed}
    figures = {"precision": _known(row.precision), "recall": _known(row.recall)}
    return {"guard": row.guard, "language": row.language, "split": row.split, **counts, **figures}


def _known(estimate: Estimate) -> dict[str, float | None]:
    """Without a value where nothing was there to count."""
    value = None if estimate.value != estimate.value else round(estimate.value, 4)
    return {"value": value, "low": round(estimate.low, 4), "high": round(estimate.high, 4)}


def _print(found: list[Row]) -> None:
    table = Table("half", "lang", "guard", "right", "wrong", "missed", "precision", "recall", header_style="bold")
    for row in sorted(found, key=lambda row: row.split):
        counts = (str(row.right), str(row.wrong), str(row.missed))
        table.add_row(_SPLITS[row.split], row.language, row.guard, *counts, _said(row.precision), _said(row.recall))
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _said(estimate: Estimate) -> str:
    """`.81 (.74–.87)`: the share with its 95% interval."""
    if estimate.value != estimate.value:
        return "–"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


COMMANDS = (guards,)
