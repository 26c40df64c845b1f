"""People in a trial of replies: signed in on the desk's pages, they write answers, send them, and take some back.

A page that does not come, or comes as an error, is what a person sees when a process is killed: they look whether the
answer is on its way, and if it is not, they write it again.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import httpx
from sqlalchemy import select

from service.db.reply_tables import Reply
from service.deps import Deps
from service.selftest.place import HOST, TrialError

#: More answers to one case than any trial writes.
MOST_EACH = 1_000
#: Every so many answers are taken back at once and sent again.
UNDO_EVERY = 10
#: Our seconds that a page may take, and between two tries.
PATIENCE, PAUSE = 60.0, 0.2
_CHANGED = 409
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


class Unwell(Exception):
    """The desk answered with an error page, or somebody was faster: look at what there is, and go on."""


class Person(threading.Thread):
    """Goes through the tasks on a thread of its own. `done` when all are sent; `error` when that cannot be."""

    def __init__(self, deps: Deps, port: int, name: str, password: str, tasks: Sequence[Task]) -> None:
        super().__init__(name=name, daemon=True)
        self._deps, self._tasks, self._ended = deps, tasks, threading.Event()
        self._desk = Desk(port, name, password)
        self.done, self.error = False, ""

    def stop(self) -> None:
        """Asks to end after the page of now."""
        self._ended.set()

    def run(self) -> None:
        try:
            for number, task in enumerate(self._tasks, 1):
                self._write(task, number % UNDO_EVERY == 0)
            self.done = not self._ended.is_set()
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
        finally:
            self._desk.close()

    def _write(self, task: Task, undo: bool) -> None:
        """Until the answer is on its way. What a process that was killed had kept is gone on with."""
        while not self._ended.is_set() and not self._answered(task):
            try:
                reply_id = self._desk.send(task.case_id, task.text)
                if undo:
                    self._desk.take_back(reply_id)  # too late or not: another look says which
            except (httpx.TransportError, Unwell):
                self._ended.wait(PAUSE)
            undo = False

    def _answered(self, task: Task) -> bool:
        """Whether it is more than a draft; an answer that came back waits for a person, and these two are no such."""
        with self._deps.store.read() as session:
            kept = select(Reply.state, Reply.text).where(Reply.case_id == task.case_id)
            return any(state != "draft" and task.mark in text for state, text in session.execute(kept))


class Desk:
    """The desk as a browser has it: pages, forms, a cookie."""

    def __init__(self, port: int, name: str, password: str) -> None:
        self._client = httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=PATIENCE)
        self._name, self._password = name, password
        self._token = ""

    def send(self, case_id: int, text: str) -> int:
        """“Answer publicly”, the words, “Send in public”. Gives the reply."""
        if not self._token:
            self._sign_in()
        page = self._post(f"/cases/{case_id}/reply", {"csrf_token": self._token})
        found = _REPLY.match(page.headers.get("Location", ""))
        if not found:
            raise TrialError(f"Case {case_id} cannot be answered: {page.status_code} to {page.headers.get('Location')}")
        composer = f"/replies/{found[1]}"
        self._post(f"{composer}/send", self._form(composer) | {"text": text})
        return int(found[1])

    def take_back(self, reply_id: int) -> None:
        self._post(f"/replies/{reply_id}/undo", {"csrf_token": self._token})

    def close(self) -> None:
        self._client.close()

    def _sign_in(self) -> None:
        self._post("/sign-in", self._form("/sign-in") | {"username": self._name, "password": self._password})
        self._token = self._form("/account")["csrf_token"]

    def _form(self, address: str) -> dict[str, str]:
        """The fields of the page's forms, as they stand there."""
        page = self._said(self._client.get(address), 200)
        fields = Fields()
        fields.feed(page.text)
        return fields.found

    def _post(self, address: str, fields: dict[str, str]) -> httpx.Response:
        return self._said(self._client.post(address, data=fields), 303)

    def _said(self, answer: httpx.Response, wanted: int) -> httpx.Response:
        if answer.status_code >= 500 or answer.status_code == _CHANGED:
            raise Unwell
        if answer.status_code != wanted:
            asked = f"{answer.request.method} {answer.request.url.path}"
            raise TrialError(f"{asked} was answered {answer.status_code}, not {wanted}: {_words(answer.text)}")
        return answer


class Fields(HTMLParser):
    """`found`: what a browser would send of the page's fields; buttons, files and unchosen options are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and (self._select not in self.found or "selected" in given):
            self.found[self._select] = given.get("value", "")
        elif tag == "input" and given.get("type") not in ("submit", "file", "checkbox", "radio"):
            self.found.setdefault(given.get("name", ""), given.get("value", ""))


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())[:400]
