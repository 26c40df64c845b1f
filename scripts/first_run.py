"""Does what a newcomer does: `make run` in a fresh data folder, and looks whether the desk keeps its promises.

    python scripts/first_run.py

Checks: the queue shows real reasons within 90 s, every planted emergency is above the line (at most one of those that
use no alarm word may be missed, and is named) and no praise is, SIGTERM stops everything within 10 s, and a second
start is quick and keeps the data. Exit code 1 with the reason otherwise.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
FIRST_SECONDS = 90.0
STOP_SECONDS = 60.0
#: Kinds of planted threads that nobody at the brand wants to see above the line.
CALM = {"praise", "settled"}
#: Emergencies said without any alarm word that may be missed: how many stand above depends a little on the time of day.
MAY_MISS = 1


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        environment = _environment(place)
        with _service(environment) as (process, started):
            _wait_for_emergencies(environment, place, started)
            print(f"first run: the queue stood after {time.monotonic() - started:.0f} s")
            stored = _count(place)
            _stop(process)
        with _service(environment) as (process, started):
            _wait(lambda: _healthy(environment), FIRST_SECONDS, "the second start did not answer")
            print(f"second run: answered after {time.monotonic() - started:.1f} s")
            _require(_count(place) >= stored, "the second run lost messages")
            _stop(process)


def _environment(place: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TENTH_")}
    ports = {"TENTH_SANDBOX_PORT": str(_free_port()), "FIRST_RUN_PORT": str(_free_port())}
    return kept | ports | {"TENTH_DATA_DIR": str(place / "var")}


@contextmanager
def _service(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    tenth = shutil.which("tenth", path=str(Path(sys.executable).parent)) or "tenth"
    started = time.monotonic()
    command = [tenth, "run", "--sandbox", "--port", environment["FIRST_RUN_PORT"]]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    try:
        yield process, started
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for_emergencies(environment: dict[str, str], place: Path, started: float) -> None:
    missed: list[str] = ["nothing was read yet"]

    def good() -> bool:
        missed[:] = _misplaced(environment, place) if _healthy(environment) and _queue_stands(place) else missed
        return not missed

    _wait(good, FIRST_SECONDS - (time.monotonic() - started), "after 90 s: " + "; ".join(missed), missed)


def _queue_stands(place: Path) -> bool:
    database = place / "var" / "tenth.db"
    return database.exists() and _ask(place, 'SELECT count(*) FROM "case"') > 0


def _misplaced(environment: dict[str, str], place: Path) -> list[str]:
    tenth = Path(sys.executable).parent / "tenth"
    found = subprocess.run([tenth, "sandbox", "--answers", "--json"], env=environment, capture_output=True, check=True)
    above = _above(place)
    wrong: list[str] = []
    missed: list[str] = []
    for planted in json.loads(found.stdout):
        is_above = any(planted["opening"][:60] in text for text in above)
        if planted["expected"] == "surface" and not is_above:
            (wrong if planted["by_rule"] else missed).append(f"below the line: {planted['title'][:60]}")
        if planted["kind"] in CALM and is_above:
            wrong.append(f"above the line: {planted['title'][:60]}")
    if len(missed) > MAY_MISS or wrong:
        return wrong + missed
    print("; ".join(missed) or "every planted emergency is above the line")
    return []


def _above(place: Path) -> list[str]:
    with sqlite3.connect(place / "var" / "tenth.db") as database:
        query = (
            'SELECT m.text FROM message m JOIN "case" c ON c.thread_id = m.thread_id '
            "WHERE c.open AND c.lane IN ('needs', 'always')"
        )
        return [row[0] for row in database.execute(query)]


def _count(place: Path) -> int:
    return _ask(place, "SELECT count(*) FROM message")


def _ask(place: Path, query: str) -> int:
    with sqlite3.connect(place / "var" / "tenth.db") as database:
        try:
            return int(database.execute(query).fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def _healthy(environment: dict[str, str]) -> bool:
    try:
        address = f"http://127.0.0.1:{environment['FIRST_RUN_PORT']}/healthz"
        return httpx.get(address, timeout=10.0, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        sys.exit(f"SIGTERM did not stop it within {STOP_SECONDS:.0f} s")
    print(f"stopped after {time.monotonic() - asked:.1f} s")


def _wait(done: Callable[[], bool], seconds: float, problem: str, details: list[str] | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            sys.exit("; ".join(details) if details else problem)
        time.sleep(1.0)


def _require(good: bool, problem: str) -> None:
    if not good:
        sys.exit(problem)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


if __name__ == "__main__":
    main()
