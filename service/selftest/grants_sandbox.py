"""The forum of a trial of grants, as a process: the sandbox's community in the trial's time, keeping its own books.

Run as `python -m service.selftest.grants_sandbox CALLS CLOCK SEED`; CALLS are those a minute that its admin allows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flask import Flask

from service.sandbox.__main__ import serve
from service.sandbox.options import Options
from service.sandbox.server import create_sandbox, world_of
from service.sandbox.story import Story
from service.sandbox.writer import build_story
from service.selftest.grants_books import keep_books
from service.selftest.replies_clock import Clock


def forum_story(now: datetime, seed: int) -> Story:
    """What the community says on its forum."""
    whole = build_story(now, seed)
    return replace(whole, conversations=tuple(c for c in whole.conversations if c.where == "forum"))


def main(given: Sequence[str]) -> int:
    """Serves until told to end, or until the trial is gone."""
    calls, clock, seed = int(given[0]), Clock.read(given[1]), int(given[2])

    def make() -> Flask:
        app = create_sandbox(forum_story(clock.born, seed), options=Options(admin_calls_per_minute=calls), now=clock)
        keep_books(app)
        world_of(app).faults.dice.seed(f"{seed} grants")
        return app

    return serve(make)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
