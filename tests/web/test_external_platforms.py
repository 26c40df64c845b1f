"""Authors who prove who they are with the account they have on a platform: refused first, then the good way."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from flask import Flask, jsonify, redirect
from flask.testing import FlaskClient
from sandbox_server import Running, running_sandbox
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.auth.external import discourse
from service.auth.external.address import key_of
from service.auth.external.discourse import new_key
from service.auth.external.proof import Proof, Provider
from service.db.identity_tables import ExternalFlow, RemoteApp
from service.db.models import Person
from service.deps import Deps, deps_of
from service.sandbox.discourse_connect import connect_signature
from service.usecases import identities as known
from service.usecases.people import known_person
from tests.web import external_support as support
from tests.web.desk import Seeder, build, sign_in, token
from tests.web.external_support import allow, asked, by_hand, going, identities, local, send, start, who

#: As it is where no fixture has shortened it.
KEY_BITS = discourse.KEY_BITS


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def app(tmp_path: Path, box: Running) -> Iterator[Flask]:
    """A desk that lets authors in, and reads the sandbox's forum."""
    app = build(tmp_path, allow_private_hosts=urlsplit(box.url).netloc, allow_authors=True)
    Seeder(deps_of(app)).connection("forum", connector="discourse", url=box.url)
    yield app
    deps_of(app).store.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def strict(app: Flask) -> None:
    """From now on nobody new comes in by a platform."""
    deps = deps_of(app)
    app.extensions["tenth"] = replace(deps, settings=deps.settings.model_copy(update={"allow_authors": False}))


def outside(answer: TestResponse, client: FlaskClient, words: str) -> None:
    assert answer.status_code == 400, answer.headers
    assert words in answer.text
    assert client.get("/account").status_code == 302


def test_nobody_goes_by_itself_to_a_server_that_somebody_named(client: FlaskClient, box: Running) -> None:
    answer = start(client, "mastodon", box.url)
    assert answer.status_code == 200
    assert "/oauth/authorize" in answer.text
    assert "http-equiv" not in answer.text


def test_the_key_of_a_question_is_as_strong_as_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,072 bits of RSA are worth 128 (NIST SP 800-57, table 2)."""
    monkeypatch.setattr(discourse, "KEY_BITS", KEY_BITS)
    assert serialization.load_pem_private_key(new_key().encode(), None).key_size >= 3_072  # type: ignore[union-attr]


def linked_to(app: Flask, username: str, proof: Proof) -> None:
    deps = deps_of(app)
    with deps.store.read() as session:
        person_id = session.scalars(select(Person.id).where(Person.username == username)).one()
    person = known_person(deps, person_id)
    assert person is not None
    known.link(deps, person, proof)


def there(box: Running, username: str) -> Proof:
    """An account of the sandbox's fediverse server as it is proven."""
    account = box.world.fedi.account_named(username)
    assert account is not None
    return Proof(Provider.MASTODON, box.url, account.id, f"@{username}@{urlsplit(box.url).netloc}")


# ------------------------------------------------------------------ servers that people name


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "localhost",
        "http://social.example.org",
        "https://user:password@social.example.org",
        "https://social.example.org:8443",
        "https://10.0.0.1",
        "https://[::1]",
        "169.254.169.254",
        "0x7f.1",
        "2130706433",
        "javascript://alert",
        "file:///etc/passwd",
        "social.example.org\r\nHost: evil",
        "a" * 400 + ".example",
        "-.example",
        "xn--\u00e9.example",
    ],
)
def test_what_is_no_server_is_not_called(client: FlaskClient, typed: str) -> None:
    outside(start(client, "mastodon", typed), client, "not the name of a server")


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "fd00::1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_to_a_private_network_is_not_called(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    outside(start(client, "mastodon", "inside.social.example"), client, "does not answer")


def test_a_server_that_names_another_as_itself_is_not_followed(app: Flask, client: FlaskClient, box: Running) -> None:
    """Mix-up: somebody's server answers with the doors of a server that the person trusts."""
    evil = Flask("evil")

    @evil.get("/.well-known/oauth-authorization-server")
    def document() -> Any:
        doors = {
            n: f"{box.url}/oauth/{p}" for n, p in (("authorization_endpoint", "authorize"), ("token_endpoint", "token"))
        }
        return jsonify(issuer=said["issuer"] or said["own"] + "/", **doors)

    said = {"issuer": box.url + "/", "own": ""}
    with support.served(evil) as said["own"]:
        _also(app, said["own"])
        outside(start(client, "mastodon", said["own"]), client, "did not come from")
        said["issuer"] = ""
        outside(start(client, "mastodon", said["own"]), client, "did not come from")


def test_a_server_that_sends_us_on_is_not_followed(app: Flask, client: FlaskClient, box: Running) -> None:
    evil = Flask("evil")
    evil.add_url_rule("/<path:_>", view_func=lambda _: redirect(box.url + "/.well-known/oauth-authorization-server"))
    with support.served(evil) as own:
        _also(app, own)
        outside(start(client, "mastodon", own), client, "does not answer")


def _also(app: Flask, url: str) -> None:
    """Lets the desk call one more host of this computer."""
    deps = deps_of(app)
    hosts = deps.settings.allow_private_hosts | {urlsplit(url).netloc}
    app.extensions["tenth"] = replace(deps, settings=deps.settings.model_copy(update={"allow_private_hosts": hosts}))
    app.extensions["tenth"].settings.__dict__.pop("private_hosts", None)


# ------------------------------------------------------------------ the fediverse


def test_a_code_for_another_server_is_not_used(app: Flask, client: FlaskClient, box: Running) -> None:
    """Each server answers at an address of its own, so that one cannot pass on another's code."""
    with running_sandbox() as other:
        _also(app, other.url)
        mine = going(start(client, "mastodon", box.url))
        theirs = asked(going(start(client, "mastodon", other.url)))["state"]
        code = asked(allow(mine, "ines"))["code"]
        path = f"/external/mastodon/{key_of(box.url)}/back"
        outside(client.get(path, query_string={"code": code, "state": theirs}), client, "did not come from")
        assert len(other.world.access.tokens) == 1
    assert len(box.world.access.tokens) == 1


def test_forged_replayed_late_and_foreign_answers_are_refused(app: Flask, client: FlaskClient, box: Running) -> None:
    clock = support.clocked(app)
    answer = local(allow(going(start(client, "mastodon", box.url)), "ines"))
    other = app.test_client()
    start(other, "mastodon", box.url)
    outside(other.get(answer), other, "another browser")
    outside(client.get(answer), client, "Begin again")
    outside(client.get(f"{answer.partition('?')[0]}?code=c&state=forged"), client, "Begin again")
    late = local(allow(going(start(client, "mastodon", box.url)), "ines"))
    clock.pass_(minutes=10)
    outside(client.get(late), client, "ten minutes")
    assert identities(deps_of(app)) == []


def test_a_no_there_is_a_no_here(client: FlaskClient, box: Running) -> None:
    back = allow(going(start(client, "mastodon", box.url)), "ines", deny="1")
    outside(client.get(local(back)), client, "You said no")


def test_strangers_stay_outside_unless_authors_are_let_in(app: Flask, client: FlaskClient, box: Running) -> None:
    linked_to(app, "responder", there(box, "marc"))
    strict(app)
    answer = client.get(local(allow(going(start(client, "mastodon", box.url)), "ines")))
    outside(answer, client, "Ask a manager to invite you")
    assert len(box.world.access.tokens) == 1


def test_nobody_is_sent_where_nobody_could_come_in_by(app: Flask, client: FlaskClient, box: Running) -> None:
    strict(app)
    assert "fediverse" not in client.get("/external").text
    for provider in ("mastodon", "discourse", "oidc", "evil", ""):
        outside(start(client, provider, box.url), client, "not switched on")


@pytest.mark.parametrize("role", ["owner", "manager"])
def test_a_platform_account_is_not_enough_for_who_may_do_much(
    app: Flask, client: FlaskClient, box: Running, role: str
) -> None:
    linked_to(app, role, there(box, "ines"))
    answer = client.get(local(allow(going(start(client, "mastodon", box.url)), "ines")))
    outside(answer, client, "is not enough for that role")


@pytest.mark.parametrize("metadata", [True, False])
def test_an_author_comes_in_and_we_keep_no_key(app: Flask, client: FlaskClient, box: Running, metadata: bool) -> None:
    """With a server that describes itself and offers PKCE and `profile`, and with an older one."""
    box.world.options.oauth_metadata = metadata
    before = set(box.world.access.tokens)
    url = going(start(client, "mastodon", box.url, next="/account"))
    sent = asked(url)
    assert (sent["scope"], "code_challenge" in sent) == (("profile", True) if metadata else ("read:accounts", False))
    answer = client.get(local(allow(url, "ines")))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account")
    assert who(client) == "Inès"
    assert set(box.world.access.tokens) == before
    with deps_of(app).store.read() as session:
        person = session.scalars(select(Person).where(Person.username.startswith("ines"))).one()
        assert person.role == "rock_star"
        assert session.query(ExternalFlow).count() == 0
    again = app.test_client()
    again.get(local(allow(going(start(again, "mastodon", box.url)), "ines")))
    assert identities(deps_of(app)) == [(person.id, "mastodon", box.url, there(box, "ines").subject)]


def test_the_app_is_registered_once_and_kept_sealed(app: Flask, client: FlaskClient, box: Running) -> None:
    clock, before = support.clocked(app), len(box.world.access.apps)
    first = asked(going(start(client, "mastodon", box.url)))["client_id"]
    second = asked(going(start(client, "mastodon", box.url)))["client_id"]
    assert first == second
    with deps_of(app).store.read() as session:
        row = session.scalars(select(RemoteApp)).one()
    secret = box.world.access.apps[first].client_secret
    assert secret.encode() not in row.sealed
    assert json.loads(deps_of(app).vault.open(row.sealed)) == [first, secret]
    clock.pass_(hours=12)
    assert asked(going(start(client, "mastodon", box.url)))["client_id"] != first
    assert len(box.world.access.apps) == before + 2


def test_a_person_links_an_account_and_another_person_cannot(app: Flask, box: Running) -> None:
    responder, analyst = app.test_client(), app.test_client()
    sign_in(responder, "responder")
    sign_in(analyst, "analyst")
    for client, status in ((responder, 303), (analyst, 400)):
        url = going(send(client, "/account/identities", provider="mastodon", server=box.url))
        assert client.get(local(allow(url, "ines"))).status_code == status
    assert len(identities(deps_of(app))) == 1
    client = app.test_client()
    client.get(local(allow(going(start(client, "mastodon", box.url)), "ines")))
    assert who(client) == "responder"


# ------------------------------------------------------------------ forums: DiscourseConnect


@pytest.fixture
def shared(app: Flask, box: Running) -> str:
    """The secret that forum and desk share."""
    known.set_forum_secret(deps_of(app), box.url, box.discourse.connect_secret, "test")
    return box.discourse.connect_secret


def forged(answer: str, secret: str, **changes: str) -> str:
    """An answer of the forum with other words in it, signed with a secret."""
    path, _sep, query = answer.partition("?")
    said = dict(parse_qsl(query))
    inside = dict(parse_qsl(base64.b64decode(said["sso"]).decode())) | changes
    encoded = base64.b64encode(urlencode(inside).encode()).decode()
    signed = hmac.new(secret.encode(), encoded.encode(), hashlib.sha256).hexdigest()
    return f"{path}?{urlencode(said | {'sso': encoded, 'sig': signed})}"


def test_an_answer_that_the_forum_did_not_sign_is_refused(client: FlaskClient, box: Running, shared: str) -> None:
    for secret, changes in (("another", {}), ("", {}), (shared, {"nonce": "of-another-question"})):
        answer = local(allow(going(start(client, "discourse", box.url)), "marc"))
        outside(client.get(forged(answer, secret, **changes)), client, "does not prove")
    answer = local(allow(going(start(client, "discourse", box.url)), "marc"))
    outside(client.get(answer.partition("sso=")[0] + "sso=&sig="), client, "does not prove")


def test_an_answer_of_the_forum_counts_once_in_one_browser(
    app: Flask, client: FlaskClient, box: Running, shared: str
) -> None:
    answer = local(allow(going(start(client, "discourse", box.url)), "marc"))
    other = app.test_client()
    start(other, "discourse", box.url)
    outside(other.get(answer), other, "another browser")
    outside(client.get(answer), client, "Begin again")


def test_a_forum_that_is_not_ours_is_not_asked(client: FlaskClient, box: Running) -> None:
    outside(start(client, "discourse", "https://forum.evil.example"), client, "not a forum that this desk works with")


def test_a_member_comes_in_by_discourse_connect(app: Flask, client: FlaskClient, box: Running, shared: str) -> None:
    url = going(start(client, "discourse", box.url))
    assert urlsplit(url).path == "/session/sso_provider"
    assert connect_signature(shared, asked(url)["sso"]) == asked(url)["sig"]
    assert client.get(local(allow(url, "marc"))).status_code == 303
    assert who(client) == "Marc L."
    user = box.world.forum.user("marc")
    assert [i[1:] for i in identities(deps_of(app))] == [("discourse", box.url, str(user.id))]


# ------------------------------------------------------------------ forums: a key of the member


def payload_for(url: str, *, oaep: bool, **changes: Any) -> str:
    """What a forum would answer to a question, whatever it wants to say."""
    sent = asked(url)
    key: Any = serialization.load_pem_public_key(sent["public_key"].encode())
    way = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None) if oaep else padding.PKCS1v15()
    said = {"key": "k" * 32, "nonce": sent["nonce"], "push": False, "api": 4} | changes
    return base64.encodebytes(key.encrypt(json.dumps(said).encode(), way)).decode()


@pytest.mark.parametrize("oaep", [True, False])
def test_a_key_that_was_not_made_for_this_question_is_refused(client: FlaskClient, box: Running, oaep: bool) -> None:
    back = f"/external/discourse/{key_of(box.url)}/back"
    for changes in ({"nonce": "another"}, {"nonce": None}, {"key": "with\r\nline: break"}, {"key": ""}):
        url = going(start(client, "discourse", box.url))
        answer = client.get(back, query_string={"payload": payload_for(url, oaep=oaep, **changes)})
        outside(answer, client, "does not prove")
    old = going(start(client, "discourse", box.url))
    start(client, "discourse", box.url)
    outside(client.get(back, query_string={"payload": payload_for(old, oaep=oaep)}), client, "does not prove")
    for payload in ("", "no base64 !", "AAAA", "x" * 20_000):
        start(client, "discourse", box.url)
        assert client.get(back, query_string={"payload": payload}).status_code == 400


def test_a_key_in_another_browser_is_refused(app: Flask, client: FlaskClient, box: Running) -> None:
    answer = local(allow(going(start(client, "discourse", box.url)), "marc"))
    other = app.test_client()
    outside(other.get(answer), other, "Begin again")
    assert identities(deps_of(app)) == []


def test_a_member_comes_in_by_a_key_that_is_given_back(app: Flask, client: FlaskClient, box: Running) -> None:
    url = going(start(client, "discourse", box.url))
    assert (urlsplit(url).path, asked(url)["scopes"]) == ("/user-api-key/new", "session_info")
    answer = local(allow(url, "marc"))
    assert client.get(answer).status_code == 303
    assert who(client) == "Marc L."
    assert box.world.access.user_keys == {}
    assert client.get(answer).status_code == 400


def test_a_forum_that_does_not_know_our_address_shows_its_answer(client: FlaskClient, box: Running) -> None:
    page = start(client, "discourse", box.url)
    url = by_hand(page)
    assert "auth_redirect" not in asked(url)
    data = asked(url) | {"username": "marc"}
    payload = box.client.post("/user-api-key", data=data).json()["payload"]
    form = {"csrf_token": token(page), "payload": payload}
    back = f"/external/discourse/{key_of(box.url)}/back"
    assert client.post(back, data={"payload": payload}).status_code == 400
    assert client.post(back, data=form).status_code == 303
    assert who(client) == "Marc L."


def test_the_same_person_by_two_ways_of_one_forum(app: Flask, client: FlaskClient, box: Running) -> None:
    """DiscourseConnect and a key name a member by the same number."""
    client.get(local(allow(going(start(client, "discourse", box.url)), "marc")))
    deps: Deps = deps_of(app)
    known.set_forum_secret(deps, box.url, box.discourse.connect_secret, "test")
    again = app.test_client()
    again.get(local(allow(going(start(again, "discourse", box.url)), "marc")))
    assert len(identities(deps)) == 1
