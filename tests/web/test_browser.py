"""The pages in a real browser: no axe finding, no sideways scroll, keys, undo. Pictures go to a temporary folder."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from service.deps import deps_of
from tests.web.chromium import CHROMIUM, UNDO_STAYS, follow
from tests.web.desk import PASSWORD, Seeder, build, case_of
from tests.web.phone import slow_clock
from tests.web.scene import busy

WIDE, PHONE, NARROW = (1440, 900), (390, 844), (320, 640)
#: Each size, scheme and language is in one of the first three; the other pairs take their time in `make soak`.
LOOKS = [
    (WIDE, "light", "en"),
    (PHONE, "dark", "en"),
    (NARROW, "light", "fr"),
    pytest.param(WIDE, "dark", "fr", marks=pytest.mark.soak),
    pytest.param(PHONE, "light", "fr", marks=pytest.mark.soak),
]
ARRIVED = "title => document.readyState === 'complete' && document.querySelector('#t-h').innerText === title"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

if not CHROMIUM.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)", allow_module_level=True)


@dataclass
class Site:
    """A running desk with a busy morning on it."""

    app: Flask
    address: str
    hot: int

    def pages(self) -> list[str]:
        return [
            *("/sign-in", "/about/reading", "/nowhere", "/queue", f"/queue?thread={self.hot}", "/queue?lane=left"),
            *("/queue?lane=decided", "/connections", "/connections/2/live", "/dead-letters", "/account", "/stop"),
            "/quality",
        ]


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    app = build(tmp_path_factory.mktemp("desk"))
    slow_clock(app)
    hot = busy(Seeder(deps_of(app)))
    with serving(app) as address:
        yield Site(app, address, hot)
    deps_of(app).store.engine.dispose()


@pytest.fixture
def open_page(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """A page of a size, scheme and language, signed in unless told otherwise. Errors in it fail the test."""
    contexts = []
    problems: list[str] = []

    def open_one(size: tuple[int, int], scheme: str = "light", lang: str = "en", name: str = "owner") -> Page:
        phone = size[0] < 500
        settings: dict[str, Any] = {"color_scheme": scheme, "has_touch": phone, "reduced_motion": "reduce"}
        settings |= {"viewport": {"width": size[0], "height": size[1]}, "locale": "fr-FR" if lang == "fr" else "en-GB"}
        context = browser.new_context(**settings)
        contexts.append(context)
        context.add_init_script(UNDO_STAYS)
        page = context.new_page()
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
        if name:
            enter(page, site, name)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert problems == []


def enter(page: Page, site: Site, name: str) -> None:
    page.goto(site.address + "/sign-in")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.click("button.main")
    # A key that is pressed before the page's script has run is lost.
    page.wait_for_url(lambda address: "/sign-in" not in address, wait_until="load")


@pytest.mark.parametrize(("size", "scheme", "lang"), LOOKS, ids=lambda v: str(v[0]) if isinstance(v, tuple) else v)
def test_no_finding_and_no_sideways_scroll(
    site: Site, open_page: Callable[..., Page], tmp_path: Path, size: tuple[int, int], scheme: str, lang: str
) -> None:
    page = open_page(size, scheme, lang)
    findings: list[str] = []
    for number, address in enumerate(site.pages()):
        if address == "/sign-in":
            continue
        page.goto(site.address + address)
        assert page.evaluate("document.documentElement.lang") == lang
        findings += look(page, address)
        page.screenshot(path=tmp_path / f"{number}.png", full_page=True)
    assert findings == []


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light")])
def test_the_door_is_sound(site: Site, open_page: Callable[..., Page], size: tuple[int, int], scheme: str) -> None:
    page = open_page(size, scheme, "en", "")
    page.goto(site.address + "/sign-in")
    assert look(page, "door") == []
    page.fill("#username", "owner")
    page.fill("#password", "wrong")
    page.click("button.main")
    assert "do not go together" in page.inner_text("[role=alert]")
    assert look(page, "door, after a wrong password") == []


def test_the_empty_desk_is_sound(tmp_path: Path, browser: Browser) -> None:
    app = build(tmp_path)
    with serving(app) as address:
        page = browser.new_page()
        enter(page, Site(app, address, 0), "owner")
        assert "Connect a first community" in page.inner_text("main")
        assert look(page, "empty") == []
        page.close()


def look(page: Page, name: str) -> list[str]:
    """What axe and a ruler find wrong with a page."""
    found = Axe().run(page, options=RULES).response["violations"]
    problems = [f"{name}: {v['id']}: {n['html'][:140]} {n['any'][:1]}" for v in found for n in v["nodes"][:2]]
    over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return problems + ([f"{name}: {over} px too wide"] if over > 0 else [])


def test_targets_are_large_enough_for_a_thumb(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE)
    small = "[...document.querySelectorAll('.btn, .tabs a, .rail a, select')].filter(e => e.checkVisibility()"
    small += " && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 100))"
    for address in ("/queue", f"/queue?thread={site.hot}", "/connections", "/account"):
        page.goto(site.address + address)
        assert page.evaluate(small) == [], address


def test_on_a_phone_one_pane_at_a_time(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(PHONE)
    page.goto(site.address + "/queue")
    assert page.is_visible(".pane.list")
    assert not page.is_visible(".pane.thread")
    follow(page, ".row .title >> nth=0")
    assert page.is_visible(".pane.thread")
    assert not page.is_visible(".pane.list")
    follow(page, "text=Queue >> nth=0")
    assert page.is_visible(".pane.list")


def test_single_keys_act_but_never_while_somebody_writes(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(WIDE)
    first = page.inner_text("#t-h")
    page.keyboard.press("j")
    page.wait_for_url("**/queue?thread=*", wait_until="load")
    second = page.inner_text("#t-h")
    assert second != first
    page.keyboard.press("k")
    page.wait_for_function(ARRIVED, arg=first)
    page.keyboard.press("j")
    page.wait_for_function(ARRIVED, arg=second)
    page.keyboard.press("e")
    page.keyboard.type("cdj?")
    assert page.input_value("#note") == "cdj?"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.is_visible("dialog.keys")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.wait_for_selector(".undo")
    page.wait_for_load_state("load")
    assert page.inner_text("#t-h") not in (first, second)
    page.keyboard.press("u")
    page.wait_for_selector("text=Taken back")
    assert page.inner_text("#t-h") == second


def test_single_keys_do_nothing_once_switched_off(site: Site, open_page: Callable[..., Page]) -> None:
    page = open_page(WIDE, name="manager")
    page.goto(site.address + "/account")
    follow(page, "button[name=keys]")
    page.goto(site.address + f"/queue?thread={site.hot}")
    page.keyboard.press("d")
    page.wait_for_timeout(200)
    assert case_of(deps_of(site.app), site.hot).state == "open"


def test_every_act_works_without_script(site: Site, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter(page, site, "responder")
    page.goto(site.address + f"/queue?thread={site.hot}")
    follow(page, "text=Take it")
    assert case_of(deps_of(site.app), site.hot).state == "claimed"
    page.click("summary:has-text('Snooze')")
    follow(page, "text=in 4 hours")
    assert case_of(deps_of(site.app), site.hot).state == "snoozed"
    follow(page, "text=Undo")
    assert case_of(deps_of(site.app), site.hot).state == "claimed"
    follow(page, "text=Release")
    assert case_of(deps_of(site.app), site.hot).state == "open"
    context.close()
