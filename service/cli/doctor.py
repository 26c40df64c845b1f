"""`tenth doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict

import click

from service.cli.base import json_option, print_json
from service.doctor import diagnose


@click.command("doctor")
@json_option
def doctor(as_json: bool) -> None:
    """Check database, queue, scorer, each connection and the clock; say what to do. Exit code 1 when something fails.

    \b
    Example:  tenth doctor
    """
    findings = diagnose()
    if as_json:
        print_json([asdict(f) for f in findings])
    else:
        for found in findings:
            click.echo(f"{'ok  ' if found.ok else 'FAIL'} {found.part}: {found.words}")
            if found.do:
                click.echo(f"       {found.do}")
    if not all(f.ok for f in findings):
        raise SystemExit(1)


COMMANDS = (doctor,)
