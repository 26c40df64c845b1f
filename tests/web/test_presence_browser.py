"""Who is here, in a real browser: a second person appears, writes, decides and goes, without a load of the page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from service.deps import deps_of
from service.usecases import cases, people, teams
from service.usecases.cases import Intent
from tests.support.office import until
from tests.web.chromium import CHROMIUM, follow
from tests.web.desk import PASSWORD, Seeder, build, case_of
from tests.web.phone import slow_clock
from tests.web.scene import busy
from tests.web.test_browser import PHONE, WIDE, Site, enter, look, serving

if not CHROMIUM.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{CHROMIUM} is not installed (apt-get install chromium)", allow_module_level=True)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    app = build(tmp_path)
    slow_clock(app)
    hot = busy(Seeder(deps_of(app)))
    teams.ensure_teams(deps_of(app))
    with serving(app) as address:
        yield Site(app, address, hot)
    deps_of(app).store.engine.dispose()


def open_as(browser: Browser, site: Site, name: str, address: str, size: tuple[int, int] = WIDE) -> Page:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
    enter(page, site, name)
    page.goto(site.address + address)
    assert problems == []
    return page


def test_a_second_person_is_seen_comes_writes_decides_and_goes(site: Site, browser: Browser) -> None:
    deps, case = deps_of(site.app), case_of(deps_of(site.app), site.hot)
    address = f"/cases/{case.id}/notes"
    first = open_as(browser, site, "manager", address)
    second = open_as(browser, site, "responder", address)
    around = first.locator("[data-around]")
    expect(around).to_contain_text("responder has it open")
    # It is shown for some seconds after the last key, and looked at now and then.
    until(lambda: "responder is writing" in around.inner_text() or second.fill("#inside-note", "It leaks"), pause=0.5)
    expect(first.locator("[data-changed]")).to_be_hidden()
    known = people.sign_in(deps, "responder", PASSWORD)
    assert known is not None
    cases.act(deps, case.id, Intent("claim", case.version), known)
    expect(first.locator("[data-changed]")).to_be_visible()
    second.goto(site.address + "/queue")
    expect(around).not_to_contain_text("responder")


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_pages_of_a_team_are_sound(site: Site, browser: Browser, size: tuple[int, int]) -> None:
    case = case_of(deps_of(site.app), site.hot)
    page = open_as(browser, site, "owner", "/teams", size)
    findings: list[str] = []
    for address in ("/teams", "/called", "/bulk", "/handover", f"/cases/{case.id}/notes"):
        page.goto(site.address + address)
        findings += look(page, address)
    assert findings == []


def test_many_are_decided_and_taken_back_without_script(site: Site, browser: Browser) -> None:
    deps = deps_of(site.app)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    enter(page, site, "responder")
    page.goto(site.address + "/bulk")
    boxes = page.locator("input[name=case]")
    count = boxes.count()
    for number in range(count):
        boxes.nth(number).check()
    page.check("input[value=leave]")
    follow(page, "text=Show what will happen")
    expect(page.locator("h1")).to_have_text(f"Leave {count} to the community?")
    assert case_of(deps, site.hot).state == "open"
    follow(page, f"button:has-text('Leave {count} to the community')")
    assert case_of(deps, site.hot).state == "left"
    follow(page, f"button:has-text('Undo all {count}')")
    assert case_of(deps, site.hot).state == "open"
    context.close()
