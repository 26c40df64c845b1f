"""Reading the audit log: what a filter finds, pages that cost the same, files that a spreadsheet does not run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert

from moderation.errors import BadInput
from service.db.audit import Entry, append, export_head, verify
from service.db.models import AuditEntry, Person
from service.usecases import auditing
from service.usecases.auditing import Sought
from service.usecases.people import pseudonym
from tests.support.office import SECRET, Office, office
from tests.web.desk import Said, Seeder

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", "harmless")


@pytest.fixture
def desk() -> Iterator[Office]:
    desk = office(secret_key=SECRET)
    yield desk
    desk.close()


def write(desk: Office, *entries: Entry, minutes: int = 1) -> None:
    """One entry each so many minutes, from `START`."""
    with desk.deps.store.write() as session:
        for number, entry in enumerate(entries):
            append(session, desk.deps.vault, entry, START + timedelta(minutes=minutes * number))


def seqs(desk: Office, sought: Sought, before: int | None = None, **more: int) -> list[int]:
    return [line.seq for line in auditing.page(desk.deps, sought, before, **more).lines]  # type: ignore[arg-type]


def test_a_form_that_is_none_is_refused_and_nothing_is_noted(desk: Office) -> None:
    with pytest.raises(BadInput):
        auditing.export(desk.deps, Sought(), "xlsx", "cli")
    assert desk.rows(AuditEntry) == []


def test_an_empty_log_is_an_empty_page(desk: Office) -> None:
    found = auditing.page(desk.deps, Sought(since=START, until=START))
    assert (found.lines, found.older, found.head) == ((), None, "")


def test_each_filter_finds_its_own_and_all_hold_together(desk: Office) -> None:
    write(
        desk,
        Entry("grant:offer", "person:a", "grant:1", "answers well"),
        Entry("grant:revoke", "person:b", "grant:1", "100% rude"),
        Entry("grants", "cli", "grant:2"),
        Entry("case:decide", "person:a", "case:1", "100 rude"),
        minutes=60,
    )
    assert seqs(desk, Sought()) == [4, 3, 2, 1]
    assert seqs(desk, Sought(what="grant")) == [2, 1], "a family is the word before the colon, not what begins alike"
    assert seqs(desk, Sought(what="grant:offer")) == [1]
    assert seqs(desk, Sought(who="person:a")) == [4, 1]
    assert seqs(desk, Sought(subject="grant:1")) == [2, 1]
    assert seqs(desk, Sought(text="100% RUDE")) == [2], "a percent sign is one"
    assert seqs(desk, Sought(since=START + timedelta(hours=1), until=START + timedelta(hours=3))) == [3, 2]
    assert seqs(desk, Sought(who="person:a", what="grant", text="well")) == [1]
    assert seqs(desk, Sought(who="person:a", what="grant", text="rude")) == []


def test_times_are_found_by_halving_as_by_looking_at_each(desk: Office) -> None:
    """Also where clocks differ by less than the slack, so that the times are not quite in order."""

    @settings(max_examples=40)
    @given(st.lists(st.integers(0, 50), min_size=1, max_size=25), st.integers(0, 400), st.integers(0, 400))
    def found(steps: list[int], since: int, until: int) -> None:
        times = [START + timedelta(minutes=5 * number + step) for number, step in enumerate(steps)]
        same = {"kind": "case:decide", "actor": "cli", "subject": "case:1", "mac": ""}
        with desk.deps.store.write() as session:
            session.execute(delete(AuditEntry))
            session.execute(insert(AuditEntry), [same | {"seq": n + 1, "at": at} for n, at in enumerate(times)])
        low, high = START + timedelta(minutes=since), START + timedelta(minutes=until)
        expected = [number + 1 for number, at in enumerate(times) if low <= at < high]
        assert seqs(desk, Sought(since=low, until=high)) == expected[::-1]

    found()


def test_pages_meet_without_gap_and_look_through_no_more_than_the_window(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditing, "WINDOW", 10)
    write(desk, *[Entry("rare" if n in (2, 3) else "case:decide", "cli", f"case:{n}") for n in range(1, 31)])
    found, before, pages = list[int](), None, 0
    while True:
        page = auditing.page(desk.deps, Sought(what="rare"), before, size=1)
        found, before, pages = found + [line.seq for line in page.lines], page.older, pages + 1
        if before is None:
            break
    assert found == [3, 2]
    assert pages == 4, "three windows of ten; in the last one, an entry a page"


def test_a_page_searches_the_numbers_and_never_walks_the_log(desk: Office) -> None:
    write(desk, Entry("case:decide", "cli", "case:1"), Entry("case:decide", "cli", "case:2"))
    said: list[str] = []

    def explain(connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "ORDER BY audit_entry.seq DESC" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            said.extend(row[3] for row in rows)

    if desk.deps.store.postgres:
        pytest.skip("the plan is SQLite's")
    event.listen(desk.deps.store.engine, "before_cursor_execute", explain)
    auditing.page(desk.deps, Sought(who="cli", text="x", since=START, community=1), 3)
    entries = [step for step in said if "audit_entry" in step]
    assert entries
    assert all("SEARCH audit_entry USING INTEGER PRIMARY KEY" in step for step in entries), said


def test_a_community_is_everything_in_it_and_nothing_of_its_neighbour(desk: Office) -> None:
    seed = Seeder(desk.deps)
    connection_id = seed.connection()
    here, there = (seed.community(connection_id, name) for name in ("here", "there"))
    mine, other = (seed.thread(place, [Said("Hello")]) for place in (here, there))
    subjects = [f"thread:{mine}", f"thread:{other}", f"case:{mine}", f"case:{other}", f"community:{here}", "thread:"]
    write(desk, *[Entry("x", "cli", subject) for subject in subjects])
    assert seqs(desk, Sought(community=here)) == [5, 3, 1]
    assert seqs(desk, Sought(community=there)) == [4, 2]


def test_names_are_told_to_those_who_may_know_and_nobody_finds_who_was_erased(desk: Office) -> None:
    person = Person(username="mara", role="manager", password_hash="", audit_salt="5a17", created_at=START)
    with desk.deps.store.write() as session:
        session.add(person)
        session.flush()
        actor = pseudonym(person)
    write(desk, Entry("case:decide", actor, "case:1"))
    assert auditing.actor_named(desk.deps, "mara") == actor
    assert auditing.actor_named(desk.deps, "cli") == "cli"
    assert [line.name for line in auditing.page(desk.deps, Sought(), names=True).lines] == ["mara"]
    assert [line.name for line in auditing.page(desk.deps, Sought()).lines] == [""]
    with desk.deps.store.write() as session:
        session.get_one(Person, person.id).audit_salt = ""
    assert [line.name for line in auditing.page(desk.deps, Sought(), names=True).lines] == [""]


def test_an_export_holds_every_field_the_head_and_that_it_was_taken(desk: Office) -> None:
    write(desk, *[Entry("case:decide", "person:a", f"case:{n}", "« été »\nnext", {"a": 1}) for n in range(3)])
    found = json.loads("".join(auditing.export(desk.deps, Sought(who="person:a"), "json", "person:b")))
    with desk.deps.store.read() as session:
        assert found["head"] == export_head(session)
        assert verify(session, desk.deps.vault, found["head"]) == []
    assert [e["seq"] for e in found["entries"]] == [1, 2, 3]
    assert found["entries"][0]["reason"] == "« été »\nnext"
    taken = desk.rows(AuditEntry)[-1]
    assert (taken.kind, taken.actor, taken.reason) == ("audit:export", "person:b", "json: who=person:a")
    whole = json.loads("".join(auditing.export(replace(desk.deps), Sought(), "json", "cli")))
    assert [e["kind"] for e in whole["entries"]][-1] == "audit:export"
    assert set(whole["entries"][0]) == set(auditing.COLUMNS)


def test_a_spreadsheet_runs_nothing_of_a_csv(desk: Office) -> None:
    write(desk, *[Entry("case:decide", "cli", "case:1", words) for words in FORMULAS])
    text = "".join(auditing.export(desk.deps, Sought(), "csv", "cli"))
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["reason"] for row in rows[:7]] == [*(f"'{words}" for words in FORMULAS[:-1]), "harmless"]
    assert not any(cell[:1] in "=+-@＝\t" for row in rows for cell in row.values() if cell)
    assert (rows[-1]["kind"], rows[-1]["reason"].split(":")[0]) == ("head", "8")


def test_a_long_log_is_read_in_blocks_to_the_last(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "_BLOCK", 4)
    write(desk, *[Entry("case:decide", "cli", f"case:{n}") for n in range(8)])
    found = json.loads("".join(auditing.export(desk.deps, Sought(what="case"), "json", "cli")))
    assert [e["seq"] for e in found["entries"]] == list(range(1, 9))
