"""Reports, read with a token of the server's staff: what must not be kept, what is told, and what becomes of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from moderation.errors import BadInput
from moderation.model import Event, ReportOutcome, ReportReason, ReportSeen
from plugins.contract import Delivery
from plugins.mastodon.deliveries import of_report
from plugins.mastodon.session import MastodonSession
from tests.plugins.mastodon.making import OWN, events, opened, rounds, utc_now
from tests.plugins.mastodon.recorded import exchange, needs_recordings, replaying
from tests.plugins.mastodon.test_mastodon_poll import milk, say
from tests.sandbox_server import Running, running_sandbox

SECRET = "between you and me"


@pytest.fixture
def box() -> Iterator[Running]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def session(box: Running) -> Iterator[MastodonSession]:
    with opened(box.mastodon.url, box.mastodon.token) as made:
        yield made


def report(box: Running, status_id: str = "", by: str = "marc", target: str = "tomoko", **more: Any) -> str:
    told = {"username": by, "target": target, "comment": "Look at this"} | more
    return str(box.control("POST", "/reports", **told, **({"status_id": status_id} if status_id else {}))["id"])


def reports(deliveries: list[Delivery]) -> dict[str, ReportSeen]:
    found: list[Event] = events(deliveries)
    return {one.remote_id: one for one in found if isinstance(one, ReportSeen)}


def decide(box: Running, report_id: str) -> None:
    answer = box.client.post(f"/api/v1/admin/reports/{report_id}/resolve", headers=box.mastodon.headers)
    assert answer.status_code == 200


# ------------------------------------------------------------------ what must not come through


@pytest.mark.parametrize("visibility", ["direct", "private"])
def test_a_report_about_private_words_leaves_its_key_alone(
    box: Running, session: MastodonSession, visibility: str
) -> None:
    secret = say(box, "ines", SECRET, visibility=visibility)
    report(box, secret.id, target="ines")
    found, cursor = rounds(session)
    assert [(one.admitted, one.body) for one in found if one.kind == "report"] == [(False, b"")]
    assert SECRET not in cursor


def test_of_the_people_only_what_everybody_sees_is_kept(box: Running, session: MastodonSession) -> None:
    report(box, milk(box).id)
    (kept,) = [one for one in rounds(session)[0] if one.kind == "report"]
    assert b"mail.example" not in kept.body
    assert b"ip" not in {key.encode() for key in json.loads(kept.body)["report"]["account"]}


def test_a_token_that_is_not_staffs_reads_on_without(box: Running) -> None:
    report(box, milk(box).id)
    with box.world.lock:
        token = box.world.access.tokens[box.mastodon.token]
        app = box.world.access.apps[token.client_id]
        box.world.issue(app, token.account_id, "read write", "no-staff")
    calls: list[datetime] = []

    def later() -> datetime:
        return utc_now() + timedelta(hours=7 * len(calls))

    with opened(box.mastodon.url, "no-staff", now=later) as session:
        found, cursor = rounds(session)
        assert found
        assert reports(found) == {}
        with box.world.lock:
            box.world.issue(app, token.account_id, "read write admin:read", "no-staff")
        assert reports(rounds(session, cursor)[0]) == {}
        calls.append(utc_now())
        assert len(reports(rounds(session, cursor)[0])) == 1


def test_reports_that_fail_hold_up_nothing_else(box: Running, session: MastodonSession) -> None:
    report(box, milk(box).id)
    box.fail("server_error", path="/api/v1/admin/reports", times=9, status=501)
    found, _ = rounds(session)
    assert len(found) > 3
    assert reports(found) == {}


# ------------------------------------------------------------------ reading


def test_a_report_says_who_complains_of_what(box: Running, session: MastodonSession) -> None:
    post = milk(box)
    about_post, about_person = report(box, post.id, category="spam"), report(box, by="ines")
    found = reports(rounds(session)[0])
    assert set(found) == {f"{about_post}:{post.id}", about_person}
    first, second = found[f"{about_post}:{post.id}"], found[about_person]
    assert (first.message_id, first.reason, first.outcome) == (post.id, ReportReason.SPAM, ReportOutcome.OPEN)
    assert (second.message_id, second.reason, second.text) == (None, ReportReason.OTHER, "Look at this")
    assert first.reporter is not None
    assert first.about is not None
    assert first.reporter.handle.startswith("marc@")
    assert first.about.handle.startswith("tomoko@")


def test_what_the_server_decides_comes_through_once(box: Running, session: MastodonSession) -> None:
    made = report(box)
    first, cursor = rounds(session)
    decide(box, made)
    second, cursor = rounds(session, cursor)
    before, after = reports(first)[made], reports(second)[made]
    assert (before.outcome, after.outcome) == (ReportOutcome.OPEN, ReportOutcome.CLOSED)
    assert after.version > before.version
    third, _ = rounds(session, cursor)
    assert not {one.key for one in third} - {one.key for one in [*first, *second]}


def test_past_reports_are_read_page_by_page(
    box: Running, session: MastodonSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plugins.mastodon import reports as reading

    monkeypatch.setattr(reading, "PAGE", 3)
    made = [report(box) for _ in range(16)]
    for one in made[:8]:
        decide(box, one)
    first, cursor = rounds(session)
    found = reports(first)
    assert set(found) == set(made)
    assert sum(one.outcome is ReportOutcome.CLOSED for one in found.values()) == 8
    decide(box, made[8])
    assert [one.outcome for one in reports(rounds(session, cursor)[0]).values() if one.remote_id == made[8]] == [
        ReportOutcome.CLOSED
    ]


@needs_recordings
def test_the_recorded_reports_of_a_real_server_are_read() -> None:
    with replaying("gotosocial") as replay, opened(replay.url, now=utc_now) as session:
        replay.pinned["GET /api/v1/admin/reports"] = "200-admin-reports"
        found, _ = rounds(session)
    seen = reports(found)
    assert set(seen) == {"01M80RPNAZGP833ANW764CS1EG", "01M80RPNAXTA60Y7KKG1SC6DTJ:01M80RPECCZV7T24E6KEQRE6AJ"}
    one = seen["01M80RPNAZGP833ANW764CS1EG"]
    assert one.text == "Photo sans avertissement."
    assert one.reporter is not None
    assert one.reporter.handle.startswith("ines@")


@needs_recordings
@pytest.mark.parametrize(
    ("server", "name"),
    [("gotosocial", "205-admin-reports-by-non-admin"), ("takahe", "180-admin-reports")],
)
def test_servers_that_do_not_show_them_are_read_without(server: str, name: str) -> None:
    assert exchange(server, name)["response"]["status"] in (403, 404)
    with replaying(server) as replay, opened(replay.url, now=utc_now) as session:
        replay.pinned["GET /api/v1/admin/reports"] = name
        found, cursor = rounds(session)
        again = len(replay.asked)
        rounds(session, cursor)
        asked = [path for _, path in replay.asked[again:] if "/admin/" in path]
    assert found
    assert reports(found) == {}
    assert asked == []


# ------------------------------------------------------------------ what cannot be used


WHOLE = {
    "id": "9",
    "action_taken": False,
    "category": "violation",
    "comment": "No.",
    "created_at": "2026-11-22T04:37:18.000Z",
    "updated_at": "2026-11-22T04:37:18.000Z",
    "account": {"id": "1", "email": "a@b.example", "account": {"id": "1", "acct": "ines"}},
    "target_account": {"id": "2", "ip": "192.0.2.1", "account": {"id": "2", "acct": "marc@far.example"}},
    "statuses": [{"id": "5", "visibility": "public"}, {"id": "6", "visibility": "direct"}],
}


def test_of_several_posts_the_public_ones_are_reported_each_by_itself() -> None:
    (seen,) = reports([of_report(WHOLE, OWN)]).values()
    assert (seen.remote_id, seen.message_id, seen.reason) == ("9:5", "5", ReportReason.RULES)
    assert b"192.0.2.1" not in of_report(WHOLE, OWN).body


@pytest.mark.parametrize(
    "wrong",
    [{"id": None}, {"created_at": "soon"}, {"statuses": [1]}, {"statuses": "x"}, {"updated_at": "later"}],
)
def test_a_field_that_cannot_be_used_is_named(wrong: dict[str, Any]) -> None:
    body = json.loads(of_report(WHOLE, OWN).body)
    body["report"] |= wrong
    with pytest.raises(BadInput):
        events([Delivery("k", "report", json.dumps(body).encode())])


def test_a_report_whose_people_are_not_told_says_so() -> None:
    seen = reports([of_report(WHOLE | {"account": None, "target_account": {}}, OWN)])["9:5"]
    assert (seen.reporter, seen.about) == (None, None)
