"""Answering in a real browser: by keys, while somebody types, undone and sent; no axe finding, no sideways scroll."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page
from sqlalchemy import select
from werkzeug.serving import make_server

from service.db.reply_tables import ApprovalRule, BrandAccount, Reply
from service.usecases import saved
from service.usecases.people import known_person
from service.usecases.saved import Saved
from tests.web.chromium import CHROMIUM, UNDO_STAYS, follow
from tests.web.composer_desk import ANSWER, Site, site
from tests.web.desk import PASSWORD

WIDE, PHONE, NARROW = (1440, 900), (390, 844), (320, 640)
#: Each size, scheme and language is in one of the first three; the other pairs take their time in `make soak`.
LOOKS = [
    (WIDE, "light", "en"),
    (PHONE, "dark", "en"),
    (NARROW, "light", "fr"),
    pytest.param(WIDE, "dark", "fr", marks=pytest.mark.soak),
    pytest.param(PHONE, "light", "fr", marks=pytest.mark.soak),
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

if not CHROMIUM.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)", allow_module_level=True)


@contextmanager
def serving(desk: Site) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, desk.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Site]:
    with site("mastodon", tmp_path) as found:
        yield found


@pytest.fixture
def open_page(browser: Browser, desk: Site) -> Iterator[Callable[..., Page]]:
    """A page of somebody who is signed in; `page.goto` takes paths. An error in a page fails the test."""
    contexts = []
    problems: list[str] = []
    with serving(desk) as address:

        def open_one(
            name: str, size: tuple[int, int] = WIDE, scheme: str = "light", lang: str = "en", script: bool = True
        ) -> Page:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                color_scheme="dark" if scheme == "dark" else "light",
                locale="fr-FR" if lang == "fr" else "en-GB",
                timezone_id="Europe/Paris",
                base_url=address,
                java_script_enabled=script,
                reduced_motion="reduce",
            )
            contexts.append(context)
            context.add_init_script(UNDO_STAYS)
            page = context.new_page()
            page.on("pageerror", lambda e: problems.append(str(e)))
            page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
            page.goto("/sign-in")
            page.fill("#username", name)
            page.fill("#password", PASSWORD)
            page.click("button.main")
            page.wait_for_url(lambda found: "/sign-in" not in found, wait_until="load")
            return page

        yield open_one
        for context in contexts:
            context.close()
    assert problems == []


def only_reply(desk: Site) -> Reply:
    with desk.deps.store.read() as session:
        return session.scalars(select(Reply)).one()


def test_by_keys_alone_a_draft_is_kept_while_typing_sent_undone_and_sent_again(
    desk: Site, open_page: Callable[..., Page]
) -> None:
    page = open_page("owner")
    page.goto(f"/queue?thread={desk.thread_id}")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    assert page.evaluate("document.activeElement.id") == "text"
    before = page.inner_text("[data-number]")
    page.keyboard.type(ANSWER)
    assert page.inner_text("[data-number]") != before
    page.wait_for_selector(f"[data-live=preview]:has-text('{ANSWER}')")
    assert only_reply(desk).text == ANSWER
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue?thread=*", wait_until="load")
    page.keyboard.press("u")
    page.wait_for_url("**/replies/*", wait_until="load")
    assert page.input_value("#text") == ANSWER
    desk.step(60)
    assert desk.posts() == 0
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue?thread=*", wait_until="load")
    desk.step()
    page.wait_for_selector("#answers .badge.good")
    assert desk.posts() == 1


def test_a_click_right_after_typing_takes_every_letter_along(desk: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("owner")
    page.goto(f"/queue?thread={desk.thread_id}")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    for part in ("Please switch it off at the wall; ", "we are looking ", "into it right now."):
        page.keyboard.type(part)
        page.wait_for_timeout(900)
    page.click("[data-send]")
    page.wait_for_url("**/queue?thread=*", wait_until="load")
    assert only_reply(desk).text == ANSWER


def test_two_windows_lose_nothing(desk: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("owner")
    page.goto(f"/queue?thread={desk.thread_id}")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    other = page.context.new_page()
    other.goto(page.url)
    other.fill("#text", "Typed in the other window.")
    other.wait_for_selector("[data-live=preview]:has-text('the other window')")
    page.fill("#text", "Typed here.")
    page.wait_for_selector("[data-live=conflict] [role=alert]")
    follow(page, "footer button:has-text('Keep draft')")
    assert page.input_value("#text") == "Typed here."
    assert "Typed in the other window." in page.inner_text("main")


def test_who_answers_meanwhile_is_shown_and_the_text_stays(desk: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("owner")
    page.goto(f"/queue?thread={desk.thread_id}")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    page.keyboard.type("Half a")
    desk.somebody_answers("It works again.")
    page.keyboard.type(" sentence")
    page.wait_for_selector("[data-live=newer] .banner:has-text('It works again.')")
    follow(page, "text=I have read it")
    assert page.input_value("#text") == "Half a sentence"
    assert not page.query_selector("[data-live=newer] .banner")


def test_a_time_is_in_the_zone_of_the_browser(desk: Site, open_page: Callable[..., Page]) -> None:
    page = open_page("owner")
    page.goto(f"/queue?thread={desk.thread_id}")
    page.keyboard.press("r")
    page.wait_for_url("**/replies/*", wait_until="load")
    page.fill("#text", ANSWER)
    page.click("summary:has-text('Plan it for later')")
    assert page.inner_text("[data-zone]") == "Europe/Paris"
    day = desk.clock().date().replace(day=15)
    month = day.replace(month=day.month % 12 + 1, year=day.year + (day.month == 12))
    page.fill("#send_local", f"{month.isoformat()}T14:00")
    follow(page, "footer button:has-text('Keep draft')")
    kept = only_reply(desk).send_at
    assert kept is not None
    assert kept.hour in (12, 13)
    assert page.input_value("#send_local").endswith("T14:00")


def test_without_script_an_answer_is_written_filled_and_sent(desk: Site, open_page: Callable[..., Page]) -> None:
    owner = known_person(desk.deps, 1)
    assert owner is not None
    saved.keep_reply(desk.deps, None, Saved(0, "Wait", "en", ANSWER, False), owner)
    page = open_page("owner", script=False)
    page.goto(f"/queue?thread={desk.thread_id}")
    follow(page, "text=Answer publicly")
    follow(page, "#saved button:has-text('Use')")
    assert page.input_value("#text") == ANSWER
    follow(page, "[data-send]")
    follow(page, "text=Undo")
    follow(page, "[data-send]")
    desk.step()
    page.reload()
    assert page.is_visible("#answers >> text=Sent")
    assert desk.posts() == 1


@pytest.mark.parametrize(("size", "scheme", "lang"), LOOKS, ids=lambda v: str(v[0]) if isinstance(v, tuple) else v)
def test_no_finding_and_no_sideways_scroll(
    desk: Site, open_page: Callable[..., Page], size: tuple[int, int], scheme: str, lang: str
) -> None:
    furnish(desk)
    drafter = desk.enter("responder")
    waiting = desk.begin(drafter)
    desk.write(drafter, waiting, "send")
    writer = desk.enter("manager")
    draft = desk.begin(writer)
    desk.write(writer, draft, text="Please e-mail us, we refund 120 €. {date} " + "w" * 80)
    sender = desk.enter("owner")
    sent = desk.begin(sender)
    desk.write(sender, sent, "send", "We look into it right now.")
    desk.step()
    desk.somebody_answers("W" * 120)
    page = open_page("manager", size, scheme, lang)
    findings: list[str] = []
    addresses = [
        *(f"/replies/{draft}", f"/queue?thread={desk.thread_id}", "/approvals", "/saved", "/answering", "/accounts"),
        *(f"/accounts/{desk.account_id}/close", f"/replies/{sent}/edit", f"/replies/{sent}/delete"),
    ]
    for address in addresses:
        page.goto(address)
        findings += look(page, address)
    page = open_page("responder", size, scheme, lang)
    page.goto(f"/replies/{waiting}")
    assert findings + look(page, "waiting") == []


def furnish(desk: Site) -> None:
    owner = known_person(desk.deps, 1)
    assert owner is not None
    saved.keep_reply(desk.deps, None, Saved(0, "Wait", "en", "Hello {name}, wait until {date}.", True), owner)
    with desk.deps.store.write() as session:
        session.add(ApprovalRule(kind="amount", value="50 €", made_at=desk.clock()))
        row = session.scalars(select(BrandAccount)).one()
        row.limits = row.limits | {"images": 4, "image_bytes": 4_000_000, "edits": True, "deletes": True}


def look(page: Page, name: str) -> list[str]:
    """What axe and a ruler find wrong with a page."""
    found = Axe().run(page, options=RULES).response["violations"]
    problems = [f"{name}: {v['id']}: {n['html'][:140]} {n['any'][:1]}" for v in found for n in v["nodes"][:2]]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return problems + ([f"{name}: {over} px too wide"] if over > 0 else [])
