"""The desk's processes in a trial of replies: `web`, in which a person writes and sends, and `worker`, which posts.

Both are the service's own code in the trial's time: `web` calls the use cases that the pages call, `worker` is the
embedded worker. Run as `python -m service.selftest.replies_process ROLE CLOCK SEED EACH [POINT PASSES]`.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from moderation.errors import BadInput
from service.app import create_app
from service.db.models import Case, Person
from service.db.reply_tables import Reply
from service.deps import Deps, deps_of
from service.jobs.embedded import Embedded
from service.selftest.place import TrialError
from service.selftest.replies_clock import Clock, by_clock
from service.selftest.replies_points import Point, arm
from service.supervisor import die_with_parent
from service.usecases import replies
from service.usecases.people import Known, ensure_owner, known_person
from service.usecases.replies import Words

log = structlog.get_logger(__name__)

#: More answers to one case than any trial writes.
MOST_EACH = 1_000
#: Every so many answers are taken back at once and sent again.
UNDO_EVERY = 10
_SYLLABLES = tuple(c + v for c in "bdfgklmnprstvz" for v in "aeiou")
_ANSWERS = (
    "Thank you for telling us. Please switch the machine off at the wall for a minute; we look into it here.",
    "Merci de nous le dire. Éteignez la machine une minute à la prise ; nous regardons cela ici même.",
)


@dataclass(frozen=True, slots=True)
class Task:
    """One answer to write: the `number`th to its case."""

    case_id: int
    number: int

    @property
    def mark(self) -> str:
        """A word that only this answer holds. Letters only: no guard takes it for somebody's number."""
        word, left = "", self.case_id * MOST_EACH + self.number
        for _ in range(5):
            left, rest = divmod(left, len(_SYLLABLES))
            word += _SYLLABLES[rest]
        return f"trial-{word}"

    @property
    def text(self) -> str:
        return f"{_ANSWERS[self.case_id % len(_ANSWERS)]} ({self.mark})"


def write_answers(deps: Deps, tasks: Sequence[Task], person: Known) -> None:
    """Writes what is not on its way yet. A second run goes on where the first one was ended."""
    for number, task in enumerate(tasks, 1):
        undo = number % UNDO_EVERY == 0
        while not _answered(deps, task):
            try:
                reply_id = _answer(deps, task, person)
                if undo and _undone(deps, reply_id, person):
                    _answer(deps, task, person)
            except OperationalError as error:  # PostgreSQL ends a deadlock so: an error page, and the person goes on
                log.warning("trial.refused_by_database", error=str(error.orig).splitlines()[0])
                undo = False


def _answer(deps: Deps, task: Task, person: Known) -> int:
    """Draft, words, send: each a transaction of its own, as on the pages. Gives the reply."""
    reply_id = replies.start(deps, task.case_id, person)
    with deps.store.read() as session:
        version = session.get_one(Reply, reply_id).version
    version = replies.save(deps, reply_id, version, Words(task.text), person)
    outcome = replies.send(deps, reply_id, version, person)
    if outcome.state != "approved":
        raise TrialError(f"The answer to case {task.case_id} was not approved: it is {outcome.state}.")
    return reply_id


def _undone(deps: Deps, reply_id: int, person: Known) -> bool:
    """False when it was too late: what is on its way must not be written again."""
    try:
        replies.undo(deps, reply_id, person)
    except BadInput:
        return False
    return True


def _answered(deps: Deps, task: Task) -> bool:
    """Whether it is more than a draft; an answer that came back waits for a person, not for this."""
    with deps.store.read() as session:
        kept = select(Reply.state, Reply.text).where(Reply.case_id == task.case_id)
        return any(state != "draft" and task.mark in text for state, text in session.execute(kept))


def _web(deps: Deps, each: int) -> None:
    ensure_owner(deps)
    with deps.store.read() as session:
        person = known_person(deps, session.scalars(select(Person.id).order_by(Person.id)).all()[0])
        cases = session.scalars(select(Case.id).order_by(Case.id)).all()
    assert person is not None
    mixed = Random(len(cases)).sample(cases, len(cases))  # the same order after each start
    write_answers(deps, [Task(case_id, number) for number in range(each) for case_id in mixed], person)


def _worker(deps: Deps) -> None:
    stop = threading.Event()

    def ask_to_stop(*_: Any) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    Embedded(deps, stop).run()


def main(given: Sequence[str]) -> int:
    """Ends when everything is written (`web`), when asked to (`worker`), or at its point."""
    die_with_parent()
    role, clock, seed, each, *point = given
    deps = by_clock(deps_of(create_app(web=False)), Clock.read(clock))
    if point:
        deps = arm(deps, Point(point[0], int(point[1]), Random(f"{seed} {point[1]}")))
    if role == "web":
        _web(deps, int(each))
    else:
        _worker(deps)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
