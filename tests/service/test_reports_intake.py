"""Reports as they come in: never twice, in any order, before or after their message, and hostile ones tamed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import AuthorRole, AuthorSeen, MessageSeen, ReportOutcome, ReportSeen, ThreadSeen
from moderation.trust import Reports
from service.db.incoming import Incoming
from service.db.intake import settle
from service.db.models import Author, Message, Person
from service.db.report_tables import ReportDecision, ReportRow
from service.db.reports import tally
from service.db.trust_tables import TrustAuthor
from service.usecases.intake import _subject, clean
from tests.support.board import FORUM, NOW, Board, _score, boarding

ANN, BOB = AuthorSeen("1", "ann", "Ann"), AuthorSeen("2", "bob", "Bob", AuthorRole.STAFF)
OPEN = ReportSeen("9:1", NOW - timedelta(hours=2), message_id="t1-1", reporter=ANN, text="Rude.", version=1.0)
CLOSED = replace(OPEN, outcome=ReportOutcome.UPHELD, reporter=None, text="", version=2.0)
POST = MessageSeen("t1-1", ThreadSeen("t1", FORUM, title="Help"), BOB, "Text.", NOW - timedelta(hours=3))


def take(board: Board, *events: ReportSeen | MessageSeen) -> None:
    incoming = Incoming(board.connection, NOW)
    for event in events:
        if isinstance(event, ReportSeen):
            incoming.reports.append(event)
        else:
            incoming.add_seen(event)
            incoming.scores[event.remote_id] = _score(0.0)
    with board.deps.store.write() as session:
        settle(session, incoming)


def kept(board: Board) -> list[tuple[object, ...]]:
    with board.deps.store.read() as session:
        rows = session.query(ReportRow).order_by(ReportRow.remote_id)
        names = {a.id: a.remote_id for a in session.query(Author)} | {None: None}
        messages = {m.id: m.remote_id for m in session.query(Message)} | {None: None}
        return [
            (r.remote_id, r.outcome, r.version, names[r.reporter_id], names[r.about_id], messages[r.message_id], r.text)
            for r in rows
        ]


def test_in_any_order_and_told_twice_it_is_one_report_that_is_closed() -> None:
    with boarding() as board:
        for number, order in enumerate(permutations((OPEN, CLOSED, POST))):
            apart = [_apart(event, number) for event in order]
            for event in (*apart, *apart):
                take(board, event)
        together = [_apart(event, 6) for event in (CLOSED, POST, OPEN)]
        take(board, *together)
        assert kept(board) == [(f"9:{n}", "upheld", 2.0, "1", "2", f"t{n}-1", "Rude.") for n in range(7)]


def _apart(event: ReportSeen | MessageSeen, number: int) -> ReportSeen | MessageSeen:
    """The same in a thread and report of its own."""
    if isinstance(event, ReportSeen):
        return replace(event, remote_id=f"9:{number}", message_id=f"t{number}-1")
    return replace(event, remote_id=f"t{number}-1", thread=replace(event.thread, remote_id=f"t{number}"))


def test_a_known_author_stays_as_they_are_and_a_stranger_is_a_customer() -> None:
    with boarding() as board:
        take(board, POST)
        liar = AuthorSeen("2", "renamed", "Renamed", AuthorRole.CUSTOMER)
        take(board, replace(OPEN, about=liar, reporter=AuthorSeen("3", "cleo", role=AuthorRole.BRAND)))
        with board.deps.store.read() as session:
            known = {a.remote_id: (a.handle, a.role) for a in session.query(Author)}
        assert known == {"2": ("bob", "staff"), "3": ("cleo", "customer")}


def test_what_the_desk_decided_stands_whatever_the_platform_says() -> None:
    with boarding() as board:
        take(board, POST, OPEN)
        with board.deps.store.write() as session:
            _decide(session, board)
        take(board, replace(CLOSED, outcome=ReportOutcome.CLOSED, version=7.0))
        assert kept(board)[0][1:3] == ("rejected", 7.0)


def _decide(session: Session, board: Board) -> None:
    person = Person(username="p", name="P", role="manager", password_hash="x", session_key="s", audit_salt="s")
    person.created_at = NOW
    session.add(person)
    session.flush()
    where = {"connection_id": board.connection, "person_id": person.id}
    row = ReportDecision(verdict="dismissed", reason="Fine.", at=NOW, **where)
    session.add(row)
    session.flush()
    session.execute(update(ReportRow).values(outcome="rejected", decision_id=row.id))


def test_past_flags_count_for_whoever_was_right() -> None:
    with boarding() as board:
        wrong = replace(CLOSED, remote_id="9:2", outcome=ReportOutcome.REJECTED, reporter=BOB)
        take(board, replace(CLOSED, reporter=ANN), wrong, replace(wrong, remote_id="9:3"))
        with board.deps.store.read() as session:
            ids = {a.remote_id: a.id for a in session.query(Author)}
            assert tally(session, list(ids.values()), {}) == {ids["1"]: Reports(1, 0), ids["2"]: Reports(0, 2)}
            one_person = {ids["1"]: ids["1"], ids["2"]: ids["1"]}
            assert tally(session, [ids["1"]], one_person) == {ids["1"]: Reports(1, 2)}
            dirty = {row.author_id: row.dirty for row in session.query(TrustAuthor)}
        assert dirty == {ids["1"]: 1, ids["2"]: 1}
        take(board, wrong)
        with board.deps.store.read() as session:
            assert session.get_one(TrustAuthor, ids["2"]).dirty == 1, "nothing new, nothing to make anew"


@pytest.mark.parametrize("field", ["remote_id", "message_id", "about", "reporter"])
def test_an_id_that_cannot_be_kept_whole_is_refused(field: str) -> None:
    long = "9" * 301
    value = AuthorSeen(long, "x") if field in ("about", "reporter") else long
    with pytest.raises(BadInput, match="longer"):
        clean(replace(OPEN, **{field: value}), NOW)  # type: ignore[arg-type]


def test_words_that_no_database_holds_and_dates_to_come_are_tamed() -> None:
    far = replace(OPEN, at=datetime(9000, 1, 1, tzinfo=UTC), text="a\x00b" + "x" * 20_000, version=float("nan"))
    hostile = replace(far, reporter=AuthorSeen("1", "an\x00n", "\ud800"))
    with boarding() as board:
        cleaned = clean(hostile, NOW)
        assert isinstance(cleaned, ReportSeen)
        take(board, cleaned)
        with board.deps.store.read() as session:
            row = session.query(ReportRow).one()
        assert row.at < NOW + timedelta(hours=1)
        assert row.text.startswith("abx")
        assert row.version == 0.0


def test_a_raw_delivery_is_found_again_by_what_it_is_about() -> None:
    whole = replace(OPEN, remote_id="9", message_id=None)
    assert [_subject([OPEN]), _subject([whole]), _subject([POST, OPEN])] == ["t1-1", "report 9", "t1-1"]
