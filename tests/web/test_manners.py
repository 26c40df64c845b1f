"""Headers, error pages and languages."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient

from moderation.model import Capability
from service.web.blueprint import needs
from service.web.language import TRANSLATIONS
from tests.web.desk import build, post, sign_in

ROOT = Path(__file__).parents[2]
FRENCH = TRANSLATIONS / "fr" / "LC_MESSAGES"


@pytest.mark.parametrize("address", ["/sign-in", "/nowhere", "/api/v1/nowhere", "/assets/base.css", "/healthz"])
def test_every_answer_is_guarded(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Strict-Transport-Security" not in headers


def test_https_is_remembered_only_over_https_and_only_behind_our_own_proxy(app: Flask, tmp_path: Path) -> None:
    assert "Strict-Transport-Security" in app.test_client().get("/sign-in", base_url="https://desk.example").headers
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
    assert "Strict-Transport-Security" not in app.test_client().get("/sign-in", headers=forwarded).headers
    own = f"sqlite:///{tmp_path / 'proxy.db'}"
    behind = build(tmp_path / "proxy", proxies=1, database_url=own).test_client()
    assert "Strict-Transport-Security" in behind.get("/sign-in", headers=forwarded).headers


def test_no_page_holds_inline_script_or_style(as_role: Callable[[str], FlaskClient]) -> None:
    client = as_role("owner")
    for address in ("/queue", "/connections", "/account", "/dead-letters", "/stop", "/about/reading", "/nowhere"):
        page = client.get(address).text
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?://", page), address


def test_files_are_kept_long_only_under_an_address_that_changes(client: FlaskClient) -> None:
    page = client.get("/sign-in").text
    address = re.search(r'href="(/assets/base\.css\?v=\w+)"', page)
    assert address
    assert "immutable" in client.get(address.group(1)).headers["Cache-Control"]
    assert client.get("/assets/base.css").headers["Cache-Control"] == "no-cache"
    assert client.get("/sign-in").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("lang", "words"), [("en", "There is nothing here"), ("fr", "Il n’y a rien ici")])
def test_an_unknown_address_says_what_to_do(client: FlaskClient, lang: str, words: str) -> None:
    answer = client.get(f"/nowhere?lang={lang}")
    assert answer.status_code == 404
    assert words in answer.text


@pytest.mark.parametrize("address", ["/api/v1/nowhere", "/webhooks/nowhere", "/metrics/nowhere"])
def test_machines_get_no_page(client: FlaskClient, address: str) -> None:
    answer = client.get(address)
    assert answer.status_code in (404, 405)
    assert "html" not in answer.content_type
    assert "html" not in client.post(address).content_type


def test_a_broken_page_tells_nothing_and_a_way_out(app: Flask) -> None:
    client = app.test_client()
    sign_in(client, "owner")
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def break_() -> str:
        raise RuntimeError("secret detail")

    app.view_functions["web.account"] = needs(Capability.ACCOUNT)(break_)
    answer = client.get("/account")
    assert answer.status_code == 500
    assert "Something broke on our side" in answer.text
    assert "secret detail" not in answer.text


def test_too_much_is_said_to_be_too_much(app: Flask) -> None:
    client = app.test_client()
    sign_in(client, "owner")
    answer = client.post("/stop", data={"reason": "x" * (app.config["MAX_CONTENT_LENGTH"] + 1)})
    assert answer.status_code == 413
    assert "too much at once" in answer.text


# ------------------------------------------------------------------ languages


def test_the_language_is_asked_then_kept_then_the_persons_then_the_browsers(app: Flask) -> None:
    french = {"Accept-Language": "fr-CA,fr;q=0.9,en;q=0.5"}
    assert 'lang="fr"' in app.test_client().get("/sign-in", headers=french).text
    assert 'lang="en"' in app.test_client().get("/sign-in", headers={"Accept-Language": "de"}).text
    client = app.test_client()
    sign_in(client, "owner")
    post(client, "/account/language", locale="fr")
    assert 'html lang="fr"' in client.get("/queue").text
    assert 'html lang="en"' in client.get("/queue?lang=en").text
    assert 'html lang="en"' in client.get("/queue").text
    assert 'html lang="en"' in client.get("/queue?lang=xx").text
    assert post(client, "/account/language", locale="xx").status_code == 400


def catalog() -> Catalog:
    with (FRENCH / "messages.po").open("rb") as file:
        return read_po(file, locale="fr")


def test_every_word_has_its_french() -> None:
    kept = catalog()
    methods = [("**.py", "python"), ("**.html", "jinja2.ext:babel_extract")]
    keywords = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None}
    found = extract_from_dir(str(ROOT / "service" / "web"), methods, keywords=keywords)
    wanted = {m if isinstance(m, str) else m[0] for _file, _line, m, _comments, _context in found}
    ours = [m for m in kept if m.id and m.context is None]
    have = {(m.id if isinstance(m.id, str) else m.id[0]) for m in ours if complete(m.string)}
    assert wanted - have == set()
    assert have - wanted == set(), "these words are used no more"
    assert not any(m.fuzzy for m in kept if m.id)


def complete(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(string) if isinstance(string, str) else all(string or ("",))


def test_placeholders_and_typography_are_right() -> None:
    for message in catalog():
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string or ())
        names = {n for i in ids for n in re.findall(r"%\((\w+)\)s", i)}
        for string in strings:
            assert set(re.findall(r"%\((\w+)\)s", string)) <= names, string
            assert not re.search(r"[^\u00a0\u202f][?!;:»](?=\s|$)|«(?![\u00a0\u202f])", string), string
            assert "'" not in string, string


def test_the_compiled_words_are_those_of_the_source() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalog())
    assert (FRENCH / "messages.mo").read_bytes() == compiled.getvalue()
