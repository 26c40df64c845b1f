"""Passkeys: what is refused first, then that the right one opens the door, once a challenge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.errors import BadInput
from service.db.models import AuditEntry, Person
from service.db.people_tables import Passkey
from service.usecases import factors, passkeys
from service.usecases.passkeys import Challenge, PasskeyRefused, Site, site_of
from service.usecases.people import Known, create_person, sign_in
from tests.support.authenticator import Device
from tests.support.office import NEWEST, Office, office

HOME = Site("localhost", "http://localhost:8000")
PASSWORD = "a password long enough"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture
def desk() -> Iterator[Office]:
    with closing(office()) as found:
        yield Office(found.app, found.at(NEWEST))


@pytest.fixture
def ada(desk: Office) -> Known:
    return known(desk, "ada")


def known(desk: Office, name: str) -> Known:
    create_person(desk.deps, name, "manager", PASSWORD)
    found = sign_in(desk.deps, name, PASSWORD)
    assert found is not None
    return found


def offered(desk: Office, ada: Known, site: Site = HOME) -> tuple[Challenge, dict[str, Any]]:
    asked = passkeys.challenge(desk.deps)
    return asked, json.loads(passkeys.offer(desk.deps, ada, site, asked))


def added(desk: Office, ada: Known) -> Device:
    asked, options = offered(desk, ada)
    device = Device(HOME.origin)
    passkeys.add(desk.deps, ada, HOME, asked, device.make(options), "Telephone")
    return device


def asked_for(desk: Office, site: Site = HOME) -> tuple[Challenge, dict[str, Any]]:
    asked = passkeys.challenge(desk.deps)
    return asked, json.loads(passkeys.ask(site, asked))


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("public_url", "scheme", "host"),
    [
        ("", "http", "desk.example"),
        ("", "http", "127.0.0.1:8000"),
        ("https://desk.example", "https", "evil.example"),
        ("https://desk.example", "https", "desk.example.evil.example"),
        ("https://desk.example", "https", "desk.example:444"),
        ("https://desk.example", "https", "sub.desk.example"),
        ("http://desk.example", "http", "desk.example"),
        ("https://desk.example", "https", ""),
        ("https://desk.example", "https", "localhost.evil.example"),
    ],
)
def test_a_host_that_is_not_surely_ours_has_no_passkeys(public_url: str, scheme: str, host: str) -> None:
    assert site_of(public_url, scheme, host) is None


def test_the_site_of_the_settings_and_localhost_have_passkeys() -> None:
    ours = Site("desk.example", "https://desk.example")
    assert site_of("https://desk.example/", "http", "desk.example") == ours
    assert site_of("https://desk.example:443/", "https", "desk.example") == ours
    odd = Site("desk.example", "https://desk.example:8443")
    assert site_of("https://desk.example:8443", "https", "desk.example:8443") == odd
    assert site_of("https://desk.example", "http", "localhost:8000") == HOME


def test_a_passkey_made_for_another_origin_is_not_kept(desk: Office, ada: Known) -> None:
    asked, options = offered(desk, ada)
    with pytest.raises(PasskeyRefused):
        passkeys.add(desk.deps, ada, HOME, asked, Device("https://evil.example").make(options), "x")
    assert desk.rows(Passkey) == []


@pytest.mark.parametrize("field", ["origin", "site", "unverified", "challenge", "signature", "handle"])
def test_an_answer_that_is_wrong_in_one_thing_opens_nothing(desk: Office, ada: Known, field: str) -> None:
    device = added(desk, ada)
    asked, options = asked_for(desk)
    if field == "origin":
        device.origin = "http://localhost:8001"
    elif field == "site":
        options["rpId"] = "evil.example"
    elif field == "unverified":
        device.verifies = False
    elif field == "challenge":
        options["challenge"] = asked_for(desk)[1]["challenge"]
    elif field == "signature":
        device.key = Device("").key
    else:
        device.handle = bytes(32)
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, asked, device.use(options))
    assert desk.rows(Passkey)[0].used_at is None


def test_an_answer_opens_the_door_once(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    asked, options = asked_for(desk)
    answer = device.use(options)
    assert passkeys.use(desk.deps, HOME, asked, answer).id == ada.id
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, asked, answer)


def test_a_spent_challenge_is_refused_to_a_device_that_never_counts(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    asked, options = asked_for(desk)
    device.count = -1  # the next answer says 0, as synced passkeys do
    assert passkeys.use(desk.deps, HOME, asked, device.use(options)).id == ada.id
    device.count = -1
    with pytest.raises(PasskeyRefused, match="used before"):
        passkeys.use(desk.deps, HOME, asked, device.use(options))


def test_an_answer_that_comes_late_is_refused(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    asked, options = asked_for(desk)
    late = desk.at(NEWEST + passkeys.ANSWER)
    with pytest.raises(PasskeyRefused):
        passkeys.use(late, HOME, asked, device.use(options))
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, replace(asked, at=NEWEST + timedelta(hours=1)), device.use(options))


def test_a_credential_that_is_not_ours_opens_nothing(desk: Office, ada: Known) -> None:
    added(desk, ada)
    asked, options = asked_for(desk)
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, asked, Device(HOME.origin).use(options))


def test_a_device_copied_by_somebody_is_refused_when_its_count_goes_back(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    for _ in range(2):
        asked, options = asked_for(desk)
        passkeys.use(desk.deps, HOME, asked, device.use(options))
    device.count = 0
    asked, options = asked_for(desk)
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, asked, device.use(options))


def test_a_credential_belongs_to_one_person(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    bob = known(desk, "bob")
    asked, options = offered(desk, bob)
    with pytest.raises(PasskeyRefused):
        passkeys.add(desk.deps, bob, HOME, asked, device.make(options), "mine now")
    assert [k.person_id for k in desk.rows(Passkey)] == [ada.id]


def test_somebody_switched_off_stays_out(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    with desk.deps.store.write() as session:
        session.get_one(Person, ada.id).active = False
    asked, options = asked_for(desk)
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, HOME, asked, device.use(options))


def test_a_passkey_of_localhost_does_not_open_the_real_site(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    real = Site("desk.example", "https://desk.example")
    asked, options = asked_for(desk, real)
    device.origin = real.origin
    with pytest.raises(PasskeyRefused):
        passkeys.use(desk.deps, real, asked, device.use(options))


def test_hostile_answers_are_refused_and_break_nothing() -> None:
    with closing(office()) as found:
        desk = Office(found.app, found.at(NEWEST))
        ada = known(desk, "ada")
        device = added(desk, ada)

        @settings(max_examples=25)
        @given(answer=st.dictionaries(st.text(max_size=12), JSON, max_size=5), response=JSON)
        def never(answer: dict[str, Any], response: Any) -> None:
            asked, options = asked_for(desk)
            real = device.use(options)
            for hostile in (answer, {**real, "response": response}, {**real, **answer, "response": response}):
                with pytest.raises(PasskeyRefused):
                    passkeys.use(desk.deps, HOME, asked, hostile)
                with pytest.raises(PasskeyRefused):
                    passkeys.add(desk.deps, ada, HOME, asked, hostile, "x")

        never()


def test_nobody_names_or_removes_the_passkey_of_another(desk: Office, ada: Known) -> None:
    added(desk, ada)
    bob, key = known(desk, "bob"), desk.rows(Passkey)[0]
    for act in (lambda: passkeys.rename(desk.deps, bob, key.id, "b"), lambda: passkeys.remove(desk.deps, bob, key.id)):
        with pytest.raises(BadInput):
            act()
    with pytest.raises(BadInput):
        passkeys.rename(desk.deps, ada, key.id, "  ")
    assert desk.rows(Passkey)[0].name == "Telephone"


# ------------------------------------------------------------------ done


def test_a_passkey_is_asked_for_as_we_promise(desk: Office, ada: Known) -> None:
    device = added(desk, ada)
    options = offered(desk, ada)[1]
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["rp"]["id"] == "localhost"
    assert [c["transports"] for c in options["excludeCredentials"]] == [["internal"]]
    assert "ada" not in str(device.handle)
    request = asked_for(desk)[1]
    assert request["userVerification"] == "required"
    assert not request.get("allowCredentials")


def test_with_the_last_factor_the_recovery_codes_go(desk: Office, ada: Known) -> None:
    added(desk, ada)
    factors.make_recovery_codes(desk.deps, ada)
    assert factors.of_person(desk.deps, ada.id).recovery == 10
    passkeys.remove(desk.deps, ada, desk.rows(Passkey)[0].id)
    found = factors.of_person(desk.deps, ada.id)
    assert (found.second, found.recovery) == (False, 0)
    kinds = [e.kind for e in desk.rows(AuditEntry)]
    assert kinds == ["person:create", "person:passkey_add", "person:recovery_codes", "person:passkey_remove"]


def test_there_is_an_end_to_passkeys(desk: Office, ada: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passkeys, "MANY", 1)
    added(desk, ada)
    with pytest.raises(BadInput):
        offered(desk, ada)
