"""`tenth run` as a process: it keeps its children running, ends them all, and says when it cannot listen."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from service import supervisor
from service.supervisor import Child, KeepsEnding, PortTaken, Supervisor, refuse_taken_port
from tests.support.office import free_port, running, tenth, until


@dataclass
class Service:
    """A running `tenth run`."""

    process: subprocess.Popen[bytes]
    port: int
    home: Path

    def answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def children(self) -> dict[str, psutil.Process]:
        """The supervisor's own children by what they are."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                line = " ".join(child.cmdline())
            except psutil.NoSuchProcess:
                continue  # it has just ended
            found["web" if "gunicorn" in line else "worker" if "worker" in line else line] = child
        return found

    def everyone(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def said(self) -> str:
        return (self.home / "output").read_text()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    port = free_port()
    with running("run", "--port", str(port), cwd=tmp_path) as process:
        started = Service(process, port, tmp_path)
        until(started.answers)
        until(lambda: len(started.children()) == 2 and "Ctrl-C stops it." in started.said())
        yield started


def ended(processes: list[psutil.Process]) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_a_port_that_is_taken_is_said_at_once_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = tenth("run", "--port", str(other.getsockname()[1]), cwd=tmp_path)
    assert found.returncode == 1
    assert b"Error: Nothing can listen at 127.0.0.1" in found.stderr
    assert b"--port" in found.stderr
    assert b"Traceback" not in found.stderr
    assert not (tmp_path / "var" / "tenth.db").exists()


def test_an_address_that_is_not_ours_is_said() -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1:8000.*another"):
        refuse_taken_port("192.0.2.1", 8000, "Take another.")
    with pytest.raises(PortTaken):
        refuse_taken_port("no such host.invalid", 8000, "Take another.")
    refuse_taken_port("127.0.0.1", free_port(), "Take another.")


def test_a_wrong_setting_stops_the_start(tmp_path: Path) -> None:
    found = tenth("run", "--port", str(free_port()), cwd=tmp_path, TENTH_SCORER="magic")
    assert found.returncode == 1
    assert b"TENTH_SCORER" in found.stderr


def test_a_killed_child_is_started_again_and_a_stop_leaves_nobody(service: Service) -> None:
    """One start serves the whole story, because a start takes seconds."""
    assert "Sign in as “owner” with the password" in service.said()
    for name in ("web", "worker"):
        old = service.children()[name]
        grandchildren = old.children(recursive=True)
        old.send_signal(signal.SIGKILL)
        new = until(lambda name=name, old=old: _another(service, name, old.pid))
        until(lambda gone=grandchildren: ended(gone))
        assert new.pid != old.pid
    until(service.answers)
    assert "The web process ended (code -9); starting it again." in service.said()
    everyone = service.everyone()
    assert len(everyone) >= 3
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(60) == 0
    until(lambda: ended(everyone))
    assert not service.answers()
    refuse_taken_port("127.0.0.1", service.port, "")


def _another(service: Service, name: str, pid: int) -> psutil.Process | None:
    found = service.children().get(name)
    return found if found is not None and found.pid != pid else None


def test_an_interrupt_stops_everybody_and_so_does_the_end_of_the_supervisor(service: Service, tmp_path: Path) -> None:
    everyone = service.everyone()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(60) == 0
    until(lambda: ended(everyone))
    second = tmp_path / "second"
    second.mkdir()
    port = free_port()
    with running("run", "--port", str(port), cwd=second) as process:
        again = Service(process, port, second)
        until(lambda: len(again.children()) == 2 and again.answers())
        everyone = again.everyone()
        process.kill()
        process.wait(60)
        until(lambda: ended(everyone))


def test_a_child_that_keeps_ending_is_given_up_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "MOST_RESTARTS", 3)
    monkeypatch.setattr(supervisor, "STEADY_SECONDS", 600.0)  # a slow machine is no steady child
    watching = Supervisor("127.0.0.1", 1, sandbox=False)
    watching._start(Child("web", ["/bin/false"]))
    with pytest.raises(KeepsEnding, match=r"The web process keeps ending.*tenth doctor"):
        watching._watch()
    assert capsys.readouterr().err.count("starting it again") == 4


def test_a_child_that_does_not_listen_to_a_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_SECONDS", 0.5)
    watching = Supervisor("127.0.0.1", 1, sandbox=False)
    deaf = tmp_path / "deaf"
    child = Child("deaf", ["/bin/sh", "-c", f"trap '' TERM; : > '{deaf}'; while :; do sleep 0.05; done"])
    watching._start(child)
    until(deaf.exists)
    started = time.monotonic()
    watching._stop()
    assert child.process is not None
    assert child.process.wait(60) == -signal.SIGKILL
    assert time.monotonic() - started < 30


def test_signals_to_a_child_that_is_gone_do_no_harm() -> None:
    child = Child("gone", ["/bin/true"])
    child.signal(signal.SIGTERM)
    child.end_orphans()
    child.start()
    assert child.process is not None
    child.process.wait(60)
    child.signal(signal.SIGTERM)
    child.end_orphans()
    assert child.ended
