"""A manager's morning in a real browser: claim by key, answer, undo, answer again, see it there, leave the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page
from sqlalchemy import select

from service.db.models import Case
from service.db.reply_tables import Reply
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.test_composer_browser import PHONE, RULES, WIDE, Axe, open_page

__all__ = ["open_page"]


@pytest.fixture(params=["discourse", "mastodon"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with site(request.param, tmp_path) as found:
        yield found


def state_of(desk: Site, case_id: int) -> str:
    with desk.deps.store.read() as session:
        return session.scalars(select(Case.state).where(Case.id == case_id)).one()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_managers_morning_in_french(desk: Site, open_page: Callable[..., Page], size: tuple[int, int]) -> None:
    page = open_page("manager", size, "light", "fr")
    page.goto(f"/queue?thread={desk.thread_id}")
    assert page.get_attribute("html", "lang") == "fr"
    with page.expect_navigation():
        page.keyboard.press("a")
    assert state_of(desk, desk.case_id) == "claimed"
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    page.fill("#text", ANSWER)
    send(page)
    assert state_of(desk, desk.case_id) == "decided"
    page.keyboard.press("u")
    page.wait_for_url("**/replies/*", wait_until="load")
    assert page.input_value("#text") == ANSWER
    desk.step(60)
    assert (desk.posts(), state_of(desk, desk.case_id)) == (0, "claimed")
    send(page)
    desk.step()
    page.wait_for_selector("#answers .badge.good")
    assert desk.posts() == 1
    assert ANSWER in there(desk)
    assert Axe().run(page, options={"runOnly": RULES["runOnly"]}).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    leave_next(desk, page)
    desk.step(60)
    assert desk.posts() == 1


def send(page: Page) -> None:
    page.focus("#text")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue?thread=*", wait_until="load")


def there(desk: Site) -> str:
    """The sandbox's own page of the conversation, as anybody sees it."""
    with desk.deps.store.read() as session:
        url = session.scalars(select(Reply.url)).one()
    return httpx.get(url, follow_redirects=True, timeout=60).text


def leave_next(desk: Site, page: Page) -> None:
    page.goto("/queue")
    left = select(Case.id).where(Case.decision == "leave")
    with page.expect_navigation():
        page.keyboard.press("c")
    with desk.deps.store.read() as session:
        assert len(session.scalars(left).all()) == 1
