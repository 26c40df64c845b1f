"""Signing in at the company's OpenID provider: first everything that must be refused, then a real provider."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from service.auth.external import http
from service.auth.external.proof import Why
from service.db.models import AuditEntry, Person
from service.db.people_tables import CodeFactor
from service.deps import deps_of
from service.usecases import flows
from service.web import elsewhere
from tests.web import external_support as support
from tests.web.desk import build, sign_in, token
from tests.web.external_support import CLIENT, Liar, agree, asked, going, identities, local, send, start, who

SETTINGS = {"oidc_role": "responder", "oidc_domains": "brava.example", **CLIENT}


@pytest.fixture
def liar() -> Iterator[Liar]:
    with support.lying_provider() as liar:
        yield liar


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with support.real_provider() as issuer:
        yield issuer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes the application that trusts an issuer."""
    made = []

    def make(issuer: str, **settings: Any) -> Flask:
        hosts = issuer.removeprefix("http://")
        app = build(tmp_path, oidc_issuer=issuer, allow_private_hosts=hosts, **(SETTINGS | settings))
        made.append(app)
        return app

    yield make
    for app in made:
        deps_of(app).store.engine.dispose()


def begin(client: FlaskClient, liar: Liar, **fields: str) -> str:
    """Begins at the lying provider; gives the address of an answer that would be right."""
    there = asked(going(start(client, "oidc", **fields)))
    liar.nonce = there["nonce"]
    return f"{local(there['redirect_uri'] + '?')}code=c-1&state={there['state']}"


def people(app: Flask) -> int:
    with deps_of(app).store.read() as session:
        return session.scalar(select(func.count()).select_from(Person)) or 0


def refused(answer: TestResponse, client: FlaskClient, words: str) -> None:
    assert answer.status_code == 400
    assert words in answer.text
    assert client.get("/account").status_code == 302


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("state", ["", "forged", "ä", "x" * 5000])
def test_a_forged_state_is_refused(desk: Callable[..., Flask], liar: Liar, state: str) -> None:
    client = desk(liar.issuer).test_client()
    path = begin(client, liar).partition("?")[0]
    refused(client.get(path, query_string={"code": "c-1", "state": state}), client, "Begin again")
    assert liar.tokens_asked == []


def test_an_answer_in_another_browser_is_refused_and_used_up(desk: Callable[..., Flask], liar: Liar) -> None:
    app = desk(liar.issuer)
    mine, other = app.test_client(), app.test_client()
    answer = begin(mine, liar)
    begin(other, liar)
    refused(other.get(answer), other, "another browser")
    refused(mine.get(answer), mine, "Begin again")
    assert liar.tokens_asked == []


def test_an_answer_counts_once(desk: Callable[..., Flask], liar: Liar) -> None:
    app = desk(liar.issuer)
    client = app.test_client()
    answer = begin(client, liar)
    assert client.get(answer).status_code == 303
    refused(app.test_client().get(answer), app.test_client(), "Begin again")
    assert client.get(answer).status_code == 400
    assert len(liar.tokens_asked) == 1


def test_after_ten_minutes_it_is_too_late(desk: Callable[..., Flask], liar: Liar) -> None:
    app = desk(liar.issuer)
    clock, client = support.clocked(app), app.test_client()
    answer = begin(client, liar)
    clock.pass_(minutes=10)
    refused(client.get(answer), client, "ten minutes")
    assert liar.tokens_asked == []


def test_an_answer_that_names_another_issuer_is_refused_before_its_code_is_used(
    desk: Callable[..., Flask], liar: Liar
) -> None:
    client = desk(liar.issuer).test_client()
    refused(client.get(begin(client, liar) + "&iss=https://evil.example"), client, "did not come from")
    refused(client.get(begin(client, liar) + f"&iss={liar.issuer}/"), client, "did not come from")
    liar.document = {"authorization_response_iss_parameter_supported": True}
    refused(client.get(begin(client, liar)), client, "did not come from")
    assert liar.tokens_asked == []
    assert client.get(begin(client, liar) + f"&iss={liar.issuer}").status_code == 303


def test_an_answer_at_the_address_of_another_server_is_refused(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer).test_client()
    query = begin(client, liar).partition("?")[2]
    for path in (f"/external/oidc/{'0' * 24}/back", f"/external/mastodon/{'0' * 24}/back"):
        refused(client.get(f"{path}?{query}"), client, "Begin again")
        query = begin(client, liar).partition("?")[2]
    assert liar.tokens_asked == []


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": ""},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": None},
        {"padding": "x" * (http.MOST_BYTES + 1)},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    desk: Callable[..., Flask], liar: Liar, document: dict[str, Any]
) -> None:
    client = desk(liar.issuer).test_client()
    liar.document = document
    answer = start(client, "oidc")
    assert answer.status_code == 400
    assert "http-equiv" not in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody-else"},
        {"aud": ["somebody-else"]},
        {"aud": ["tenth", "somebody-else"]},
        {"aud": ["tenth", "somebody-else"], "azp": "somebody-else"},
        {"azp": "somebody-else"},
        {"nonce": "another"},
        {"exp": 1_000_000_000},
        {"exp": "soon"},
        {"nbf": 4_000_000_000},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_a_token_that_is_not_for_us_is_refused(desk: Callable[..., Flask], liar: Liar, claims: dict[str, Any]) -> None:
    app = desk(liar.issuer)
    client = app.test_client()
    liar.claims = claims
    before = people(app)
    refused(client.get(begin(client, liar)), client, "does not prove")
    assert people(app) == before


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "iat", "nonce"])
def test_a_token_that_lacks_something_is_refused(desk: Callable[..., Flask], liar: Liar, name: str) -> None:
    client = desk(liar.issuer).test_client()
    liar.without = (name,)
    refused(client.get(begin(client, liar)), client, "does not prove")


@pytest.mark.parametrize(
    "sign", [support.by_secret, support.by_another, support.unsigned, lambda *_: None, lambda *_: "x.y.z"]
)
def test_a_token_without_a_right_signature_is_refused(desk: Callable[..., Flask], liar: Liar, sign: Any) -> None:
    client = desk(liar.issuer).test_client()
    liar.sign = sign
    refused(client.get(begin(client, liar)), client, "does not prove")
    liar.document = {"id_token_signing_alg_values_supported": ["HS256", "none"]}
    refused(client.get(begin(client, liar)), client, "does not prove")


def test_a_code_is_not_carried_to_another_host(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer).test_client()
    with support.lying_provider() as other:
        liar.elsewhere = other.issuer + "/token"
        refused(client.get(begin(client, liar)), client, "does not answer")
        assert other.tokens_asked == []


def test_who_says_no_there_stays_outside(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer).test_client()
    denied = begin(client, liar).replace("code=c-1", "error=access_denied")
    refused(client.get(denied), client, "You said no")


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"])
def test_after_it_only_our_own_pages_open(desk: Callable[..., Flask], liar: Liar, target: str) -> None:
    client = desk(liar.issuer).test_client()
    assert client.get(begin(client, liar, next=target)).headers["Location"] == "/"


def test_an_email_address_opens_nobodys_account(desk: Callable[..., Flask], liar: Liar) -> None:
    """Neither verified nor equal to a name: only a linked subject does."""
    app = desk(liar.issuer, oidc_role="")
    with deps_of(app).store.write() as session:
        session.scalars(select(Person).where(Person.username == "owner")).one().username = "ada@brava.example"
    client = app.test_client()
    liar.claims = {"preferred_username": "ada@brava.example"}
    refused(client.get(begin(client, liar)), client, "Ask a manager to invite you")
    assert identities(deps_of(app)) == []


@pytest.mark.parametrize(
    "claims",
    [
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "ada@evil.example"},
        {"email": "ada@evil.example@brava.example.evil.example"},
        {"email": "brava.example"},
        {"email": "@brava.example"},
        {"email": "boss@evil.example@brava.example"},
        {"email": ""},
    ],
    ids=str,
)
def test_strangers_need_a_verified_address_of_our_domain(
    desk: Callable[..., Flask], liar: Liar, claims: dict[str, Any]
) -> None:
    app = desk(liar.issuer)
    client, before = app.test_client(), people(app)
    liar.claims = claims
    refused(client.get(begin(client, liar)), client, "Ask a manager to invite you")
    assert people(app) == before


def test_what_is_said_of_somebody_else_is_not_believed(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer).test_client()
    liar.without = ("email", "email_verified")
    liar.document = {"userinfo_endpoint": liar.issuer + "/userinfo"}
    liar.userinfo = {"sub": "s-2", "email": "boss@brava.example", "email_verified": True}
    refused(client.get(begin(client, liar)), client, "does not prove")
    liar.userinfo |= {"sub": "s-1"}
    assert client.get(begin(client, liar)).status_code == 303


def test_somebody_who_is_switched_off_stays_outside(desk: Callable[..., Flask], liar: Liar) -> None:
    app = desk(liar.issuer)
    client = app.test_client()
    assert client.get(begin(client, liar)).status_code == 303
    with deps_of(app).store.write() as session:
        session.scalars(select(Person).where(Person.username == "ada@brava.example")).one().active = False
    again = app.test_client()
    refused(again.get(begin(again, liar)), again, "switched off")


def test_strangers_cannot_fill_the_desk_with_questions(
    desk: Callable[..., Flask], liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = desk(liar.issuer)
    monkeypatch.setattr(flows, "MOST_OPEN", 2)
    clock, client = support.clocked(app), app.test_client()
    begin(client, liar)
    begin(client, liar)
    full = start(client, "oidc")
    assert full.status_code == 503
    assert "Many people" in full.text
    clock.pass_(minutes=10)
    begin(client, liar)


def test_without_an_address_of_our_own_nobody_is_sent_anywhere(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer).test_client()
    form = {"csrf_token": token(client.get("/external", base_url="http://evil.example")), "provider": "oidc"}
    answer = client.post("/external", data=form, base_url="http://evil.example")
    assert answer.status_code == 400
    assert "TENTH_PUBLIC_URL" in answer.text


def test_the_way_back_is_the_address_of_the_settings(desk: Callable[..., Flask], liar: Liar) -> None:
    client = desk(liar.issuer, public_url="https://desk.brava.example/").test_client()
    form = {"csrf_token": token(client.get("/external", base_url="http://evil.example")), "provider": "oidc"}
    answer = client.post("/external", data=form, base_url="http://evil.example")
    assert asked(going(answer))["redirect_uri"].startswith("https://desk.brava.example/external/oidc/")


def test_a_second_factor_is_asked_for_all_the_same(desk: Callable[..., Flask], liar: Liar) -> None:
    app = desk(liar.issuer)
    client = app.test_client()
    client.get(begin(client, liar))
    deps = deps_of(app)
    with deps.store.write() as session:
        ada = session.scalars(select(Person).where(Person.username == "ada@brava.example")).one()
        factor = CodeFactor(person_id=ada.id, sealed=deps.vault.seal("JBSWY3DPEHPK3PXP"), last_step=0)
        factor.created_at = factor.confirmed_at = deps.now()
        session.add(factor)
    again = app.test_client()
    assert again.get(begin(again, liar, next="/queue?lane=left")).headers["Location"].startswith("/sign-in?next=")
    assert again.get("/account").status_code == 302


# ------------------------------------------------------------------ a real provider


def test_a_stranger_of_the_company_comes_in_and_comes_back(desk: Callable[..., Flask], provider: str) -> None:
    app = desk(provider)
    support.known_there(provider, "u-7", email="Zoe@Brava.example", email_verified=True, name="Zoé")
    client = app.test_client()
    there = going(start(client, "oidc", next="/queue?lane=left"))
    assert asked(there)["code_challenge_method"] == "S256"
    answer = client.get(local(agree(there, "u-7")))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/queue?lane=left")
    assert who(client) == "Zoé"
    again = app.test_client()
    again.get(local(agree(going(start(again, "oidc")), "u-7")))
    assert who(again) == "Zoé"
    with deps_of(app).store.read() as session:
        made = session.scalars(select(Person).where(Person.username == "zoe@brava.example")).one()
        assert (made.role, made.password_hash) == ("responder", "")
        kinds = list(session.scalars(select(AuditEntry.kind).order_by(AuditEntry.seq)))
    assert kinds == ["person:create", "identity:link", "person:sign_in", "person:sign_in"]
    assert identities(deps_of(app)) == [(made.id, "oidc", provider, "u-7")]


def test_a_code_of_the_real_provider_is_used_once(desk: Callable[..., Flask], provider: str) -> None:
    app = desk(provider)
    support.known_there(provider, "u-8", email="yan@brava.example", email_verified=True)
    first, second = app.test_client(), app.test_client()
    answer = local(agree(going(start(first, "oidc")), "u-8"))
    code = asked("http://x" + answer)["code"]
    assert first.get(answer).status_code == 303
    state = asked(going(start(second, "oidc")))["state"]
    refused(second.get(f"{answer.partition('?')[0]}?code={code}&state={state}"), second, "refused the request")


def test_a_no_at_the_real_provider(desk: Callable[..., Flask], provider: str) -> None:
    client = desk(provider).test_client()
    there = going(start(client, "oidc"))
    back = agree(there, action="deny")
    state = "" if "state=" in back else f"&state={asked(there)['state']}"
    refused(client.get(local(back) + state), client, "You said no")


def test_linked_by_somebody_signed_in_and_by_nobody_else(desk: Callable[..., Flask], provider: str) -> None:
    app = desk(provider, oidc_role="")
    owner, manager = app.test_client(), app.test_client()
    sign_in(owner, "owner")
    sign_in(manager, "manager")
    there = going(send(owner, "/account/identities", provider="oidc"))
    assert owner.get(local(agree(there, "u-9"))).headers["Location"] == "/account#elsewhere"
    taken = manager.get(local(agree(going(send(manager, "/account/identities", provider="oidc")), "u-9")))
    assert taken.status_code == 400
    assert "belongs to somebody else" in taken.text
    assert len(identities(deps_of(app))) == 1
    client = app.test_client()
    client.get(local(agree(going(start(client, "oidc")), "u-9")))
    assert who(client) == "owner"


def test_an_answer_to_a_link_links_only_whoever_asked(desk: Callable[..., Flask], provider: str) -> None:
    """The same browser, but somebody else signed in meanwhile."""
    app = desk(provider, oidc_role="")
    client = app.test_client()
    sign_in(client, "owner")
    answer = local(agree(going(send(client, "/account/identities", provider="oidc")), "u-10"))
    send(client, "/sign-out")
    assert client.get(answer).status_code == 400
    sign_in(client, "manager")
    assert client.get(answer).status_code == 400
    assert identities(deps_of(app)) == []


def test_unlinked_unless_it_is_the_last_way_in(desk: Callable[..., Flask], provider: str) -> None:
    app = desk(provider)
    support.known_there(provider, "u-11", email="xi@brava.example", email_verified=True)
    client = app.test_client()
    client.get(local(agree(going(start(client, "oidc")), "u-11")))
    mine = identities(deps_of(app))[0]
    send(client, "/account/identities/1/unlink")
    assert identities(deps_of(app)) == [mine]
    owner = app.test_client()
    sign_in(owner, "owner")
    send(owner, "/account/identities/1/unlink")
    assert identities(deps_of(app)) == [mine]
    owner.get(local(agree(going(send(owner, "/account/identities", provider="oidc")), "u-12")))
    assert len(identities(deps_of(app))) == 2
    send(owner, "/account/identities/2/unlink")
    assert identities(deps_of(app)) == [mine]


# ------------------------------------------------------------------ strangers and words


def test_slow_servers_do_not_hold_every_thread(
    desk: Callable[..., Flask], liar: Liar, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = desk(liar.issuer)
    monkeypatch.setattr(elsewhere, "_visitors", threading.BoundedSemaphore(1))
    monkeypatch.setattr(elsewhere, "_PATIENCE_SECONDS", 0.0)
    client = app.test_client()
    with elsewhere._visitors:
        full = start(client, "oidc")
        assert full.status_code == 503
        assert "Many people" in full.text
        owner = app.test_client()
        sign_in(owner, "owner")
        assert going(send(owner, "/account/identities", provider="oidc"))
    assert going(start(client, "oidc"))


def test_every_reason_has_its_words() -> None:
    assert set(elsewhere._WORDS) == set(Why)
