"""Importing a file: everything once, whatever it was interrupted by; bad lines named, good ones in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from intake_support import BreakingStore, Crash, Desk, Interrupted, new_desk, snapshot

from moderation.errors import BadInput
from plugins.contract import BadLine
from service.db import deliveries as inbox
from service.db.models import Case, Community, Thread
from service.deps import Deps
from service.usecases import importing, intake, triage
from service.usecases.connections import connect

ARCHIVE = "old-forum"
MESSAGES = 30


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = new_desk()
    connect(made.deps, "archive", ARCHIVE, {}, "test")
    yield made
    made.deps.store.engine.dispose()


def line(number: int, **changes: object) -> str:
    told = {
        "thread": f"t{number // 3}",
        "id": f"m{number}",
        "author": f"person{number % 5}",
        "created_at": f"2026-10-{number % 27 + 1:02}T08:00:00+00:00",
        "text": f"Message {number}: nobody answers, help.",
    }
    return json.dumps(told | changes)


FILE = "\n".join(line(n) for n in range(MESSAGES))


def bring(deps: Deps, text: str = FILE, bad: list[BadLine] | None = None) -> importing.Imported:
    found = bad if bad is not None else []
    return importing.import_file(deps, ARCHIVE, BytesIO(text.encode()), found.append, lambda *_: None)


def test_everything_is_stored_scored_and_triaged_when_it_returns(desk: Desk) -> None:
    counts = bring(desk.deps)
    assert (counts.lines, counts.new, counts.bad, counts.failed) == (MESSAGES, MESSAGES, 0, 0)
    assert (counts.messages, counts.threads) == (MESSAGES, 10)
    with desk.deps.store.read() as session:
        assert inbox.waiting(session) == 0
    assert len(desk.rows(Case.id)) == 10
    assert all(summary["threads"] == 10 for _, summary in desk.rows(Community.id, Community.summary))


def test_the_same_file_again_adds_nothing(desk: Desk) -> None:
    bring(desk.deps)
    left = snapshot(desk.deps)
    again = bring(desk.deps)
    assert (again.lines, again.new, again.messages) == (MESSAGES, 0, MESSAGES)
    assert snapshot(desk.deps) == left


def test_bad_lines_are_named_and_the_others_go_in(desk: Desk) -> None:
    bad: list[BadLine] = []
    counts = bring(desk.deps, "\n".join((line(0), "{", line(1), line(2, created_at="yesterday"))), bad)
    assert [b.number for b in bad] == [2, 4]
    assert (counts.lines, counts.bad, counts.messages) == (4, 2, 2)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, 7))
def test_an_import_that_was_cut_off_anywhere_is_whole_after_a_second_one(desk: Desk, commit: int, after: bool) -> None:
    broken = replace(desk.deps, store=BreakingStore(desk.deps.store.engine, commit, after=after))
    with pytest.raises(Crash):
        bring(broken)
    desk.clock.pass_time(inbox.LEASE.total_seconds() + triage.LEASE.total_seconds())
    counts = bring(desk.deps)
    assert (counts.messages, counts.threads, counts.failed) == (MESSAGES, 10, 0)
    assert len(desk.rows(Case.id)) == 10
    assert {n for _, n in desk.rows(Thread.id, Thread.messages)} == {3}


def test_a_worker_may_read_the_same_deliveries_meanwhile(desk: Desk) -> None:
    def meanwhile() -> None:
        desk.clock.pass_time(inbox.LEASE.total_seconds() + 1)
        intake.process_deliveries(desk.deps, limit=MESSAGES)

    counts = bring(replace(desk.deps, scorer=Interrupted(meanwhile)))
    assert (counts.messages, counts.threads, counts.failed) == (MESSAGES, 10, 0)
    assert len(snapshot(desk.deps)["revisions"]) == MESSAGES


def test_only_an_archive_takes_files(desk: Desk) -> None:
    with pytest.raises(BadInput, match="only an archive takes files"):
        importing.import_file(desk.deps, "forum", BytesIO(b""), lambda _: None, lambda *_: None)
    with pytest.raises(BadInput, match="no connection"):
        importing.import_file(desk.deps, "elsewhere", BytesIO(b""), lambda _: None, lambda *_: None)
