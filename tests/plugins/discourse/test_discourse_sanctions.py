"""Silencing and suspending on a forum, for a term, over a real socket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from moderation.model import Capability
from moderation.policy import Permit
from plugins.contract import Act, Gone, MissingRight, Permanent, Receipt
from service.sandbox.forum import User
from tests.plugins.discourse.desk import Desk
from tests.sandbox_server import Running

WORDS = {"handle": "tomoko", "hours": 24, "reason": "Insults"}
FIELD = {"silence": "silenced_till", "suspend": "suspended_till"}
imposed = pytest.mark.parametrize("kind", sorted(FIELD))


@pytest.fixture
def tomoko(box: Running) -> User:
    return box.world.forum.user("tomoko")


def act(kind: str, target: object, **options: Any) -> Act:
    return Act(5, Capability(kind), str(target), options=WORDS | options)


def perform(desk: Desk, wanted: Act) -> Receipt:
    return desk.session.perform(Permit(5, "ann", wanted.kind, wanted.target, datetime.now(UTC)), wanted)


@imposed
@pytest.mark.parametrize(
    "wrong", [{"hours": 0}, {"hours": -1}, {"hours": "24"}, {"hours": True}, {"hours": 1e300}, {"reason": " "}]
)
def test_a_term_or_a_reason_that_makes_no_sense_is_not_sent(
    desk: Desk, tomoko: User, kind: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Permanent, match="Nothing was sent"):
        perform(desk, act(kind, tomoko.id, **wrong))
    assert getattr(tomoko, FIELD[kind]) is None
    assert "admin" not in desk.pacer.taken


@pytest.mark.parametrize("kind", ["silence", "unsilence", "suspend", "unsuspend"])
@pytest.mark.parametrize("target", ["", "tomoko", "-1", "1/../2", "²"])
def test_a_target_that_is_no_account_never_reaches_the_forum(desk: Desk, kind: str, target: str) -> None:
    with pytest.raises(Gone):
        perform(desk, act(kind, target))
    assert "admin" not in desk.pacer.taken


@imposed
def test_staff_is_refused_by_the_forum(desk: Desk, box: Running, kind: str) -> None:
    with pytest.raises(MissingRight):
        perform(desk, act(kind, box.world.forum.user("sam").id))


@imposed
def test_it_lasts_as_long_as_was_wanted_and_is_lifted(desk: Desk, tomoko: User, kind: str) -> None:
    receipt = perform(desk, act(kind, tomoko.id))
    left = getattr(tomoko, FIELD[kind]) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert receipt.url == f"{desk.settings.url}/u/tomoko"
    perform(desk, act(f"un{kind}", tomoko.id))
    assert getattr(tomoko, FIELD[kind]) is None


@imposed
def test_without_hours_it_has_no_end(desk: Desk, tomoko: User, kind: str) -> None:
    perform(desk, act(kind, tomoko.id, hours=None))
    assert getattr(tomoko, FIELD[kind]) > datetime.now(UTC) + timedelta(days=300_000)


@imposed
def test_somebody_who_is_already_keeps_their_term_and_it_is_said(desk: Desk, tomoko: User, kind: str) -> None:
    perform(desk, act(kind, tomoko.id, hours=1))
    before = getattr(tomoko, FIELD[kind])
    with pytest.raises(Permanent, match="already"):
        perform(desk, act(kind, tomoko.id, hours=48))
    assert getattr(tomoko, FIELD[kind]) == before
    since = datetime.now(UTC) - timedelta(minutes=2)
    assert desk.session.find_existing(act(kind, tomoko.id, hours=48), since) is None
    assert desk.session.find_existing(act(kind, tomoko.id, hours=1), since) is not None


@imposed
def test_a_term_that_is_over_is_found_as_lifted(desk: Desk, box: Running, tomoko: User, kind: str) -> None:
    perform(desk, act(kind, tomoko.id, hours=1))
    lifting = act(f"un{kind}", tomoko.id)
    assert desk.session.find_existing(lifting, datetime.now(UTC)) is None
    desk.clock.pass_seconds(3601)
    assert desk.session.find_existing(lifting, datetime.now(UTC)) is not None


def test_a_long_reason_is_cut_to_what_the_forum_takes(
    desk: Desk, tomoko: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    write = desk.session._client.write
    monkeypatch.setattr(desk.session._client, "write", lambda *a: (sent.append(a[3]), write(*a))[1])
    perform(desk, act("silence", tomoko.id, reason="x" * 900))
    assert len(sent[0]["reason"]) == 300
