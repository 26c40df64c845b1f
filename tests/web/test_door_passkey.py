"""The whole passkey ceremony in Chromium with its virtual authenticator, and axe on the pages around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page

from service.db.people_tables import Passkey, SignIn
from service.deps import deps_of
from service.usecases import invitations, lockout, people, staff
from tests.web.chromium import chromium, follow
from tests.web.desk import PASSWORD, build
from tests.web.phone import codes_for
from tests.web.test_browser import look, serving

DEVICE = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
DEVICE |= {"isUserVerified": True, "automaticPresenceSimulation": True}


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    with chromium() as browser:
        yield browser.new_context(locale="en-GB", viewport={"width": 1440, "height": 900})


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = build(tmp_path)
    yield app
    deps_of(app).store.engine.dispose()


def watched(context: BrowserContext, problems: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda e: problems.append(str(e)))
    page.on("console", lambda m: problems.append(m.text) if "Content Security" in m.text else None)
    return page


def enter(page: Page, address: str, name: str) -> None:
    page.goto(address + "/sign-in")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    follow(page, "button.main:has-text('Sign in')")


def test_a_passkey_is_made_used_alone_as_second_step_and_as_proof(app: Flask, context: BrowserContext) -> None:
    problems: list[str] = []
    with serving(app) as number:
        address = number.replace("127.0.0.1", "localhost")
        page = watched(context, problems)
        device = context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        made = device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})["authenticatorId"]

        enter(page, address, "owner")
        page.goto(address + "/account")
        page.click("text=Add a passkey")
        page.wait_for_selector("text=The passkey is kept")
        assert look(page, "account") == []
        kept = device.send("WebAuthn.getCredentials", {"authenticatorId": made})["credentials"]
        assert [(c["isResidentCredential"], c["rpId"]) for c in kept] == [(True, "localhost")]

        page.click("button:has-text('Sign out') >> nth=0")
        page.wait_for_selector("#username")
        page.goto(address + "/sign-in?next=/connections")
        page.click("text=Sign in with a passkey")
        page.wait_for_url(address + "/connections")

        page.goto(address + "/account/prove?next=/people")
        assert look(page, "prove") == []
        page.click("text=Use a passkey")
        page.wait_for_url(address + "/people")

        context.clear_cookies()
        enter(page, address, "owner")
        assert page.inner_text("h1") == "Is it really you?"
        assert look(page, "second step") == []
        page.click("text=Use a passkey")
        page.wait_for_url(address + "/queue*")

        # A device that does not ask for a finger is refused by the browser, and the page says what to do.
        context.clear_cookies()
        device.send("WebAuthn.setUserVerified", {"authenticatorId": made, "isUserVerified": False})
        page.goto(address + "/sign-in")
        page.click("text=Sign in with a passkey")
        page.wait_for_selector("#passkey-says:visible")
        assert "was not used" in page.inner_text("#passkey-says")
    with deps_of(app).store.read() as session:
        assert [row.method for row in session.query(SignIn)] == ["passkey", "passkey"]
        assert session.query(Passkey).one().used_at is not None
    assert problems == []


def test_where_passkeys_cannot_be_used_none_is_offered(app: Flask, context: BrowserContext) -> None:
    with serving(app) as number:
        page = context.new_page()
        page.goto(number + "/sign-in")
        assert page.query_selector("[data-passkey]") is None
        enter(page, number, "owner")
        page.goto(number + "/account")
        assert "TENTH_PUBLIC_URL" in page.inner_text("#factors")


@pytest.mark.parametrize(("size", "lang"), [((1440, 900), "en"), ((390, 844), "fr"), ((320, 640), "fr")])
def test_the_pages_are_sound(app: Flask, context: BrowserContext, size: tuple[int, int], lang: str) -> None:
    deps, problems, findings = deps_of(app), [], []
    owner = people.sign_in(deps, "owner", PASSWORD)
    assert owner is not None
    staff.add(deps, owner, "zoe", "Zoé Ferrand-Okonkwo-von-und-zu-Lang", "responder")
    for _ in range(lockout.TRIES):
        lockout.guarded(deps, "analyst", lambda: None)
    codes_for(deps, "manager")
    link = invitations.address("", invitations.make_link(deps, "zoe"))
    with serving(app) as number:
        page = watched(context, problems)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.goto(f"{number}{link}?lang={lang}")
        findings += look(page, "link")
        page.goto(number + "/link/none")
        findings += look(page, "old link")
        enter_in(page, number, lang)
        for path in ("/account", "/people", "/account/prove"):
            page.goto(number + path)
            findings += look(page, path)
        page.goto(number + "/people")
        page.fill("#username", "a b")
        follow(page, "form.add-form button")
        findings += look(page, "refused")
        page.fill("#username", "new")
        page.click("form.add-form button")
        page.wait_for_selector("#link")
        findings += look(page, "link shown")
        page.goto(number + "/account")
        page.click("form[action$='/codes/begin'] button")
        page.wait_for_function("() => document.querySelector('.qr')?.naturalWidth > 100")
        findings += look(page, "codes")
        page.fill("#code", codes_shown(page))
        page.click("main button.main")
        page.wait_for_selector(".sheet-of-codes")
        findings += look(page, "recovery")
    assert findings == []
    assert problems == []


def enter_in(page: Page, address: str, lang: str) -> None:
    page.goto(f"{address}/sign-in?lang={lang}")
    page.fill("#username", "owner")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(lambda found: "/sign-in" not in found)


def codes_shown(page: Page) -> str:
    """What an app shows that read the page's secret."""
    return pyotp.TOTP(page.inner_text(".secret").replace(" ", "")).now()
