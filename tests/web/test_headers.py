"""What stands above every kind of answer: pages, errors, redirects, files, fragments, the API, probes, Perspective."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from moderation.model import Capability
from service.deps import deps_of
from service.web.blueprint import needs
from tests.web.desk import build, post, sign_in

ORIGIN = "https://elsewhere.example"
#: Paths that browsers of any origin may call: a key says who calls, and no cookie is read or set.
PERSPECTIVE = ("/v1alpha1/", "/$discovery/")
#: Answers that a page asks for again and again: kept by one browser, never used unasked, gone with the sign-out.
ASKED_AGAIN = {"news"}


@dataclass(frozen=True)
class Answers:
    """One answer of every kind, by name."""

    all: dict[str, TestResponse]

    def ours(self) -> Iterator[tuple[str, TestResponse]]:
        """Without Perspective."""
        return ((n, a) for n, a in self.all.items() if not a.request.path.startswith(PERSPECTIVE))


def collect(app: Flask, base_url: str) -> Answers:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.view_functions["web.quality"] = needs(Capability.MEASURE)(_broken)
    found = _outside(_client(app, base_url)) | _machines(_client(app, base_url))
    return Answers(found | _inside(app, base_url))


class Browser(FlaskClient):
    """Asks one address, and says each time that a page of another origin made it."""

    def __init__(self, *args: Any, base_url: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.base_url = base_url
        self.environ_base |= {"HTTP_ORIGIN": ORIGIN}

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{"base_url": self.base_url} | kwargs)


def _client(app: Flask, base_url: str) -> FlaskClient:
    return Browser(app, app.response_class, base_url=base_url)


def _broken() -> str:
    raise RuntimeError("a detail that nobody outside should read")


def _outside(client: FlaskClient) -> dict[str, TestResponse]:
    version = re.search(r"base\.css\?v=(\w+)", client.get("/sign-in").text)
    assert version
    return {
        "door": client.get("/sign-in?lang=fr"),
        "door again": sign_in(client, "owner", "not the password"),
        "open page": client.get("/about/reading"),
        "to the door": client.get("/queue"),
        "signed out": client.post("/queue/1"),
        "no token": client.post("/sign-in"),
        "nothing": client.get("/nowhere"),
        "no slash": client.get("/about/reading/"),
        "no method": client.delete("/sign-in"),
        "no link": client.get("/link/made-up"),
        "file": client.get(f"/assets/base.css?v={version[1]}"),
        "file without digest": client.get("/assets/mark.svg"),
        "script": client.get("/assets/desk.js"),
        "no file": client.get(f"/assets/none.css?v={version[1]}"),
        "folder": client.get("/assets/"),
        "out of the folder": client.get("/assets/..%2f__init__.py"),
    }


def _machines(client: FlaskClient) -> dict[str, TestResponse]:
    return {
        "alive": client.get("/healthz"),
        "ready": client.get("/readyz"),
        "figures": client.get("/metrics"),
        "document": client.get("/api/v1/openapi.json"),
        "no bearer": client.get("/api/v1/queue"),
        "no such call": client.get("/api/v1/nowhere"),
        "no such method": client.delete("/api/v1/queue"),
        "asks first": client.options("/api/v1/queue", headers={"Access-Control-Request-Method": "GET"}),
        "webhook": client.post("/webhooks/nobody", data=b"{}"),
        "no key": client.post("/v1alpha1/comments:analyze", json={}),
        "discovery": client.get("/$discovery/rest?version=v1alpha1"),
        "any origin": client.options("/v1alpha1/comments:analyze"),
    }


def _inside(app: Flask, base_url: str) -> dict[str, TestResponse]:
    client, analyst = _client(app, base_url), _client(app, base_url)
    assert sign_in(analyst, "analyst").status_code == 303
    found = {
        "in": sign_in(client, "owner"),
        "queue": client.get("/queue"),
        "account": client.get("/account"),
        "news": client.get("/queue/news?since=1", headers={"Accept": "application/json"}),
        "broken": client.get("/quality"),
        "not theirs": analyst.get("/people"),
        "language": post(client, "/account/language", locale="fr"),
        "keys": post(client, "/account/keys", keys="off"),
        "begun": post(client, "/account/codes/begin"),
        "picture": client.get("/account/codes/picture.svg"),
        "too much": client.post("/stop", data={"reason": "x" * (app.config["MAX_CONTENT_LENGTH"] + 1)}),
    }
    return found | {"out": post(client, "/sign-out")}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Answers over http."""
    yield from _of(tmp_path_factory.mktemp("http"), "http://desk.example", secure_cookies=False)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """Answers over https, set up as the documents say."""
    yield from _of(tmp_path_factory.mktemp("https"), "https://desk.example", secure_cookies=True)


def _of(folder: Path, base_url: str, *, secure_cookies: bool) -> Iterator[Answers]:
    own = f"sqlite:///{folder / 'headers.db'}"
    app = build(folder, public_url=base_url, secure_cookies=secure_cookies, database_url=own)
    yield collect(app, base_url)
    deps_of(app).store.engine.dispose()


def test_there_is_an_answer_of_every_kind(secure: Answers) -> None:
    wanted = {200, 302, 303, 400, 401, 403, 404, 405, 413, 500}
    assert wanted <= {a.status_code for a in secure.all.values()}
    kinds = {a.mimetype for a in secure.all.values()}
    assert {"text/html", "text/css", "text/javascript", "image/svg+xml", "application/json"} <= kinds
    assert {"application/problem+json", "text/plain"} <= kinds


def test_nothing_inline_and_nothing_from_elsewhere_runs_or_shows(secure: Answers) -> None:
    for name, answer in secure.all.items():
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["Content-Security-Policy"].split(";"))
        none = {n for n, sources in policy.items() if sources == "'none'"}
        assert {"default-src", "object-src", "base-uri", "frame-ancestors"} <= none, name
        assert policy["form-action"] == "'self'", name
        assert set(policy.values()) == {"'none'", "'self'"}, name


def test_the_other_guards_are_there_too(secure: Answers) -> None:
    for name, answer in secure.all.items():
        assert answer.headers["X-Content-Type-Options"] == "nosniff", name
        assert answer.headers["Referrer-Policy"] == "no-referrer", name
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", name
        assert answer.headers["X-Frame-Options"] == "DENY", name
        assert "camera=()" in answer.headers["Permissions-Policy"], name
    assert all(a.headers["Cross-Origin-Resource-Policy"] == "same-origin" for _, a in secure.ours())


def test_nothing_but_files_is_kept(secure: Answers) -> None:
    files = {"file": "immutable", "file without digest": "no-cache", "script": "no-cache"}
    for name, answer in secure.all.items():
        kept = answer.headers["Cache-Control"]
        if name in files:
            assert files[name] in kept, name
        elif name in ASKED_AGAIN:
            assert kept == "private, no-cache", name
        else:
            assert kept == "no-store", name


def test_signing_out_empties_the_browsers_cache(secure: Answers) -> None:
    assert {n for n, a in secure.all.items() if "Clear-Site-Data" in a.headers} == {"out"}
    assert secure.all["out"].headers["Clear-Site-Data"] == '"cache"'


def test_https_is_for_ever_over_https_only(plain: Answers, secure: Answers) -> None:
    for name, answer in secure.all.items():
        found = re.fullmatch(r"max-age=(\d+); includeSubDomains", answer.headers["Strict-Transport-Security"])
        assert found, name
        assert int(found[1]) >= 31_536_000, name
    assert not any("Strict-Transport-Security" in a.headers for a in plain.all.values())


def test_cookies_are_for_us_alone(plain: Answers, secure: Answers) -> None:
    given = [c for a in secure.all.values() for c in a.headers.getlist("Set-Cookie")]
    assert len({c.partition("=")[0] for c in given}) == 2, "the session, and whether single keys act"
    for cookie in given:
        parts = {p.strip().lower() for p in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= parts, cookie
        assert not any(p.startswith("domain") for p in parts), cookie
        assert len(cookie) < 4096, cookie
        assert cookie.startswith("__Host-"), cookie
    for cookie in (c for a in plain.all.values() for c in a.headers.getlist("Set-Cookie")):
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie


def test_machines_and_files_get_no_cookie(secure: Answers) -> None:
    for name, answer in secure.all.items():
        if answer.request.path.startswith(("/api", "/webhooks", "/healthz", "/readyz", "/metrics", *PERSPECTIVE)):
            assert "Set-Cookie" not in answer.headers, name
    assert "Set-Cookie" not in secure.all["file"].headers


def test_no_other_origin_reads_anything_but_perspective(secure: Answers) -> None:
    for name, answer in secure.ours():
        assert not [h for h, _ in answer.headers if h.lower().startswith("access-control-")], name
    for name, answer in secure.all.items():
        assert "Access-Control-Allow-Credentials" not in answer.headers, name
        assert ORIGIN not in str(answer.headers), name


def test_nothing_says_what_we_are_made_of(secure: Answers) -> None:
    for name, answer in secure.all.items():
        assert not {"Server", "X-Powered-By"} & set(answer.headers.keys()), name
        if answer.status_code >= 400:
            assert not re.search(r"Werkzeug|Flask|Traceback|gunicorn|SQLAlchemy|a detail that nobody", answer.text), (
                name
            )


def test_every_text_says_how_it_is_written(secure: Answers) -> None:
    for name, answer in secure.all.items():
        kind = answer.headers.get("Content-Type", "")
        if answer.data and re.match(r"text/|.*\+xml|.*/xml", kind):
            assert "charset=utf-8" in kind.lower(), name


def test_nobody_is_sent_elsewhere(secure: Answers) -> None:
    for name, answer in secure.all.items():
        if "Location" in answer.headers:
            assert re.match(r"/(?![/\\])", answer.headers["Location"]), name


def test_programs_are_not_sent_from_http_to_https(plain: Answers) -> None:
    """A token that went over http unnoticed would be on the wire each time."""
    for name in ("no bearer", "no such call", "webhook", "no key", "alive", "figures"):
        assert not 300 <= plain.all[name].status_code < 400, name
