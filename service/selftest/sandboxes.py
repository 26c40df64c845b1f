"""Sandboxes of trials, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.selftest.place import TrialError

STOP_SECONDS = 5.0


@contextmanager
def sandbox(module: str, *given: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs `python -m module`; it ends with the block."""
    process = subprocess.Popen([sys.executable, "-m", module, *given], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def told_by(process: subprocess.Popen[bytes]) -> Any:
    """What a sandbox says of itself when it listens. Raises TrialError when it ends instead."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise TrialError("A sandbox did not start. Try: tenth sandbox")
    return json.loads(line)
