"""`tenth stop`, `tenth go`, `tenth shadow`: what may leave the house."""

from __future__ import annotations

import click

from service.cli.base import actor, deps
from service.usecases.connections import find, set_shadow
from service.usecases.switches import set_stop


@click.command("stop")
@click.option("--reason", default="", help="Kept in the audit log.")
def stop(reason: str) -> None:
    """Stop every outgoing act at once. Reading goes on; held acts wait, none is lost.

    \b
    Example:  tenth stop --reason "wrong answers go out"
    """
    set_stop(deps(), True, actor(), reason)
    click.echo("Stopped: nothing is sent until `tenth go`.")


@click.command("go")
@click.option("--reason", default="", help="Kept in the audit log.")
def go(reason: str) -> None:
    """Lift the global stop.

    \b
    Example:  tenth go
    """
    set_stop(deps(), False, actor(), reason)
    click.echo("The global stop is lifted.")


@click.command("shadow")
@click.argument("name")
@click.option("--off", is_flag=True, help="Go live: acts may be sent through this connection.")
@click.option("--reason", default="", help="Kept in the audit log.")
def shadow(name: str, off: bool, reason: str) -> None:
    """Put a connection in shadow mode (it reads and sends nothing), or live with --off.

    \b
    Example:  tenth shadow brava-forum --off
    """
    d = deps()
    with d.store.read() as session:
        connection_id = find(session, name).id
    set_shadow(d, connection_id, not off, actor(), reason)
    click.echo(f"“{name}” is live." if off else f"“{name}” is in shadow: it reads, and sends nothing.")


COMMANDS = (stop, go, shadow)
