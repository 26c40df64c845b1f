"""People in a trial of replies: signed in on the desk's pages, they write answers, send them, and take some back.

A page that does not come, or comes as an error, is what a person sees when a process is killed: they look whether the
answer is on its way, and if it is not, they write it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import select

from service.db.reply_tables import Reply
from service.deps import Deps
from service.selftest.browser import Browser, Unwell
from service.selftest.place import TrialError
from service.selftest.replies_crew import Hand

#: More answers to one case than any trial writes.
MOST_EACH = 1_000
#: Every so many answers are taken back at once and sent again.
UNDO_EVERY = 10
#: Our seconds between two tries.
PAUSE = 0.2
_REPLY = re.compile(r"/replies/(\d+)")
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


class Person(Hand):
    """Goes through the tasks: `done` when all are sent."""

    def __init__(self, deps: Deps, port: int, name: str, password: str, tasks: Sequence[Task]) -> None:
        super().__init__(name)
        self._deps, self._tasks = deps, tasks
        self._desk = Desk(port, name, password)

    def work(self) -> None:
        for number, task in enumerate(self._tasks, 1):
            self._write(task, number % UNDO_EVERY == 0)

    def leave(self) -> None:
        self._desk.close()

    def _write(self, task: Task, undo: bool) -> None:
        """Until the answer is on its way. What a process that was killed had kept is gone on with."""
        while not self.ended.is_set() and not self._answered(task):
            try:
                reply_id = self._desk.send(task.case_id, task.text)
                if undo:
                    self._desk.take_back(reply_id)  # too late or not: another look says which
            except (httpx.TransportError, Unwell):
                self.ended.wait(PAUSE)
            undo = False

    def _answered(self, task: Task) -> bool:
        """Whether it is more than a draft; an answer that came back waits for a person, and these two are no such."""
        with self._deps.store.read() as session:
            kept = select(Reply.state, Reply.text).where(Reply.case_id == task.case_id)
            return any(state != "draft" and task.mark in text for state, text in session.execute(kept))


class Desk:
    """The desk as somebody who answers has it."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self._browser = Browser(port)
        self._name, self._password = name, password

    def send(self, case_id: int, text: str) -> int:
        """“Answer publicly”, the words, “Send in public”. Gives the reply."""
        if not self._browser.token:
            self._browser.sign_in(self._name, self._password)
        page = self._browser.post(f"/cases/{case_id}/reply", {"csrf_token": self._browser.token})
        found = _REPLY.match(page.headers.get("Location", ""))
        if not found:
            raise TrialError(f"Case {case_id} cannot be answered: {page.status_code} to {page.headers.get('Location')}")
        composer = f"/replies/{found[1]}"
        self._browser.post(f"{composer}/send", self._browser.form(composer) | {"text": text})
        return int(found[1])

    def take_back(self, reply_id: int) -> None:
        self._browser.post(f"/replies/{reply_id}/undo", {"csrf_token": self._browser.token})

    def close(self) -> None:
        self._browser.close()
