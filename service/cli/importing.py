"""`tenth import`."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import IO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from moderation.errors import BadInput
from plugins.contract import BadLine
from service.cli.base import deps, json_option, print_json
from service.usecases.importing import import_file


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--connection", "name", required=True, help="The archive connection it goes to.")
@json_option
def import_command(file: Path, name: str, as_json: bool) -> None:
    """Import messages from FILE (JSONL, or a Mastodon outbox.json; "-" is standard input).

    Bad lines are named on standard error with the reason; the good ones go in. Importing the same file again adds
    nothing. Returns when everything is stored, scored and triaged.

    \b
    Example:  tenth connect archive --name old-forum
              tenth import posts.jsonl --connection old-forum
    """
    with ExitStack() as stack:
        stream: IO[bytes] = sys.stdin.buffer if str(file) == "-" else stack.enter_context(_open(file))
        bar = stack.enter_context(_bar())
        task = bar.add_task("reading", total=None)

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        counts = import_file(deps(), name, stream, _report, progress)
    summary = {k: v for k, v in asdict(counts).items() if k != "problems"}
    if as_json:
        print_json(summary)
        return
    click.echo(f"{counts.lines} lines read: {counts.new} new, {counts.bad} bad, {counts.failed} could not be stored.")
    click.echo(f"“{name}” now holds {counts.messages} messages in {counts.threads} threads.")


def _open(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from None


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def _report(bad: BadLine) -> None:
    click.echo(f"line {bad.number}: {bad.reason}", err=True)


COMMANDS = (import_command,)
