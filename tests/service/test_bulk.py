"""One decision on many cases: asked first, done once, in blocks, taken back as one; what moved on is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event, update

from moderation.errors import BadInput, NotAllowed
from service.db.models import Case, DecisionRow
from service.db.team_tables import Bulk, BulkItem, CaseLabel, CaseTeam
from service.usecases import bulk, cases, labels, teams
from service.usecases.bulk import Wish
from service.usecases.cases import Intent
from tests.support.crew import Crew, crew


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        yield found


def ask(here: Crew, ids: list[int], wish: Wish, who: str = "rita") -> int:
    return bulk.ask(here.deps, here.versions(ids), wish, here.person(who))


def state(here: Crew, ids: list[int]) -> list[str]:
    return [here.get(Case, i).state for i in ids]


def counts(here: Crew, number: int, who: str = "rita") -> dict[str, int]:
    return dict(bulk.shown(here.deps, number, here.person(who)).counts)


# ------------------------------------------------------------------ refused


def test_who_may_not_decide_may_not_ask(here: Crew) -> None:
    with pytest.raises(NotAllowed):
        ask(here, [here.case()], Wish("leave"), "ana")
    assert here.rows(Bulk) == []


@pytest.mark.parametrize(
    "wish", [Wish("claim"), Wish("snooze"), Wish("label"), Wish("label", label=9), Wish("team", team=9)]
)
def test_what_makes_no_sense_is_refused(here: Crew, wish: Wish) -> None:
    with pytest.raises(BadInput):
        ask(here, [here.case()], wish)


def test_nothing_too_many_and_unknown_cases_are_refused(here: Crew) -> None:
    rita = here.person("rita")
    for seen in ([], [(n, 1) for n in range(501)], [(4711, 1)]):
        with pytest.raises(BadInput):
            bulk.ask(here.deps, seen, Wish("leave"), rita)


def test_nobody_does_or_takes_back_what_somebody_else_asked(here: Crew) -> None:
    one = here.case()
    number = ask(here, [one], Wish("leave"))
    for step in (bulk.do, bulk.undo, bulk.shown):
        with pytest.raises(BadInput):
            step(here.deps, number, here.person("rob"))
    with pytest.raises(BadInput):
        bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, [one]) == ["open"]


def test_an_old_wish_must_be_made_again(here: Crew) -> None:
    one = here.case()
    number = ask(here, [one], Wish("leave"))
    here.clock.pass_(minutes=61)
    with pytest.raises(BadInput):
        bulk.do(here.deps, number, here.person("rita"))
    assert state(here, [one]) == ["open"]


# ------------------------------------------------------------------ done


def test_asking_counts_and_changes_nothing(here: Crew) -> None:
    ids = [here.case(f"Case {n}") for n in range(3)]
    cases.act(here.deps, ids[1], Intent("claim", 1), here.person("rob"))
    number = bulk.ask(here.deps, [(i, 1) for i in ids[:1]] + here.versions(ids[1:]), Wish("leave"), here.person("rita"))
    assert counts(here, number) == {"": 2, "held": 1}
    assert state(here, ids) == ["open", "claimed", "open"]
    assert "bulk:leave" not in here.kinds()


@pytest.mark.parametrize(("verb", "after"), [("leave", "left"), ("snooze", "snoozed"), ("decide", "decided")])
def test_it_is_done_once_and_taken_back_as_one(here: Crew, verb: str, after: str) -> None:
    ids = [here.case(f"Case {n}") for n in range(4)]
    until = here.clock.at + timedelta(hours=4) if verb == "snooze" else None
    number = ask(here, ids, Wish(verb, until=until))
    for _ in range(2):
        bulk.do(here.deps, number, here.person("rita"))
        assert state(here, ids) == [after] * 4
    assert [v for _, v in here.versions(ids)] == [2] * 4
    here.clock.pass_(seconds=9)
    bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["open"] * 4
    assert counts(here, number) == {"undone": 4}
    assert here.rows(DecisionRow) == []
    kinds = here.kinds()
    assert [kinds.count(k) for k in (f"case:{verb}", f"bulk:{verb}", "case:undo", "bulk:undo")] == [4, 1, 4, 1]
    with pytest.raises(BadInput):
        bulk.undo(here.deps, number, here.person("rita"))


def test_what_moved_on_is_passed_over_and_said(here: Crew) -> None:
    ids = [here.case(f"Case {n}") for n in range(4)]
    number = ask(here, ids, Wish("decide"))
    cases.act(here.deps, ids[0], Intent("leave", 1), here.person("rob"))
    cases.act(here.deps, ids[1], Intent("claim", 1), here.person("rob"))
    bulk.do(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["left", "claimed", "decided", "decided"]
    lines = {line.case_id: line.outcome for line in bulk.shown(here.deps, number, here.person("rita")).lines}
    assert [lines[i] for i in ids] == ["stale", "stale", "done", "done"]


def test_somebodys_claim_is_never_decided_in_bulk(here: Crew) -> None:
    one = here.case()
    cases.act(here.deps, one, Intent("claim", 1), here.person("rob"))
    number = ask(here, [one], Wish("decide"))
    bulk.do(here.deps, number, here.person("rita"))
    assert (state(here, [one]), counts(here, number)) == (["claimed"], {"held": 1})


def test_what_somebody_acted_on_since_is_not_taken_back(here: Crew) -> None:
    ids = [here.case(f"Case {n}") for n in range(2)]
    number = ask(here, ids, Wish("leave"))
    bulk.do(here.deps, number, here.person("rita"))
    cases.act(here.deps, ids[0], Intent("reopen", 2), here.person("rob"))
    bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["claimed", "open"]
    assert counts(here, number) == {"kept": 1, "undone": 1}


def test_the_time_to_take_back_ends(here: Crew) -> None:
    one = here.case()
    number = ask(here, [one], Wish("leave"))
    bulk.do(here.deps, number, here.person("rita"))
    here.clock.pass_(seconds=16)
    with pytest.raises(BadInput):
        bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, [one]) == ["left"]


def test_labels_and_teams_are_put_on_many_and_taken_off_again(here: Crew) -> None:
    ids = [here.case(f"Case {n}") for n in range(3)]
    rita = here.person("rita")
    label = labels.add_label(here.deps, "Press", "test")
    old, new = (teams.add_team(here.deps, name, "", "test") for name in ("Support", "Legal"))
    labels.set_labels(here.deps, ids[0], [label], rita)
    teams.set_team(here.deps, ids[0], old, rita)
    teams.set_team(here.deps, ids[1], new, rita)
    before = [(t.case_id, t.team_id, t.at) for t in here.rows(CaseTeam)]
    marked = ask(here, ids, Wish("label", label=label))
    moved = ask(here, ids, Wish("team", team=new))
    for number in (marked, moved):
        bulk.do(here.deps, number, rita)
        assert counts(here, number) == {"done": 2, "same": 1}
    assert {t.team_id for t in here.rows(CaseTeam)} == {new}
    assert len(here.rows(CaseLabel)) == 3
    for number in (marked, moved):
        bulk.undo(here.deps, number, rita)
    assert [(t.case_id, t.team_id, t.at) for t in here.rows(CaseTeam)] == before
    assert [(c.case_id) for c in here.rows(CaseLabel)] == [ids[0]]
    assert bulk.shown(here.deps, moved, rita).choice == "Legal"


# ------------------------------------------------------------------ blocks


def test_it_is_done_in_blocks_and_goes_on_where_it_broke_off(here: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 3)
    ids = [here.case(f"Case {n}") for n in range(7)]
    number = ask(here, ids, Wish("leave"))
    commits = 0

    def break_off(_connection: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise RuntimeError("the power went")

    event.listen(here.deps.store.engine, "commit", break_off)
    with pytest.raises(RuntimeError):
        bulk.do(here.deps, number, here.person("rita"))
    event.remove(here.deps.store.engine, "commit", break_off)
    assert sorted(state(here, ids)) == ["left"] * 3 + ["open"] * 4
    assert bulk.shown(here.deps, number, here.person("rita")).state == "doing"
    bulk.do(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["left"] * 7
    assert {i.outcome for i in here.rows(BulkItem)} == {"done"}
    bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["open"] * 7


def test_an_undo_that_broke_off_goes_on(here: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BLOCK", 2)
    ids = [here.case(f"Case {n}") for n in range(3)]
    number = ask(here, ids, Wish("leave"))
    bulk.do(here.deps, number, here.person("rita"))
    with here.deps.store.write() as session:
        session.execute(update(Bulk).values(state="undoing"))
    here.clock.pass_(minutes=5)
    bulk.undo(here.deps, number, here.person("rita"))
    assert state(here, ids) == ["open"] * 3
