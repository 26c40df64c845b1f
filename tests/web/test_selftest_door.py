"""People of a trial at the real door, when any page of it fails: they come in all the same, by what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sandbox_server import Running, running_sandbox

from service.deps import deps_of
from service.selftest.browser import Browser, Unwell
from service.selftest.grants_person import come_in
from service.selftest.place import TrialError
from service.usecases import identities
from tests.web.desk import PASSWORD, Seeder, build
from tests.web.external_support import served

#: More pages than either way in has.
PAGES = 6


class Failing:
    """Answers one call with an error, by its number: before the application has done it, or after."""

    def __init__(self, app: Any, number: int, *, after: bool) -> None:
        self._app, self._left, self._after = app, number, after
        self.failed = False

    def __call__(self, environ: dict[str, Any], begin: Callable[..., Any]) -> Iterable[bytes]:
        self._left -= 1
        if self._left:
            return self._app(environ, begin)
        self.failed = True
        if self._after:
            with self._app.request_context(environ):
                self._app.full_dispatch_request()
        begin("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"killed"]


def until_in(browser: Browser, attempt: Callable[[], None]) -> None:
    for _ in range(3):
        with suppress(Unwell):
            attempt()
            break
    assert browser.token


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, PAGES))
def test_a_page_of_the_door_that_fails_keeps_nobody_out(tmp_path: Path, number: int, *, after: bool) -> None:
    app = build(tmp_path)
    failing = Failing(app, number, after=after)
    with served(failing) as address:
        browser = Browser(urlsplit(address).port or 0)
        until_in(browser, lambda: browser.sign_in("responder", PASSWORD))
        browser.close()
    assert failing.failed == (number <= 3)
    deps_of(app).store.engine.dispose()


@pytest.fixture(scope="module")
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, PAGES))
def test_nor_on_the_way_by_the_forum(tmp_path: Path, box: Running, number: int, *, after: bool) -> None:
    app = build(tmp_path, allow_private_hosts=urlsplit(box.url).netloc, allow_authors=True)
    Seeder(deps_of(app)).connection("forum", connector="discourse", url=box.url)
    identities.set_forum_secret(deps_of(app), box.url, box.discourse.connect_secret, "test")
    failing = Failing(app, number, after=after)
    with served(failing) as address:
        browser = Browser(urlsplit(address).port or 0)
        until_in(browser, lambda: come_in(browser, box.url, "marc"))
        browser.close()
    assert failing.failed == (number <= 4)
    deps_of(app).store.engine.dispose()


def test_a_wrong_password_ends_the_trial(tmp_path: Path) -> None:
    app = build(tmp_path)
    with served(app) as address:
        browser = Browser(urlsplit(address).port or 0)
        with pytest.raises(TrialError, match="POST /sign-in was answered"):
            browser.sign_in("responder", "not the password")
        browser.close()
    deps_of(app).store.engine.dispose()
