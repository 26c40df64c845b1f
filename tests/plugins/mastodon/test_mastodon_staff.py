"""Acts on accounts and reports with a token of the server's staff: refused, done, found again; what each server may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Ambiguous, Gone, Io, MissingRight, Permanent, Receipt
from plugins.mastodon import staff
from plugins.mastodon.actions import ACTIONS, ANSWERING
from plugins.mastodon.client import Client
from plugins.mastodon.session import MastodonSession
from service.sandbox.fediverse import Account
from tests.plugins.mastodon.making import opened, settings_for, utc_now
from tests.plugins.mastodon.recorded import exchange, needs_recordings, replaying
from tests.plugins.mastodon.test_mastodon_poll import milk
from tests.sandbox_server import Running, running_sandbox
from tests.support.pacer import MemoryPacer

ADMIN = {"role": {"id": "admin", "name": "admin", "permissions": "546033"}}
TOMOKO = "01QT866YVX80X9EGKBQP6RC3NG"
STAFF = frozenset(ACTIONS) - ANSWERING


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def session(box: Running) -> Iterator[MastodonSession]:
    with opened(box.mastodon.url, box.mastodon.token) as made:
        yield made


@pytest.fixture
def tomoko(box: Running) -> Account:
    found = box.world.fedi.account_named("tomoko")
    assert found is not None
    return found


def act(kind: str, target: str, **options: Any) -> Act:
    return Act(7, Capability(kind), target, options={"reason": "Insults"} | options)


def perform(session: MastodonSession, wanted: Act) -> Receipt:
    return session.perform(Permit(7, "ann", wanted.kind, wanted.target, utc_now()), wanted)


def issued(box: Running, scopes: str) -> str:
    with box.world.lock:
        token = box.world.access.tokens[box.mastodon.token]
        return box.world.issue(box.world.access.apps[token.client_id], token.account_id, scopes).value


# ------------------------------------------------------------------ refused


@pytest.mark.parametrize("kind", ["warn", "silence", "suspend"])
def test_our_own_account_is_never_acted_on(box: Running, session: MastodonSession, kind: str) -> None:
    own = box.world.fedi.account_named("brava")
    assert own is not None
    with pytest.raises(Permanent, match="nothing was sent"):
        perform(session, act(kind, own.id))
    assert own.state == "none"


def test_a_warning_needs_words(session: MastodonSession, tomoko: Account) -> None:
    with pytest.raises(Permanent, match="words"):
        perform(session, act("warn", tomoko.id, reason=" "))


def test_a_token_without_the_right_is_told_which(box: Running, tomoko: Account) -> None:
    with opened(box.mastodon.url, issued(box, "read write admin:read")) as session:
        with pytest.raises(MissingRight) as caught:
            perform(session, act("silence", tomoko.id))
        assert caught.value.missing == "admin:write:accounts"
        with pytest.raises(MissingRight) as caught:
            perform(session, act("resolve_report", "1:2"))
        assert caught.value.missing == "admin:write:reports"
    assert tomoko.state == "none"


@pytest.mark.parametrize("target", ["", "0", "..", "../1/action", ":5"])
@pytest.mark.parametrize("kind", ["silence", "unsuspend", "resolve_report"])
def test_a_target_that_is_not_there_is_gone(session: MastodonSession, kind: str, target: str) -> None:
    with pytest.raises(Gone):
        perform(session, act(kind, target))


# ------------------------------------------------------------------ done, and found again


@pytest.mark.parametrize(("kind", "back"), [("silence", "unsilence"), ("suspend", "unsuspend")])
def test_an_account_is_acted_on_and_let_go(session: MastodonSession, tomoko: Account, kind: str, back: str) -> None:
    since = utc_now()
    assert session.find_existing(act(kind, tomoko.id), since) is None
    receipt = perform(session, act(kind, tomoko.id))
    assert tomoko.state == kind
    assert receipt.url.endswith(f"/admin/accounts/{tomoko.id}")
    assert session.find_existing(act(kind, tomoko.id), since) is not None
    assert session.find_existing(act(back, tomoko.id), since) is None
    perform(session, act(back, tomoko.id))
    assert tomoko.state == "none"
    assert session.find_existing(act(back, tomoko.id), since) is not None


def test_a_warning_tells_the_person_and_changes_nothing(session: MastodonSession, tomoko: Account) -> None:
    assert perform(session, act("warn", tomoko.id)).remote_id == tomoko.id
    assert tomoko.state == "none"
    with pytest.raises(Permanent, match="looked up"):
        session.find_existing(act("warn", tomoko.id), utc_now())


def test_a_report_is_decided_by_the_name_we_gave_it(box: Running, session: MastodonSession) -> None:
    post = milk(box)
    told = {"username": "marc", "target": "tomoko", "status_id": post.id, "comment": "Look"}
    made = str(box.control("POST", "/reports", **told)["id"])
    wanted = act("resolve_report", f"{made}:{post.id}", outcome="upheld")
    assert session.find_existing(wanted, utc_now()) is None
    perform(session, wanted)
    assert box.world.fedi.reports[made].action_taken_at is not None
    assert session.find_existing(wanted, utc_now()) is not None
    assert perform(session, wanted).remote_id == wanted.target


def test_an_answer_that_does_not_show_the_decision_is_in_doubt(box: Running, session: MastodonSession) -> None:
    made = str(box.control("POST", "/reports", username="marc", target="tomoko", comment="Look")["id"])
    box.fail("broken_json", method="POST")
    with pytest.raises(Ambiguous):
        perform(session, act("resolve_report", made))


# ------------------------------------------------------------------ what it may


def test_the_check_says_what_the_token_may(box: Running) -> None:
    cases = {
        "read write admin:read admin:write": STAFF,
        "read write admin:read admin:write:reports": {Capability.RESOLVE_REPORT},
        "read write admin:read admin:write:accounts": STAFF - {Capability.RESOLVE_REPORT},
        "read write admin:read": set(),
        "read write": set(),
    }
    for scopes, may in cases.items():
        with opened(box.mastodon.url, issued(box, scopes)) as session:
            check = session.check()
        assert check.may == ANSWERING | may, scopes
        assert check.lacks.keys() == STAFF - may, scopes
        assert check.missing == ()
        assert any("admin:" in note for note in check.notes) == (may != STAFF)


def test_the_check_changes_nothing(box: Running, session: MastodonSession) -> None:
    states = {one.username: one.state for one in box.world.fedi.accounts.values()}
    session.check()
    assert {one.username: one.state for one in box.world.fedi.accounts.values()} == states


def test_an_account_that_is_not_staff_is_offered_nothing(box: Running, session: MastodonSession) -> None:
    box.control("PUT", "/accounts/brava", staff=False)
    check = session.check()
    assert check.may == ANSWERING
    assert any("staff" in note for note in check.notes)


def test_a_server_without_that_part_is_offered_nothing(box: Running, session: MastodonSession) -> None:
    with box.world.lock:
        box.world.options.staff_api = False
    check = session.check()
    assert check.may == ANSWERING
    assert any("no part of its API" in note for note in check.notes)


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        ("16", {Capability.RESOLVE_REPORT}),
        ("1024", STAFF - {Capability.RESOLVE_REPORT}),
        ("1040", STAFF),
        ("1", STAFF),
        ("0", set()),
        ("", STAFF),
    ],
)
def test_a_role_may_hold_a_part_of_it(box: Running, permissions: str, may: set[Capability]) -> None:
    with closing(_client(box.mastodon.url, box.mastodon.token)) as client:
        account = {"role": {"id": "3", "permissions": permissions}}
        assert staff.standing(client, {"version": "4.3.0"}, account).may == may


@needs_recordings
def test_gotosocial_is_offered_what_it_was_seen_to_do() -> None:
    with replaying("gotosocial") as replay, closing(_client(replay.url)) as client:
        replay.pinned["GET /api/v1/admin/reports"] = "201-admin-reports-limit-1"
        instance = exchange("gotosocial", "02-instance-v2")["response"]["body"]
        found = staff.standing(client, instance, ADMIN)
    assert found.may == {Capability.SUSPEND, Capability.RESOLVE_REPORT}
    assert found.notes == ()


@needs_recordings
def test_takahe_is_offered_nothing() -> None:
    with replaying("takahe") as replay, closing(_client(replay.url)) as client:
        replay.pinned["GET /api/v1/admin/reports"] = "180-admin-reports"
        instance = exchange("takahe", "02-instance-v2")["response"]["body"]
        assert staff.standing(client, instance, {}).may == frozenset()


@needs_recordings
@pytest.mark.parametrize(
    ("kind", "request_line", "name", "error"),
    [
        ("suspend", f"POST /api/v1/admin/accounts/{TOMOKO}/action", "292-admin-action-suspend", None),
        ("silence", f"POST /api/v1/admin/accounts/{TOMOKO}/action", "215-admin-action-silence", Permanent),
        ("suspend", f"POST /api/v1/admin/accounts/{TOMOKO}/action", "217-admin-action-by-non-admin", MissingRight),
        ("unsuspend", f"POST /api/v1/admin/accounts/{TOMOKO}/unsuspend", "300-admin-unsuspend-after", Gone),
    ],
)
def test_a_real_servers_answers_to_acts(kind: str, request_line: str, name: str, error: type[Exception] | None) -> None:
    with replaying("gotosocial") as replay, opened(replay.url, now=utc_now) as session:
        replay.pinned[request_line] = name
        if error is None:
            assert perform(session, act(kind, TOMOKO)).remote_id == TOMOKO
            sent = parse_qs(replay.sent[-1].decode())
            assert (sent["type"], sent["text"]) == (["suspend"], ["Insults"])
        else:
            with pytest.raises(error):
                perform(session, act(kind, TOMOKO))


@needs_recordings
def test_a_real_servers_report_is_decided() -> None:
    report = "01M80RPNAXTA60Y7KKG1SC6DTJ"
    with replaying("gotosocial") as replay, opened(replay.url, now=utc_now) as session:
        replay.pinned[f"POST /api/v1/admin/reports/{report}/resolve"] = "209-admin-report-resolve"
        assert perform(session, act("resolve_report", f"{report}:x")).url.endswith(f"/admin/reports/{report}")
        replay.pinned[f"GET /api/v1/admin/accounts/{TOMOKO}"] = "297-admin-account-get-suspended"
        assert session.find_existing(act("suspend", TOMOKO), utc_now()) is not None


def _client(url: str, token: str = "not-a-real-token") -> Client:
    return Client(settings_for(url, token), Io(frozenset({"127.0.0.1"}), MemoryPacer(utc_now), utc_now))
