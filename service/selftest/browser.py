"""A browser at the desk, for the people of a trial: pages, forms, a cookie.

A page that does not come, or comes as an error, is what a person sees when a process is killed: `Unwell`, or httpx's
TransportError.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser

import httpx

from service.selftest.place import HOST, TrialError

#: Our seconds that a page may take.
PATIENCE = 60.0
#: Somebody was faster; whoever is in already is led past the door.
_CHANGED, _PAST = 409, 302


class Unwell(Exception):
    """The desk answered with an error page, or somebody was faster: look at what there is, and go on."""


class Browser:
    """Signed in to nothing at first; `token` is the form token of whoever came in."""

    def __init__(self, port: int) -> None:
        self.client = httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=PATIENCE)
        self.token = ""

    def sign_in(self, name: str, password: str) -> None:
        """By the door's own form."""
        if (fields := self.door("/sign-in")) is not None:
            self.post("/sign-in", fields | {"username": name, "password": password})
        self.come_in()

    def door(self, address: str) -> dict[str, str] | None:
        """The fields of a door's forms; None for whoever is in, since only the page behind the door had failed."""
        answer = self.said(self.client.get(address), {200, _PAST})
        return _fields(answer.text) if answer.status_code != _PAST else None

    def come_in(self) -> None:
        """Takes up the form token of whoever is signed in."""
        self.token = self.form("/account")["csrf_token"]

    def get(self, address: str) -> httpx.Response:
        return self.said(self.client.get(address), {200})

    def form(self, address: str) -> dict[str, str]:
        """The fields of the page's forms, as they stand there."""
        return _fields(self.get(address).text)

    def post(self, address: str, fields: dict[str, str]) -> httpx.Response:
        return self.said(self.client.post(address, data=fields), {303})

    def close(self) -> None:
        self.client.close()

    def said(self, answer: httpx.Response, wanted: Collection[int]) -> httpx.Response:
        """The answer, if its status is a wanted one. Raises Unwell, or TrialError for what nothing explains."""
        if answer.status_code in wanted:
            return answer
        if answer.status_code >= 500 or answer.status_code == _CHANGED:
            raise Unwell
        asked = f"{answer.request.method} {answer.request.url.path}"
        raise TrialError(f"{asked} was answered {answer.status_code}, not {sorted(wanted)}: {_words(answer.text)}")


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


def _fields(page: str) -> dict[str, str]:
    fields = Fields()
    fields.feed(page)
    return fields.found


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())[:400]
