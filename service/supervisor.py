"""`tenth run`: a web process, a worker process, the sandbox when asked for. A child that dies is started again."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from moderation.errors import TenthError
from service.app import create_app
from service.config import SANDBOX_NOTE, Settings, load_settings
from service.deps import deps_of
from service.sandbox.client import FORUM_CALLS, born, connect_sandbox, wait_for
from service.scorers import build_scorer
from service.usecases.people import ensure_owner
from service.usecases.rules import ensure_rules
from service.usecases.storage import ready_schema
from service.usecases.teams import ensure_teams

STOP_SECONDS = 8.0
SANDBOX_PORT = 8765
#: A child that dies at once, again and again, is not started forever.
MOST_RESTARTS = 30
#: One that has run this long did not die at once: its restarts are counted from zero again.
STEADY_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


class PortTaken(TenthError):
    """Somebody else listens where we should."""


class KeepsEnding(TenthError):
    """A child ends as soon as it is started, again and again."""


def refuse_taken_port(host: str, port: int, instead: str) -> None:
    """Looks before any child is started: one that cannot listen would only be started again and again."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does
            probe.bind(address)
    except OSError as error:
        raise PortTaken(f"Nothing can listen at {host}:{port} ({error.strerror}). {instead}") from None


def die_with_parent() -> None:
    """Asks Linux for SIGTERM when our parent dies, so that a killed supervisor leaves nobody behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Child:
    """One process of ours."""

    name: str
    command: list[str]
    output: int | None = None
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    started_at: float = 0.0
    again_at: float | None = None

    @property
    def ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def start(self) -> None:
        self.started_at, self.again_at = time.monotonic(), None
        self.process = subprocess.Popen(  # our own command lines, no shell
            self.command,
            stdout=self.output,
            preexec_fn=die_with_parent,  # noqa: PLW1509 (this process has no threads)
            start_new_session=True,
        )

    def signal(self, number: int) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)

    def end_orphans(self) -> None:
        """What a killed child has left of its own children: the web's would keep the port."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)


class Supervisor:
    """Starts, watches and stops the children."""

    def __init__(self, host: str, port: int, *, sandbox: bool) -> None:
        self._host, self._port, self._sandbox = host, port, sandbox
        self._children: list[Child] = []
        self._stopping = False
        self._given_up = ""

    def run(self) -> None:
        """Blocks until SIGINT or SIGTERM. Raises PortTaken at once, KeepsEnding when a child cannot be kept running."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        settings = self._settings()
        self._refuse_taken_ports()
        app = create_app(settings, web=False)
        ready_schema(app)
        build_scorer(settings)  # a missing model stops the start, not the first message
        owner, password = ensure_owner(deps_of(app))
        ensure_teams(deps_of(app))
        ensure_rules(deps_of(app))
        if self._sandbox:
            connect_sandbox(deps_of(app), self._start_sandbox(settings))
        deps_of(app).store.engine.dispose()
        self._start(Child("web", self._web(settings)))
        self._start(Child("worker", [sys.executable, "-m", "service.cli", "worker"]))
        self._greet(settings, owner, password)
        self._watch()

    def _refuse_taken_ports(self) -> None:
        refuse_taken_port(self._host, self._port, "Is Tenth running already? Take another port with --port.")
        if self._sandbox:
            refuse_taken_port("127.0.0.1", sandbox_port(), "Set TENTH_SANDBOX_PORT to another port.")

    def _settings(self) -> Settings:
        settings = load_settings()
        if self._sandbox:
            settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            (settings.data_dir / SANDBOX_NOTE).write_text(f"127.0.0.1:{sandbox_port()}")
        return settings

    def _web(self, settings: Settings) -> list[str]:
        return [
            *(sys.executable, "-m", "gunicorn", "service.wsgi:application"),
            *("--bind", f"{self._host}:{self._port}", "--workers", "1", "--threads", str(settings.web_threads)),
            *("--worker-class", "gthread", "--graceful-timeout", "5", "--timeout", "60", "--keep-alive", "5"),
            *("--log-level", "warning", "--no-control-socket"),
        ]

    def _start_sandbox(self, settings: Settings) -> str:
        url = f"http://127.0.0.1:{sandbox_port()}"
        end = born(settings.data_dir).isoformat()
        command = [sys.executable, "-m", "service.sandbox", "--port", str(sandbox_port()), "--born", end]
        child = Child("sandbox", [*command, "--admin-calls", str(FORUM_CALLS)], output=subprocess.DEVNULL)
        self._start(child)
        wait_for(url, lambda: self._alive(child))
        return url

    def _alive(self, child: Child) -> bool:
        return not self._stopping and child.process is not None and child.process.poll() is None

    def _start(self, child: Child) -> None:
        child.start()
        self._children.append(child)

    def _ask_to_stop(self, *_: Any) -> None:
        self._stopping = True

    def _watch(self) -> None:
        while not self._stopping:
            time.sleep(0.2)
            for child in self._children:
                if child.ended and not self._stopping:
                    self._revive(child, time.monotonic())
        self._stop()
        if self._given_up:
            raise KeepsEnding(self._given_up)

    def _revive(self, child: Child, now: float) -> None:
        """At once at first, later after a pause in which the other children are still looked after."""
        if child.again_at is None:
            self._bury(child, now)
        if child.again_at is not None and now >= child.again_at and not self._stopping:
            child.start()

    def _bury(self, child: Child, now: float) -> None:
        code = child.process.returncode if child.process else None
        child.restarts = 1 if now - child.started_at > STEADY_SECONDS else child.restarts + 1
        click.echo(f"The {child.name} process ended (code {code}); starting it again.", err=True)
        if child.restarts > MOST_RESTARTS:
            self._given_up = f"The {child.name} process keeps ending. Run `tenth doctor` to see why."
            self._stopping = True
        child.end_orphans()
        child.again_at = now + (min(5.0, 0.5 * child.restarts) if child.restarts > 3 else 0.0)

    def _stop(self) -> None:
        for child in self._children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        _wait(lambda: all(c.process is None or c.process.poll() is not None for c in self._children), deadline)
        for child in self._children:
            child.signal(signal.SIGKILL)

    def _greet(self, settings: Settings, owner: str, password: str | None) -> None:
        address = settings.public_url or f"http://{self._host}:{self._port}"
        click.echo(f"\n  Tenth is at {address}")
        if password:
            click.echo(f"  Sign in as “{owner}” with the password “{password}”")
        else:
            click.echo(f"  Sign in as “{owner}”; `tenth person password {owner}` gives a new password.")
        if self._sandbox:
            click.echo("  The sandbox community Brava is connected; it is being read now.")
        click.echo("  Ctrl-C stops it.\n")
        sys.stdout.flush()


def sandbox_port() -> int:
    """Where `make run` finds the sandbox; another port by TENTH_SANDBOX_PORT."""
    return int(os.environ.get("TENTH_SANDBOX_PORT", SANDBOX_PORT))


def _wait(done: Callable[[], bool], deadline: float) -> None:
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
