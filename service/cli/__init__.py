"""`tenth`: the command line. Exit codes: 0 done, 1 it failed (the reason is on standard error), 2 wrong usage."""

from __future__ import annotations

import sys

import click

from moderation.errors import TenthError
from service.cli import (
    access,
    act,
    audit,
    bench,
    connecting,
    doctor,
    evaluate,
    grants,
    guards,
    helped,
    identities,
    importing,
    keeping,
    model,
    notices,
    perspective,
    privacy,
    queueing,
    redress,
    reports,
    rockstars,
    running,
    sandbox,
    scoring,
    selftest,
    stars,
    switches,
    teams,
    triaging,
    watch,
)
from service.logs import configure


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tenth", prog_name="tenth")
def cli() -> None:
    """The moderation and response desk for brands that own communities.

    With no settings, database and secret key live under ./var of the folder you stand in.
    """
    configure()


for module in (
    running,
    sandbox,
    connecting,
    importing,
    queueing,
    triaging,
    scoring,
    doctor,
    evaluate,
    model,
    audit,
    keeping,
    privacy,
    access,
    identities,
    teams,
    grants,
    act,
    reports,
    notices,
    redress,
    rockstars,
    stars,
    guards,
    helped,
    watch,
    perspective,
    switches,
    selftest,
    bench,
):
    for command in module.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Entry point: our own errors become one line on standard error and exit code 1."""
    try:
        cli()
    except TenthError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
