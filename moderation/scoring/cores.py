"""How many processor cores this process may use: its affinity, and the quota of its control group where one is set."""

from __future__ import annotations

import os
from pathlib import Path

GROUP = Path("/sys/fs/cgroup")


def cores(group: Path = GROUP) -> int:
    """Whole cores, at least one. A quota of one and a half cores counts as one: a second thread would be held back."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, int(_quota(group))))


def _quota(group: Path) -> float:
    """Version 2 keeps "quota period" in one file, version 1 in two; "max", below zero or no file mean no limit."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()[:2]
        else:
            quota, period = ((group / "cpu" / f"cpu.cfs_{part}_us").read_text() for part in ("quota", "period"))
        found = float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return float(os.cpu_count() or 1)
    return found if found > 0 else float(os.cpu_count() or 1)
