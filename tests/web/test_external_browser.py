"""Going elsewhere and coming back in a real browser: the page's own policy lets it, and axe finds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from flask import Flask
from playwright.sync_api import Browser, Page
from sandbox_server import Running, running_sandbox

from service.db.models import Connection
from service.deps import deps_of
from tests.web.chromium import CHROMIUM, follow
from tests.web.desk import PASSWORD, Seeder, build
from tests.web.external_support import served

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

if not CHROMIUM.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)", allow_module_level=True)


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox(oauth_metadata=False) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, box: Running) -> Iterator[tuple[str, Flask]]:
    """The address of a desk that lets authors in, and its application."""
    app = build(tmp_path, allow_private_hosts=urlsplit(box.url).netloc, allow_authors=True)
    Seeder(deps_of(app)).connection("forum", connector="discourse", url=box.url)
    with served(app) as address:
        yield address.replace("127.0.0.1", "localhost"), app
    deps_of(app).store.engine.dispose()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """At 390 px; a breach of the page's policy fails the test."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    yield page
    context.close()
    assert problems == []


def looks_right(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in found] == []


def agree(page: Page, username: str, address: str) -> None:
    page.click("text=Continue on")  # nobody is sent by itself to a server that somebody named
    page.wait_for_url("**/oauth/authorize**")
    page.select_option("#username", username)
    page.click("text=Allow")
    page.wait_for_url(address + "/**", wait_until="load")


def test_an_author_goes_and_comes_back(page: Page, site: tuple[str, Flask], box: Running) -> None:
    address, _app = site
    page.goto(address + "/sign-in")
    follow(page, "text=Sign in with your account on a platform")
    looks_right(page)
    page.fill("#server", "no server")
    page.click("text=Go to your server")
    page.wait_for_selector("#problem")
    looks_right(page)
    follow(page, f"text={urlsplit(box.url).netloc}")
    page.click("summary")
    looks_right(page)
    follow(page, "text=Do not go")
    page.goto(address + "/external")
    page.fill("#server", box.url)
    page.click("text=Go to your server")
    agree(page, "ines", address)
    assert page.url == address + "/account"
    assert "@ines@" in page.inner_text("#elsewhere")
    looks_right(page)


def test_a_manager_connects_an_account(page: Page, site: tuple[str, Flask], box: Running) -> None:
    address, app = site
    page.goto(address + "/sign-in?next=/connect")
    page.fill("#username", "manager")
    page.fill("#password", PASSWORD)
    page.click("button.main")
    page.wait_for_url(address + "/connect")
    page.fill("#m-server", box.url)
    page.fill("#m-name", "brava")
    page.click("text=Go to the server")
    agree(page, "brava", address)
    assert "is connected to brava" in page.inner_text("main")
    looks_right(page)
    with deps_of(app).store.read() as session:
        assert session.query(Connection).filter_by(name="brava").one().shadow
