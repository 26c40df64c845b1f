"""Names of servers as people type them, questions on their way, and whom a proof stands for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from service.app import create_app
from service.auth.external import discourse
from service.auth.external.address import key_of, same_origin, server_origin
from service.auth.external.proof import Proof, Provider, Trouble, Why
from service.cli.identities import identities as command
from service.config import load_settings
from service.db.base import Base
from service.db.grant_tables import GrantRow
from service.db.identity_tables import ExternalFlow, ForumSecret, Identity
from service.db.models import Author, Connection, Person
from service.deps import Deps, deps_of
from service.usecases import flows, identities
from service.usecases.flows import Question
from service.usecases.people import Known, create_person, known_person

NOWHERE: frozenset[str] = frozenset()
ADA = Proof(Provider.OIDC, "https://id.brava.example", "s-1", "ada", "Ada", "ada@brava.example")
INES = Proof(Provider.MASTODON, "https://social.example", "109", "@ines@social.example", "Inès")
QUESTION = Question("sign_in", Provider.OIDC, ADA.issuer, None, {"target": "/queue"}, {"verifier": "v", "nonce": "n"})


@dataclass
class Clock:
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def deps(tmp_path: Path) -> Iterator[Deps]:
    settings = {"oidc_issuer": ADA.issuer, "oidc_client_id": "tenth", "oidc_domains": "brava.example"}
    app = create_app(load_settings(data_dir=tmp_path, **settings), web=False)
    deps = deps_of(app)
    Base.metadata.create_all(deps.store.engine)
    yield replace(deps, now=Clock())
    deps.store.engine.dispose()


def person(deps: Deps, name: str, role: str = "responder", **values: Any) -> Known:
    create_person(deps, name, role, "a-long-enough-password")
    with deps.store.write() as session:
        row = session.scalars(select(Person).where(Person.username == name)).one()
        for key, value in values.items():
            setattr(row, key, value)
    known = known_person(deps, row.id)
    assert known is not None
    return known


def why(caught: pytest.ExceptionInfo[Trouble]) -> Why:
    return caught.value.why


def opened(deps: Deps, **settings: Any) -> Deps:
    return replace(deps, settings=deps.settings.model_copy(update=settings))


def take(deps: Deps, **args: str) -> Question:
    return flows.take(deps, "browser", "oidc", key_of(ADA.issuer), {"state": "state", **args}, ("sign_in", "link"))


def count(deps: Deps, table: Any) -> int:
    with deps.store.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


# ------------------------------------------------------------------ names of servers


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("social.example.org", "https://social.example.org"),
        (" https://Social.Example.ORG/@ada ", "https://social.example.org"),
        ("@ada@social.example.org", "https://social.example.org"),
        ("ada@social.example.org", "https://social.example.org"),
        ("https://social.example.org.", "https://social.example.org"),
        ("bücher.example", "https://xn--bcher-kva.example"),
        ("ｓocial.example", "https://social.example"),
        ("https://social.example.org?x=1#y", "https://social.example.org"),
    ],
)
def test_names_become_one_origin(typed: str, origin: str) -> None:
    assert server_origin(typed, NOWHERE) == origin


@pytest.mark.parametrize(
    "typed", ["http://a.example", "https://a.example:444", "127.0.0.1", "https://[::1]:80", "inside", "https://1.2.3"]
)
def test_what_is_private_must_be_listed(typed: str) -> None:
    with pytest.raises(Trouble):
        server_origin(typed, NOWHERE)
    allow = frozenset({"a.example", "127.0.0.1", "::1", "inside", "1.2.3"})
    assert server_origin(typed, allow).partition("://")[0] in ("http", "https")


@given(st.text(max_size=80))
def test_whatever_is_typed_is_a_plain_origin_or_refused(typed: str) -> None:
    try:
        origin = server_origin(typed, NOWHERE)
    except Trouble:
        return
    assert re.fullmatch(r"https://[a-z0-9-]+(\.[a-z0-9_-]+)+", origin)
    assert server_origin(origin, NOWHERE) == origin
    assert re.fullmatch(r"[0-9a-f]{24}", key_of(origin))


@given(st.text(alphabet="htps:/.@#?\\ae1\t", max_size=40))
def test_only_addresses_of_the_very_server_are_its_own(path: str) -> None:
    address = "https://a.example" + path
    if same_origin(address, "https://a.example"):
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("https", "a.example")


# ------------------------------------------------------------------ questions on their way


def test_a_question_is_answered_once_by_the_browser_that_asked(deps: Deps) -> None:
    flows.put(deps, "browser", "state", QUESTION)
    assert take(deps) == QUESTION
    with pytest.raises(Trouble) as caught:
        take(deps)
    assert why(caught) is Why.UNKNOWN


@pytest.mark.parametrize(
    ("browser", "provider", "issuer", "state", "purpose", "reason"),
    [
        ("other", "oidc", ADA.issuer, "state", "sign_in", Why.UNKNOWN),
        ("browser", "mastodon", ADA.issuer, "state", "sign_in", Why.MIXED_UP),
        ("browser", "oidc", "https://evil.example", "state", "sign_in", Why.MIXED_UP),
        ("browser", "oidc", ADA.issuer, "state", "connect", Why.MIXED_UP),
        ("browser", "oidc", ADA.issuer, "forged", "sign_in", Why.UNKNOWN),
    ],
)
def test_a_wrong_answer_is_refused_and_uses_the_question_up(
    deps: Deps, browser: str, provider: str, issuer: str, state: str, purpose: str, reason: Why
) -> None:
    flows.put(deps, "browser", "state", QUESTION)
    with pytest.raises(Trouble) as caught:
        flows.take(deps, browser, provider, key_of(issuer), {"state": state}, (purpose,))
    assert why(caught) is reason
    assert count(deps, ExternalFlow) == (1 if state == "forged" else 0)


@pytest.mark.parametrize("provider", [Provider.OIDC, Provider.MASTODON])
def test_only_a_forums_key_answers_without_state(deps: Deps, provider: Provider) -> None:
    """Else somebody else's code could be slipped into a browser that waits for an answer."""
    flows.put(deps, "browser", "state", replace(QUESTION, provider=provider))
    with pytest.raises(Trouble) as caught:
        flows.take(deps, "browser", provider, key_of(ADA.issuer), {"payload": "", "code": "c"}, ("sign_in",))
    assert why(caught) is Why.UNKNOWN
    assert count(deps, ExternalFlow) == 1
    forum = replace(QUESTION, provider=Provider.DISCOURSE)
    flows.put(deps, "browser", "another", forum)
    taken = flows.take(deps, "browser", "discourse", key_of(ADA.issuer), {"payload": ""}, ("sign_in",))
    assert taken == forum


def test_only_one_of_many_answers_at_one_moment_counts(deps: Deps) -> None:
    flows.put(deps, "browser", "state", QUESTION)
    found: list[object] = []

    def answer() -> None:
        try:
            found.append(take(deps))
        except Trouble as trouble:
            found.append(trouble.why)

    threads = [threading.Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found), key=len)[:7] == ["unknown"] * 7
    assert QUESTION in found


def test_old_questions_are_forgotten_and_secrets_are_sealed(deps: Deps) -> None:
    flows.put(deps, "browser", "state", QUESTION)
    with deps.store.read() as session:
        row = session.scalars(select(ExternalFlow)).one()
    assert b"nonce" not in row.sealed
    assert json.loads(deps.vault.open(row.sealed)) == dict(QUESTION.kept)
    assert "state" not in (row.state_digest, row.browser_digest)
    deps.now.at += timedelta(minutes=10)  # type: ignore[attr-defined]
    with pytest.raises(Trouble):
        take(deps)
    flows.put(deps, "browser", "state", QUESTION)
    deps.now.at += timedelta(minutes=10)  # type: ignore[attr-defined]
    flows.put(deps, "browser", "another", QUESTION)
    assert count(deps, ExternalFlow) == 1


# ------------------------------------------------------------------ whom a proof stands for


def test_nobody_is_known_by_a_name_or_an_address(deps: Deps) -> None:
    person(deps, "ada@brava.example")
    person(deps, "ada")
    with pytest.raises(Trouble) as caught:
        identities.enter_by(deps, ADA)
    assert why(caught) is Why.NOT_INVITED
    assert count(deps, Identity) == 0


def test_the_same_subject_of_another_issuer_or_provider_is_somebody_else(deps: Deps) -> None:
    known = person(deps, "ada")
    identities.link(deps, known, ADA)
    assert identities.enter_by(deps, ADA).id == known.id
    for other in (
        replace(ADA, issuer="https://id.brava.example/"),
        replace(ADA, provider=Provider.DISCOURSE),
        replace(ADA, subject="S-1"),
        replace(ADA, subject="s-1 "),
    ):
        with pytest.raises(Trouble) as caught:
            identities.enter_by(deps, other)
        assert why(caught) is Why.NOT_INVITED


def test_an_identity_belongs_to_one_person(deps: Deps) -> None:
    first, second = person(deps, "ada"), person(deps, "bea")
    identities.link(deps, first, ADA)
    identities.link(deps, first, ADA)
    with pytest.raises(Trouble) as caught:
        identities.link(deps, second, ADA)
    assert why(caught) is Why.TAKEN
    assert identities.enter_by(deps, ADA).id == first.id
    assert count(deps, Identity) == 1


@pytest.mark.parametrize(("role", "entered"), [("owner", False), ("manager", False), ("responder", True)])
def test_platform_accounts_open_small_roles_only(deps: Deps, role: str, entered: bool) -> None:
    known = person(deps, "ines", role)
    identities.link(deps, known, INES)
    if entered:
        assert identities.enter_by(deps, INES).id == known.id
        return
    with pytest.raises(Trouble) as caught:
        identities.enter_by(deps, INES)
    assert why(caught) is Why.STRONGER
    identities.link(deps, known, ADA)
    assert identities.enter_by(deps, ADA).id == known.id


def test_a_switched_off_person_does_not_come_in_nor_anew(deps: Deps) -> None:
    known = person(deps, "ada", active=True)
    identities.link(deps, known, ADA)
    with deps.store.write() as session:
        session.get_one(Person, known.id).active = False
    with pytest.raises(Trouble) as caught:
        identities.enter_by(opened(deps, oidc_role="responder"), ADA)
    assert why(caught) is Why.CLOSED


def test_newcomers_get_the_role_of_the_settings_and_a_name_of_their_own(deps: Deps) -> None:
    person(deps, "ada@brava.example")
    letting = opened(deps, oidc_role="analyst", allow_authors=True)
    ada, ines = identities.enter_by(letting, ADA), identities.enter_by(letting, INES)
    assert (ada.role, ada.username, ada.name) == ("analyst", "ada@brava.example-2", "Ada")
    assert (ines.role, ines.username, ines.name) == ("rock_star", "ines@social.example", "Inès")
    nameless = replace(INES, subject="1", handle="@ünï çø\u202e")
    assert identities.enter_by(letting, nameless).username == "n"
    odd = replace(INES, subject="2", handle="Ω")
    assert identities.enter_by(letting, odd).username == "somebody"


@pytest.mark.parametrize(("state", "open_"), [("proposed", False), ("offered", True), ("declined", False)])
def test_the_door_of_a_forum_opens_for_whom_an_offer_waits(deps: Deps, state: str, open_: bool) -> None:
    now, forum = deps.now(), "https://forum.brava.example"
    with deps.store.write() as session:
        session.add(Connection(name="forum", connector="discourse", settings={}, url=forum, state="ok", created_at=now))
        session.flush()
        session.add(Author(connection_id=1, remote_id="77", handle="nadia", first_seen_at=now))
        session.flush()
        given = {"connection_id": 1, "author_id": 1, "days": 9, "hourly": 9, "daily": 9, "capabilities": ["hide"]}
        session.add(GrantRow(state=state, made_at=now, changed_at=now, **given))
    assert identities.ways_in(deps).forums == ((forum,) if open_ else ())


def test_the_last_way_in_stays(deps: Deps) -> None:
    known = person(deps, "ada", password_hash="")
    identities.link(deps, known, ADA)
    (only,) = identities.linked(deps, known.id)
    assert not only.removable
    with pytest.raises(Trouble) as caught:
        identities.unlink(deps, known, only.id)
    assert why(caught) is Why.LAST_WAY
    identities.link(deps, known, INES)
    identities.unlink(deps, known, only.id)
    assert [one.handle for one in identities.linked(deps, known.id)] == [INES.handle]


def test_for_a_manager_a_platform_account_is_no_way_in(deps: Deps) -> None:
    known = person(deps, "ada", "manager", password_hash="")
    identities.link(deps, known, ADA)
    identities.link(deps, known, INES)
    company, platform = identities.linked(deps, known.id)
    assert (company.removable, platform.removable) == (False, True)


def test_nobody_unlinks_what_is_not_theirs(deps: Deps) -> None:
    ada, bea = person(deps, "ada"), person(deps, "bea")
    identities.link(deps, ada, ADA)
    for number in (1, 4711):
        with pytest.raises(Trouble) as caught:
            identities.unlink(deps, bea, number)
        assert why(caught) is Why.UNKNOWN
    assert count(deps, Identity) == 1


# ------------------------------------------------------------------ keys of forums


def test_a_key_for_another_question_cannot_be_read() -> None:
    mine, other = discourse.new_key(), discourse.new_key()
    assert mine != other
    with pytest.raises(Trouble) as caught:
        discourse.key_answer("https://f.example", "c", mine, "AAAA", "n")
    assert why(caught) is Why.UNPROVEN


# ------------------------------------------------------------------ the command


def test_a_forums_secret_is_kept_sealed_and_forgotten(tmp_path: Path) -> None:
    run = CliRunner()
    done = run.invoke(command, ["forum-secret", "forum.example.org"], input="a-shared-secret\n", catch_exceptions=False)
    assert "Members of https://forum.example.org" in done.output
    assert "a-shared-secret" not in done.output
    deps = deps_of(create_app(web=False))
    with deps.store.read() as session:
        row = session.get_one(ForumSecret, "https://forum.example.org")
    assert deps.vault.open(row.sealed) == "a-shared-secret"
    run.invoke(command, ["forum-secret", "forum.example.org", "--forget"], catch_exceptions=False)
    assert count(deps, ForumSecret) == 0
    deps.store.engine.dispose()


def test_the_addresses_for_other_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = CliRunner()
    assert "TENTH_PUBLIC_URL" in str(run.invoke(command, ["addresses"]).exception)
    monkeypatch.setenv("TENTH_PUBLIC_URL", "https://desk.example/")
    monkeypatch.setenv("TENTH_OIDC_ISSUER", ADA.issuer)
    monkeypatch.setenv("TENTH_OIDC_CLIENT_ID", "tenth")
    run.invoke(command, ["forum-secret", "forum.example.org", "--secret", "a-shared-secret"], catch_exceptions=False)
    found = json.loads(run.invoke(command, ["addresses", "--json"], catch_exceptions=False).output)
    assert [one["address"] for one in found] == [
        f"https://desk.example/external/oidc/{key_of(ADA.issuer)}/back",
        f"https://desk.example/external/discourse/{key_of('https://forum.example.org')}/back",
        f"https://desk.example/connect/discourse/{key_of('https://forum.example.org')}/back",
    ]
    assert run.invoke(command, ["list", "--json"], catch_exceptions=False).output.strip() == "[]"
    assert "was not known" in run.invoke(command, ["forget-app", "social.example.org"], catch_exceptions=False).output
