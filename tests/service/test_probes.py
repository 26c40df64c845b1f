"""Probes: drawn by chance from what stayed below the line, unmarked, once; and the alarm on rules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import audit
from service.db.models import AuditEntry, Case, Community, DecisionRow, Message, ProbeRow, Thread
from service.usecases import probes
from service.usecases.alarms import Alarm, alarm_of
from service.usecases.cases import Intent, act, undo
from service.usecases.people import Known, create_person, sign_in
from service.usecases.probes import Probes, Stayed, draw
from service.usecases.queue import queue_page
from service.usecases.seeing import mark_seen
from service.usecases.triage import triage_community
from service.vault import Vault
from tests.support.office import NEWEST, Office, line, office

VAULT = Vault(["a secret key for tests of forty characters"])
NONE = Probes(frozenset(), frozenset())
CALM = "I use the fine grind for it."


def stayed(count: int, hours: float = 24) -> list[Stayed]:
    return [Stayed(n, 1, f"t{n}", (NEWEST - timedelta(hours=hours)).timestamp()) for n in range(count)]


def test_what_moves_is_few_or_was_drawn_is_never_drawn() -> None:
    assert draw(VAULT, stayed(99), NONE, NEWEST) == []
    assert draw(VAULT, stayed(20_000, hours=1), NONE, NEWEST) == []
    first = draw(VAULT, stayed(20_000), NONE, NEWEST)
    assert draw(VAULT, stayed(20_000), Probes(frozenset(), frozenset(first)), NEWEST) == []


def test_about_one_in_a_hundred_is_drawn_and_nobody_without_the_key_knows_which() -> None:
    first = draw(VAULT, stayed(20_000), NONE, NEWEST)
    assert 140 <= len(first) <= 260
    assert draw(VAULT, list(reversed(stayed(20_000))), NONE, NEWEST)[::-1] == first
    other = draw(Vault(["another secret key for tests of forty letters"]), stayed(20_000), NONE, NEWEST)
    assert len(set(first) & set(other)) < 20


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A hundred and twenty quiet conversations, of which the next triage draws some."""
    monkeypatch.setattr(probes, "SHARE", 0.1)
    desk = office(secret_key="a secret key for tests of forty characters")
    desk.archive()
    lines = [line(n, n, f"{CALM} {n}", hours_ago=24 + n / 10) for n in range(1, 121)]
    desk.take_in([*lines, line(900, 900, "My order has not come and nobody answers. I want my money back.")])
    assert desk.rows(ProbeRow) == [], "what just came below the line has not stayed there"
    assert triage_community(desk.deps, 1)
    yield desk
    desk.close()


@pytest.fixture
def ada(desk: Office) -> Known:
    create_person(desk.deps, "ada", "manager", "a password long enough")
    known = sign_in(desk.deps, "ada", "a password long enough")
    assert known is not None
    return known


def case(desk: Office, thread: int) -> Case:
    found: Case = desk.rows(Case, Case.thread_id == thread)[0]
    return found


def test_a_probe_stands_in_the_queue_like_any_other(desk: Office) -> None:
    drawn = {p.thread_id for p in desk.rows(ProbeRow)}
    assert 4 <= len(drawn) <= 25
    shown = {i.thread_id: i for i in queue_page(desk.deps, size=None).items}
    assert drawn <= set(shown)
    usual = shown[desk.rows(Thread, Thread.remote_id == "900")[0].id]
    for thread in drawn:
        assert (shown[thread].lane, shown[thread].state) == (usual.lane, usual.state)
        assert set(shown[thread].to_json()) == set(usual.to_json())
    before = {c.thread_id: c.lane for c in desk.rows(Case)}
    assert triage_community(desk.deps, 1)
    assert {c.thread_id: c.lane for c in desk.rows(Case)} == before, "drawn once, and kept"
    assert {p.thread_id for p in desk.rows(ProbeRow)} == drawn


def test_probes_take_no_place_from_others_even_when_seen(desk: Office) -> None:
    own = {c.thread_id for c in desk.rows(Case, Case.lane == "needs")} - {p.thread_id for p in desk.rows(ProbeRow)}
    mark_seen(desk.deps, queue_page(desk.deps, size=None).items)
    assert triage_community(desk.deps, 1)
    assert own <= {c.thread_id for c in desk.rows(Case, Case.lane == "needs")}
    summary = desk.rows(Community)[0].summary
    assert len(own) <= summary["budget"]


@pytest.mark.parametrize(("verb", "needs"), [("leave", False), ("decide", True), ("escalate", True)])
def test_a_verb_judges_a_probe_and_undo_opens_it_again(desk: Office, ada: Known, verb: str, needs: bool) -> None:
    thread = desk.rows(ProbeRow)[0].thread_id
    found = case(desk, thread)
    done = act(desk.deps, found.id, Intent(verb, found.version), ada)
    row = desk.rows(ProbeRow)[0]
    assert (row.judged_at, row.person_id, row.needs) == (done.at, ada.id, needs)
    assert desk.rows(DecisionRow)[0].probe
    undo(desk.deps, done, ada)
    row = desk.rows(ProbeRow)[0]
    assert (row.judged_at, row.person_id, row.needs) == (None, None, None)
    assert desk.rows(DecisionRow) == []


def test_a_probe_that_was_left_goes_below_for_good(desk: Office, ada: Known) -> None:
    thread = desk.rows(ProbeRow)[0].thread_id
    found = case(desk, thread)
    act(desk.at(NEWEST), found.id, Intent("leave", found.version), ada)
    assert triage_community(desk.deps, 1)
    assert case(desk, thread).lane == "decided"
    assert len([p for p in desk.rows(ProbeRow) if p.thread_id == thread]) == 1


def test_a_probe_in_which_somebody_wrote_is_a_thread_like_any_other(desk: Office, ada: Known) -> None:
    thread = desk.rows(ProbeRow)[0].thread_id
    drawn_at = desk.rows(ProbeRow)[0].drawn_at
    with desk.deps.store.write() as session:
        later = {"last_message_at": drawn_at + timedelta(minutes=1)}
        session.execute(update(Thread).where(Thread.id == thread).values(later))
        assert thread not in probes.probes(session, 1, NEWEST - timedelta(days=28)).open
    found = case(desk, thread)
    act(desk.deps, found.id, Intent("decide", found.version), ada)
    assert desk.rows(ProbeRow)[0].judged_at is None, "it was not judged as it stayed below"
    assert not desk.rows(DecisionRow)[0].probe


# ------------------------------------------------------------------ alarm


def ruled(desk: Office, hours_ago: float, first: int, count: int) -> None:
    """Rules matched a message in so many conversations, so long ago."""
    ids = [t.id for t in desk.rows(Thread)][first : first + count]
    with desk.deps.store.write() as session:
        at = {"rules": "threat", "created_at": NEWEST - timedelta(hours=hours_ago)}
        session.execute(update(Message).where(Message.thread_id.in_(ids)).values(at))
        session.execute(update(Thread).where(Thread.id == 1).values(first_message_at=NEWEST - timedelta(days=40)))


def alarm(desk: Office) -> Alarm | None:
    assert triage_community(desk.deps, 1)
    return alarm_of(desk.rows(Community)[0].summary)


def test_rules_that_fire_as_usual_raise_no_alarm(desk: Office) -> None:
    ruled(desk, 200, 0, 60)
    ruled(desk, 5, 60, 4)
    assert alarm(desk) is None


def test_rules_that_fire_unusually_often_raise_one_alarm(desk: Office) -> None:
    ruled(desk, 200, 0, 20)
    ruled(desk, 5, 60, 12)
    found = alarm(desk)
    assert found is not None
    newest = desk.rows(Community)[0].newest_at
    assert (found.count, found.usual, found.since) == (12, round(20 / 27, 2), newest)
    assert alarm(desk) == found
    entries = [e for e in desk.rows(AuditEntry) if e.kind == "alarm:rules"]
    assert len(entries) == 1, "said once"
    ruled(desk, 300, 60, 12)
    assert alarm(desk) is None
    with desk.deps.store.read() as session:
        assert audit.verify(session, desk.deps.vault) == []
