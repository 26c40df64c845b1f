"""The processes of a running desk, read from /proc: who they are and how much memory they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from service.selftest.place import TrialError

Role = Literal["web_master", "web", "worker"]
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the desk."""

    pid: int
    role: Role


def desk_processes(supervisor: int) -> list[Process]:
    """The web's master and workers, and the worker of jobs, as far as they live now."""
    parents = _parents()
    found: list[Process] = []
    for pid in _children(parents, supervisor):
        words = _command(pid)
        if "gunicorn" in words:
            found.append(Process(pid, "web_master"))
            found += [Process(child, "web") for child in _children(parents, pid)]
        elif "worker" in words:
            found.append(Process(pid, "worker"))
    return found


def lives(pid: int) -> bool:
    """Whether a process runs; one that ended and was not fetched yet does not."""
    return pid in _parents()


def rss_mb(pid: int) -> float:
    """Resident memory in MB."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def web_rss_mb(supervisor: int) -> float:
    """What the process that answers requests holds."""
    return sum(rss_mb(p.pid) for p in desk_processes(supervisor) if p.role == "web")


def _parents() -> dict[int, int]:
    """The parent of each living process; one that ended and was not fetched yet is not among them."""
    if not (_PROC / "self" / "stat").exists():
        raise TrialError("Processes are found through /proc, which this system does not have. Run it on Linux.")
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(entry.name)] = int(parent)
    return found


def _children(parents: dict[int, int], pid: int) -> list[int]:
    return sorted(child for child, parent in parents.items() if parent == pid)


def _command(pid: int) -> list[str]:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []
