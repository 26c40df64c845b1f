"""A platform of a trial of replies, as a process: a sandbox in the trial's time, with questions that wait for answers.

Run as `python -m service.selftest.replies_sandbox MODE COUNT CLOCK SEED`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from flask import Flask

from service.sandbox.__main__ import serve
from service.sandbox.options import Options
from service.sandbox.server import create_sandbox, world_of
from service.sandbox.story import Category, Conversation, Line, Member, Story
from service.selftest.replies_clock import Clock
from service.selftest.replies_platform import BRAND, MODES, Mode

_ASKED = (
    ("en", "My machine stopped in the middle of a cup and blinks. What can I do?"),
    ("fr", "Ma machine s’est arrêtée au milieu d’une tasse et clignote. Que faire ?"),
    ("en", "The milk is cold since the last update. Is that known?"),
    ("fr", "Le lait est froid depuis la dernière mise à jour. Est-ce connu ?"),
)


def story(mode: Mode, count: int, clock: Clock) -> Story:
    """Conversations of one message each, by different people, that ask the brand."""
    where: Literal["forum", "fediverse"] = "forum" if mode == "absent" else "fediverse"
    asked = clock()
    members = [Member(BRAND, "Brava", "en", "brand", 4, on_fediverse=True)]
    conversations = []
    for number in range(count):
        language, text = _ASKED[number % len(_ASKED)]
        name = f"person{number}"
        members.append(Member(name, f"Person {number}", "en", on_fediverse=where == "fediverse"))
        at = asked - timedelta(hours=2, seconds=10 * number)
        line = Line(name, at, f"@{BRAND} {text}", language="fr" if language == "fr" else "en")
        conversations.append(Conversation(f"asked-{number}", where, f"Question {number}", (line,), category="help"))
    return Story(tuple(members), (Category(5, "help", "Help"),), tuple(conversations), ())


def main(given: Sequence[str]) -> int:
    """Serves until told to end, or until the trial is gone."""
    mode, count, clock, seed = given[0], int(given[1]), Clock.read(given[2]), int(given[3])
    found: Mode = next(one for one in MODES if one == mode)

    def make() -> Flask:
        options = Options(idempotency=found == "honoured")
        app = create_sandbox(story(found, count, clock), options=options, now=clock)
        world_of(app).faults.dice.seed(f"{seed} {mode}")
        return app

    return serve(make)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
