"""`tenth evaluate`: how good the scorers and the triage are, on labelled texts and beside baselines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from moderation.scoring.contract import Scorer
from service.evaluation import table
from service.evaluation.curve import curve_rows
from service.evaluation.judges import Scored, build_scorers, judges
from service.evaluation.measure import as_json, mixed_rows, set_rows, suite_rows, suite_summaries
from service.evaluation.sets import LabelledSet, read_sets
from service.evaluation.speed import SpeedRow, speed_row
from service.evaluation.threads import thread_rows
from service.evaluation.turning import hint_rows, turn_rows

SPEED_TEXTS = 4096


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), help="Folder of labelled CSV files; without it, only our suite."
)
@click.option("--scorer", "wanted", multiple=True, help="Only this scorer; may be given several times.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object.")
def evaluate(data: Path | None, wanted: tuple[str, ...], as_lines: bool) -> None:
    """Measure every scorer, and the triage of threads, on labelled sets.

    A set is a CSV file, gzipped or not, with the columns text, lang, and toxic or needs (0 or 1); messages of threads
    have a column thread. Rows are kept apart: in domain, unseen domain, and the functional suite in the box. The same
    input gives the same figures; only the speeds are this machine's.

    \b
    Example:  tenth evaluate --data ../shared/data --json > figures.json
    """
    sets = read_sets(data) if data else []
    scorers, missing = build_scorers(wanted)
    scored = Scored(scorers, _progress)
    ranked, absent = judges(scored, sets)
    rows = [*set_rows(sets, ranked), *mixed_rows(sets, ranked)]
    suite, summaries = list(suite_rows(scored)), list(suite_summaries(scored))
    threads, curve = list(thread_rows(sets, scored)), list(curve_rows(sets, scored))
    turns, hints = list(turn_rows(sets, scored)), list(hint_rows(sets, scored))
    speeds = _speeds(scorers, sets)
    for line in (*missing, *absent):
        _progress(f"left out: {line}")
    if as_lines:
        parts: dict[str, Sequence[Any]] = {
            "sets": rows,
            "suite": suite,
            "summaries": summaries,
            "threads": threads,
            "curve": curve,
            "turns": turns,
            "hints": hints,
            "speed": speeds,
        }
        click.echo(json.dumps({name: [as_json(row) for row in part] for name, part in parts.items()}))
        return
    console = Console(width=None if sys.stdout.isatty() else 200)
    table.print_sets(console, rows)
    table.print_suite(console, suite, summaries)
    table.print_threads(console, threads)
    table.print_curve(console, curve)
    table.print_turning(console, turns, hints)
    table.print_speed(console, speeds)


def _speeds(scorers: Sequence[Scorer], sets: Sequence[LabelledSet]) -> list[SpeedRow]:
    """On texts of every set in turn, as they come."""
    columns = [one.texts for one in sets]
    texts = [column[i] for i in range(SPEED_TEXTS) for column in columns if i < len(column)][:SPEED_TEXTS]
    return [speed_row(scorer, texts) for scorer in scorers] if texts else []


def _progress(line: str) -> None:
    click.echo(line, err=True)


COMMANDS = (evaluate,)
