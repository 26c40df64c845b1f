"""What a trial of replies puts into the desk's own processes: its clock, and points at which they end themselves.

The processes are those of `tenth run`: the supervisor, gunicorn and its workers, `tenth worker`. Python reads a file
`sitecustomize.py` as it starts; only the trial's throw-away folder has one, and only the trial's processes look there.
The service itself knows no switch for this.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask

from service import app as application
from service.bootstrap import wire
from service.config import Settings
from service.deps import Deps, deps_of
from service.selftest.replies_clock import Clock, by_clock
from service.selftest.replies_points import arm
from service.selftest.replies_slips import Slips
from service.supervisor import die_with_parent

_ROOT = Path(__file__).resolve().parents[2]
#: A process that this could not be put into must not run on as if it were one of the trial.
_FILE = """\
import os
import traceback

try:
    from service.selftest.replies_inside import come_in

    come_in({clock!r}, {folder!r})
except BaseException:
    traceback.print_exc()
    os._exit(70)
"""


def write_inside(folder: Path, clock: str, slips: Slips) -> dict[str, str]:
    """Writes the file into a folder of its own. Gives the variables with which a process finds it."""
    folder.mkdir(mode=0o700)
    (folder / "sitecustomize.py").write_text(_FILE.format(clock=clock, folder=str(slips.folder)))
    return {"PYTHONPATH": f"{folder}:{_ROOT}"}


def come_in(clock: str, folder: str) -> None:
    """Every desk that is wired in this process lives by the clock, and takes a point if its role has points."""
    die_with_parent()
    at = Clock.read(clock)

    def wire_for_the_trial(app: Flask, settings: Settings) -> Deps:
        wire(app, settings)
        point = Slips(Path(folder)).take(role_of(sys.argv))
        deps = by_clock(deps_of(app), at)
        app.extensions["tenth"] = arm(deps, point) if point is not None else deps
        return deps_of(app)

    application.wire = wire_for_the_trial  # type: ignore[attr-defined]


def role_of(words: list[str]) -> str:
    """What a process is, by its command line; neither `web` nor `worker` is the supervisor."""
    if "service.wsgi:application" in words:
        return "web"
    return "worker" if words[1:] == ["worker"] else "supervisor"
