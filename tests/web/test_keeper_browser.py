"""A keeper's evening in a real browser, by single keys and in French, on the sandbox forum: held, undone, done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import select

from service.app import create_app
from service.config import load_settings
from service.db.models import Action, Author, Message, Thread
from service.usecases import acting
from service.usecases.rules import ensure_rules
from tests.service.grants_support import PASSWORD, Trust, trusted
from tests.web.chromium import follow
from tests.web.test_browser import PHONE, WIDE, look, serving

LOUD, NEXT = "A loud grinder", "Une fuite"


@dataclass
class Part:
    """A forum of which marc keeps one category: there he may hide and close, and nothing else."""

    trust: Trust
    address: str

    def numbers(self, title: str, handle: str) -> tuple[int, int, str]:
        """(conversation, message, its number on the forum) of what somebody wrote there."""
        with self.trust.deps.store.read() as session:
            query = select(Thread.id, Message.id, Message.remote_id).join(Message, Message.thread_id == Thread.id)
            named = query.join(Author, Author.id == Message.author_id).where(Thread.title == title)
            thread, message, remote_id = session.execute(named.where(Author.handle == handle)).one()
            return thread, message, remote_id

    def acts(self) -> list[tuple[str, str]]:
        with self.trust.deps.store.read() as session:
            kept = session.execute(select(Action.kind, Action.state).order_by(Action.id))
            return [(kind, state) for kind, state in kept]

    def later(self) -> None:
        """The ten seconds are over, and the worker does what is due."""
        self.trust.desk.clock.pass_(seconds=11)
        acting.perform_due(self.trust.deps)

    def hidden(self, remote_id: str) -> bool:
        world = self.trust.desk.box.world
        with world.lock:
            return world.forum.posts[int(remote_id)].deleted_at is not None


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    with trusted(tmp_path) as trust:
        trust.active("night_watch")
        trust.settle()
        ensure_rules(trust.deps)
        hosts = frozenset({urlsplit(trust.desk.box.url).netloc})
        app = create_app(load_settings(data_dir=tmp_path / "desk", allow_private_hosts=hosts))
        own, app.extensions["tenth"] = app.extensions["tenth"], trust.deps
        with serving(app) as address:
            yield Part(trust, address)
        own.store.engine.dispose()
        trust.deps.store.engine.dispose()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_keepers_evening_by_keys_in_french(part: Part, browser: Browser, size: tuple[int, int]) -> None:
    thread, message, post = part.numbers(LOUD, "zoe")
    page, problems = come_in(browser, part, size)
    expect(page.locator("h1")).to_have_text("Votre bureau")
    findings = look(page, "desk")
    of_next_part_nothing(part, page)
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("j")
    expect(page.locator(".keeper .msg").first).to_be_visible()
    page.goto(f"/keep/{thread}")
    findings += look(page, "conversation")
    for beyond in ("s", "w", "v", "m"):  # silence, warn, move, mark: not granted
        page.keyboard.press(beyond)
    assert part.acts() == []
    hide(page, message)
    expect(page.locator(".undo")).to_contain_text("Rien n’est encore parti.")
    findings += look(page, "held")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("u")
    part.later()
    assert (part.acts(), part.hidden(post)) == ([("hide", "cancelled")], False)
    hide(page, message)
    part.later()
    assert (part.acts()[1:], part.hidden(post)) == ([("hide", "done")], True)
    page.goto("/keep")
    expect(page.locator(".did .badge").first).to_have_text("Tient")
    findings += look(page, "afterwards")
    page.context.close()
    assert findings + problems == []


def come_in(browser: Browser, part: Part, size: tuple[int, int]) -> tuple[Page, list[str]]:
    """The desk of marc, who reads French; and a list that errors in its pages are put into."""
    shape = ViewportSize(width=size[0], height=size[1])
    page = browser.new_context(
        viewport=shape, locale="fr-FR", base_url=part.address, reduced_motion="reduce"
    ).new_page()
    problems: list[str] = []
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
    page.goto("/sign-in")
    page.fill("#username", "expert")
    page.fill("#password", PASSWORD)
    follow(page, "button.main")
    page.goto("/keep")
    return page, problems


def hide(page: Page, message: int) -> None:
    """Chooses the message and a rule, leaves the fields, and presses the one key."""
    page.select_option("#mod-message", str(message))
    page.select_option("#mod-rule", index=1)
    page.evaluate("document.activeElement.blur()")
    with page.expect_navigation(wait_until="load"):
        page.keyboard.press("h")


def of_next_part_nothing(part: Part, page: Page) -> None:
    seen = page.inner_text("body")
    assert "Help" in seen
    assert NEXT not in seen
    assert "Entraide" not in seen
    answer = page.request.get(f"/keep/{part.numbers(NEXT, 'zoe')[0]}")
    assert (answer.status, NEXT in answer.text()) == (403, False)
