"""`tenth run`, `tenth worker`, `tenth migrate`."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import click

from service.app import create_app
from service.cli.base import service
from service.deps import deps_of
from service.jobs.embedded import Embedded
from service.jobs.rq_worker import run_rq_worker
from service.supervisor import Supervisor, die_with_parent
from service.usecases.storage import migrate, schema_state

#: The worker steps back for the web process: a webhook's sender and a person wait, a batch does not.
NICE = 10


@click.command("run")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--sandbox", is_flag=True, help="Start the sandbox community too, and connect it.")
def run(host: str, port: int, sandbox: bool) -> None:
    """Start the whole service: web and worker. Ctrl-C or SIGTERM stops it.

    \b
    Example:  tenth run --host 0.0.0.0 --port 8000
    """
    Supervisor(host, port, sandbox=sandbox).run()


@click.command("worker")
def worker() -> None:
    """Start one worker; with TENTH_REDIS_URL an RQ worker, as many as you like on any host.

    \b
    Example:  TENTH_REDIS_URL=redis://localhost:6379/0 tenth worker
    """
    die_with_parent()
    app, deps = service()
    if deps.settings.redis_url:
        run_rq_worker(deps)
        return
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, ask_to_stop)
    os.nice(NICE)
    Embedded(deps_of(app), stop).run()


@click.command("migrate")
def migrate_command() -> None:
    """Bring the database's tables up to date.

    \b
    Example:  tenth migrate
    """
    app = create_app(web=False)
    before, head = schema_state(app)
    migrate(app)
    click.echo(f"The database is at version {head}." if before != head else f"Already at version {head}.")


COMMANDS = (run, worker, migrate_command)
