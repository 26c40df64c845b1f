"""`tenth retry`, `tenth backup`, `tenth restore`, `tenth secrets rotate`."""

from __future__ import annotations

from pathlib import Path

import click

from service.app import create_app
from service.cli.base import actor, deps, service
from service.usecases.backup import backup, restore
from service.usecases.deadletters import retry
from service.usecases.rotation import rotate

_path = click.Path(dir_okay=False, path_type=Path)


@click.command("retry")
@click.argument("ids", nargs=-1, type=int)
def retry_command(ids: tuple[int, ...]) -> None:
    """Give dead deliveries new tries: those named by number, or all.

    \b
    Example:  tenth retry 4711
    """
    count = retry(deps(), actor(), list(ids) or None)
    click.echo(f"{count} deliveries will be tried again.")


@click.command("backup")
@click.argument("file", type=_path)
def backup_command(file: Path) -> None:
    """Write everything to FILE while the service runs. Keep the secret key apart: it is not in the file.

    \b
    Example:  tenth backup tenth-2026-11-22.zip
    """
    counts = backup(service()[0], file)
    click.echo(f"{sum(counts.values())} rows of {len(counts)} tables are in {file}.")


@click.command("restore")
@click.argument("file", type=_path)
def restore_command(file: Path) -> None:
    """Read FILE into an empty database, with the secret key it was made under.

    \b
    Example:  TENTH_DATA_DIR=./new TENTH_SECRET_KEY=… tenth restore tenth-2026-11-22.zip
    """
    counts = restore(create_app(web=False), file)
    click.echo(f"{sum(counts.values())} rows of {len(counts)} tables are back.")


@click.group("secrets")
def secrets() -> None:
    """The keys under which credentials are kept."""


@secrets.command("rotate")
def rotate_command() -> None:
    """Put every kept credential under the newest key of TENTH_SECRET_KEY (new,old); then the old one may go.

    \b
    Example:  TENTH_SECRET_KEY=NEW,OLD tenth secrets rotate
    """
    count = rotate(deps(), actor())
    click.echo(f"{count} kept secrets are under the newest key now.")


COMMANDS = (retry_command, backup_command, restore_command, secrets)
