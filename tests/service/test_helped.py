"""Did it help, on a desk: sums beside threads, figures, coverage, due clocks, the ladder, targets that people set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, select, update

from moderation.clocks import Hours, Kind, Ladder, Targets
from moderation.errors import BadInput
from service.db import outcomes
from service.db.clock_tables import ClockStep, CommunityClock, OutcomeRow
from service.db.models import Case, DecisionRow, DeliveryRow, Message, ScoreRow, Thread
from service.db.reply_tables import BrandAccount, Reply, SavedReply
from service.usecases import cases, clocks, targets, teams
from service.usecases.cases import Intent
from service.usecases.helped import Report, feeling_of, helped, sum_up, sum_up_all
from service.usecases.helped_json import report_json
from service.usecases.targets import Typed
from tests.support.crew import Crew, crew
from tests.support.office import NEWEST, line, office
from tests.web.desk import Said

BRAND = {"author": "Brava", "handle": "@brava", "role": "brand"}
WHEEL = Typed("UTC", ("00:00-24:00",) * 7, "", "1 h", "4 h", "50", "80", "100")


@pytest.fixture
def here() -> Iterator[Crew]:
    with crew() as found:
        found.clock.at = datetime(2026, 11, 20, 12, tzinfo=UTC)
        found.seed.now = found.clock.at
        yield found


def talk(start: float = -0.6, end: float | None = 0.5, answer: float | None = 30) -> list[Said]:
    """Somebody asks two hours ago; we answer after `answer` minutes (None: not), they come back with `end`."""
    said = [Said("It is broken!", minutes_ago=120, urgency=0.9, sentiment=start)]
    if answer is not None:
        said.append(Said("We look into it.", minutes_ago=120 - answer, **BRAND))
        if end is not None:
            said.append(Said("Well.", minutes_ago=110 - answer, sentiment=end))
    return said


def counted(here: Crew) -> None:
    """Everything is summed up anew."""
    with here.deps.store.write() as session:
        outcomes.touch(session, list(session.scalars(select(Thread.id))))
    sum_up_all(here.deps)


def report(here: Crew, days: float = 28, **more: Any) -> Report:
    counted(here)
    return helped(here.deps, here.clock.at - timedelta(days=days), **more)


def thread_of(here: Crew, case_id: int) -> int:
    return here.get(Case, case_id).thread_id


def with_targets(here: Crew, typed: Typed = WHEEL) -> None:
    targets.set_plan(here.deps, here.community, typed, here.person("mia"))


# ------------------------------------------------------------------ feelings and times


def test_a_desk_without_anything_has_a_report(here: Crew) -> None:
    found = report(here)
    assert (found.figures.conversations, found.figures.ours.ended, found.figures.brand.wall) == (0, 0, None)
    assert [g.community for g in found.communities] == ["@brava"]
    kept = report_json(found)
    assert kept["coverage"]["share"] == {"count": 0, "of": 0, "value": None, "low": None, "high": None}
    assert kept["targets_met"]["response"]["value"] is None


def test_feelings_go_from_before_our_answer_to_the_last_word(here: Crew) -> None:
    up = here.case(said=talk(), intents={"bug": 0.9})
    here.case(said=talk(0.5, -0.5), intents={"bug": 0.9})
    here.case(said=talk(0.1, 0.2), intents={"billing": 0.8})
    silent = here.case(said=talk(end=None))
    here.case(said=talk(answer=None))
    found = report(here)
    ours = found.figures.ours
    assert (ours.started, ours.ended, ours.up, ours.same, ours.down) == (4, 3, 1, 1, 1)
    assert [(g.topic, g.figures.conversations) for g in found.topics] == [("", 2), ("billing", 1), ("bug", 2)]
    assert [(f.start, f.end) for f in found.fell] == [(0.5, -0.5)]
    assert feeling_of(here.deps, thread_of(here, up)) == (-0.6, 0.5)
    assert feeling_of(here.deps, thread_of(here, silent)) == (-0.6, None)


def test_feelings_go_by_the_team_that_has_the_case(here: Crew) -> None:
    mia = here.person("mia")
    support, legal = (teams.add_team(here.deps, name, "", mia.actor) for name in ("Support", "Legal"))
    mixed = [here.case(said=talk()), here.case(said=talk(0.5, -0.5)), here.case(said=talk(answer=None))]
    moved, freed, _nobodys = here.case(said=talk()), here.case(said=talk()), here.case(said=talk())
    other = here.seed.community(here.seed.connection("Forum"), "Elsewhere")
    elsewhere = here.case(said=talk(), community=other)
    given = [*((case_id, support) for case_id in (*mixed, moved, freed)), (moved, legal), (elsewhere, legal)]
    for case_id, team in (*given, (freed, None)):
        teams.set_team(here.deps, case_id, team, mia)
    found = report(here)
    shown = [(g.team_id, g.team, g.figures.conversations, g.figures.ours.ended) for g in found.teams]
    assert shown == [(legal, "Legal", 2, 2), (support, "Support", 3, 2), (None, "", 2, 2)]
    assert [(g.figures.ours.up, g.figures.ours.down) for g in found.teams] == [(2, 0), (1, 1), (2, 0)]
    assert sum(g.figures.conversations for g in found.teams) == found.figures.conversations
    kept = report_json(found)["teams"]
    assert [(t["team_id"], t["team"]) for t in kept] == [(legal, "Legal"), (support, "Support"), (None, "")]
    assert kept[1]["feelings"]["brand"]["down_share"]["of"] == 2
    one = report(here, communities=[other]).teams
    assert [(g.team, g.figures.conversations) for g in one] == [("Legal", 1)]


def test_what_the_community_did_stands_apart(here: Crew) -> None:
    ask = Said("It is broken!", minutes_ago=120, urgency=0.9, sentiment=-0.6)
    quick = Said("Turn it round.", "Tom", "@tom", minutes_ago=90)
    here.case(said=[ask, quick, Said("Thanks!", minutes_ago=80, sentiment=0.7)])
    slow = [ask, Said("Same here, still broken?", "Joris", "@joris", 110, urgency=0.8), Said("Try.", "Tom", "@tom", 20)]
    here.case(said=slow)
    here.case(said=[Said("New?", minutes_ago=10, urgency=0.9)])
    figures = report(here).figures
    assert (figures.brand.count, figures.community.count, figures.within_hour.count, figures.within_hour.of) == (
        *(0, 2),
        *(1, 2),
    )
    assert (figures.ours.started, figures.theirs.started, figures.theirs.up) == (0, 2, 1)


def test_times_are_medians_on_the_wall_and_of_the_time_that_counts(here: Crew) -> None:
    with_targets(here, Typed("UTC", ("10:15-18:00",) * 7, "", "1 h"))
    for minutes in (10, 20, 30, 40, 50):
        here.case(said=talk(answer=minutes))
    figures = report(here).figures
    assert figures.brand.wall is not None
    assert figures.brand.counted is not None
    assert (figures.brand.count, figures.brand.wall.value, figures.brand.counted.value) == (5, 1800, 900)
    assert (figures.response.count, figures.response.of) == (5, 5)


def test_solved_is_an_accepted_answer_or_our_decision_and_not_that_we_leave_it(here: Crew) -> None:
    rita = here.person("rita")
    accepted = talk()
    here.seed.thread(here.community, accepted, accepted=1)
    handled, left = here.case(said=talk()), here.case(said=talk())
    for case_id, verb in ((handled, "decide"), (left, "leave")):
        cases.act(here.deps, case_id, Intent(verb, here.get(Case, case_id).version), rita)
    assert report(here).figures.settled.count == 2


def test_targets_met_count_what_is_known_and_needed_us(here: Crew) -> None:
    with_targets(here, Typed("UTC", ("00:00-24:00",) * 7, "", "45 min", "6 h"))
    here.case(said=talk(answer=30))
    here.case(said=talk(answer=60))
    here.case(said=talk(answer=None))
    here.case(said=[Said("Just now?", minutes_ago=5, urgency=0.9)])
    here.case(said=talk(answer=None), lane="left", open=False, state="left")
    found = report(here)
    assert (found.figures.response.count, found.figures.response.of) == (1, 3)
    assert (found.figures.resolution.count, found.figures.resolution.of) == (0, 0)
    assert found.targets


def test_whether_it_helped_may_be_asked_in_public(here: Crew) -> None:
    with here.deps.store.write() as session:
        asks = SavedReply(
            name="ask", language="en", text="Hello {name}, did that help?", asks=True, changed_at=here.clock.at
        )
        account = BrandAccount(connection_id=here.connection, handle="@brava", created_at=here.clock.at)
        session.add_all([asks, account])
    told, silent, other = (here.case(said=talk(end=end)) for end in (0.5, None, 0.5))
    at = here.clock.at - timedelta(minutes=89)
    for case_id, text in (
        (told, "Hello Lena, did\nthat help?"),
        (silent, "Hello Lena, did that help?"),
        (other, "Yes."),
    ):
        sent(here, case_id, text, at)
    found = report(here).figures
    assert (found.asked_back.started, found.asked_back.ended, found.told) == (2, 1, 1)
    with here.deps.store.write() as session:
        session.execute(delete(SavedReply))
    assert report(here).figures.asked_back.started == 2, "what was asked stays asked when the saved words are gone"


def sent(here: Crew, case_id: int, text: str, at: datetime) -> None:
    with here.deps.store.write() as session:
        account = session.scalars(select(BrandAccount.id)).one()
        message = session.get_one(Case, case_id).marked_message_id
        ids = {"case_id": case_id, "account_id": account, "message_id": message, "writer_id": here.person("rita").id}
        times = {"created_at": at, "updated_at": at, "sent_at": at}
        session.add(Reply(state="sent", text=text, **ids, **times))


def test_an_answer_that_is_known_late_as_ours_is_summed_up_again(here: Crew) -> None:
    with here.deps.store.write() as session:
        session.add(SavedReply(name="ask", language="en", text="Did that help?", asks=True, changed_at=here.clock.at))
        session.add(BrandAccount(connection_id=here.connection, handle="@brava", created_at=here.clock.at))
    case_id = here.case(said=talk())
    counted(here)
    sent(here, case_id, "Did that help?", here.clock.at)
    assert sum_up(here.deps) == 1
    assert here.get(OutcomeRow, thread_of(here, case_id)).asked_back_at == here.clock.at


# ------------------------------------------------------------------ sums beside threads


def test_a_change_while_it_is_summed_up_is_not_lost(here: Crew) -> None:
    thread = thread_of(here, here.case(said=talk()))
    counted(here)
    with here.deps.store.write() as session:
        outcomes.touch(session, [thread])
    with here.deps.store.read() as session:
        rows = outcomes.sum_up(session, outcomes.changed(session, 10), here.clock.at)
    with here.deps.store.write() as session:
        outcomes.touch(session, [thread])
    with here.deps.store.write() as session:
        outcomes.keep(session, rows)
    assert here.get(OutcomeRow, thread).dirty == 2
    assert sum_up(here.deps) == 1
    assert sum_up(here.deps) == 0


def test_what_was_deleted_counts_no_more(here: Crew) -> None:
    case_id = here.case(said=talk())
    counted(here)
    with here.deps.store.write() as session:
        gone = update(Message).where(Message.thread_id == thread_of(here, case_id), Message.text == "Well.")
        session.execute(gone.values(deleted_at=here.clock.at))
    found = report(here)
    assert (found.figures.ours.started, found.figures.ours.ended, found.coverage.stored) == (1, 0, 2)


def test_coverage_is_what_was_scored_of_what_came(here: Crew) -> None:
    here.case(said=talk())
    here.case(said=talk())
    with here.deps.store.write() as session:
        session.delete(session.scalars(select(ScoreRow).order_by(ScoreRow.id)).all()[-1])
        kept = {"connection_id": here.connection, "source": "poll", "kind": "post", "digest": "d", "body": b"x"}
        times = {"due_at": here.clock.at, "received_at": here.clock.at}
        session.add_all(DeliveryRow(key=s, state=s, **kept, **times) for s in ("pending", "dead", "done"))
    found = report(here).coverage
    assert (found.scored, found.stored, found.waiting, found.dead) == (5, 6, 1, 1)
    assert found.share.of == 8
    other = here.seed.community(here.connection, "other")
    assert report(here, communities=[other]).coverage.share.of == 0


def test_a_report_reads_no_message(here: Crew) -> None:
    for _ in range(5):
        here.case(said=talk())
    counted(here)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(here.deps.store.engine, "before_cursor_execute", note)
    helped(here.deps, here.clock.at - timedelta(days=28))
    event.remove(here.deps.store.engine, "before_cursor_execute", note)
    assert not [s for s in statements if "FROM message" in s or "JOIN message" in s]
    assert len(statements) <= 10


# ------------------------------------------------------------------ clocks of open cases


def test_without_targets_nothing_is_due(here: Crew) -> None:
    case_id = here.case()
    assert clocks.due(here.deps, [case_id]) == {}
    assert clocks.due(here.deps, []) == {}
    assert clocks.escalate_due(here.deps) == 0


def test_the_row_says_what_is_due_first_and_by_how_much(here: Crew) -> None:
    with_targets(here)
    fresh, half, late, left = (here.case(minutes=n) for n in (12, 40, 65, 65))
    cases.act(here.deps, left, Intent("leave", 1), here.person("rita"))
    found = clocks.due(here.deps, [fresh, half, late, left])
    assert [(i, c.seconds, c.shape, c.due.kind) for i, c in sorted(found.items())] == [
        (fresh, 48 * 60, "in", Kind.RESPONSE),
        (half, 20 * 60, "soon", Kind.RESPONSE),
        (late, -5 * 60, "late", Kind.RESPONSE),
    ]
    assert clocks.overdue(here.deps) == {here.community: (3, 1)}


def test_the_ladder_marks_tells_the_holder_and_escalates_once(here: Crew) -> None:
    with_targets(here)
    rita, mia = here.person("rita"), here.person("mia")
    case_id = here.case(minutes=10)
    cases.act(here.deps, case_id, Intent("claim", 1), rita)
    assert clocks.escalate_due(here.deps) == 0
    here.clock.pass_(minutes=25)
    assert clocks.escalate_due(here.deps) == 1
    assert clocks.alerts(here.deps, rita) == []
    here.clock.pass_(minutes=15)
    assert clocks.escalate_due(here.deps) == 1
    assert [(a.case_id, a.step) for a in clocks.alerts(here.deps, rita)] == [(case_id, "notify")]
    assert clocks.alerts(here.deps, mia) == []
    here.clock.pass_(minutes=15)
    assert [clocks.escalate_due(here.deps) for _ in range(3)] == [1, 0, 0]
    case = here.get(Case, case_id)
    assert (case.state, case.person_id, case.claimed_until, case.version) == ("escalated", rita.id, None, 3)
    assert [(a.case_id, a.step) for a in clocks.alerts(here.deps, mia)] == [(case_id, "escalate")]
    assert clocks.alerts(here.deps, rita) == []
    assert here.kinds() == ["clock:set", "case:claim", "case:escalate"]
    assert here.rows(DecisionRow) == [], "nothing is learned from a clock"
    cases.act(here.deps, case_id, Intent("release", 3), mia)
    assert clocks.escalate_due(here.deps) == 0, "the same clock does not escalate again"
    assert clocks.alerts(here.deps, mia) == []


def test_a_new_wait_begins_a_new_ladder(here: Crew) -> None:
    with_targets(here, Typed("UTC", ("00:00-24:00",) * 7, "", "1 h", "", "", "", "100"))
    case_id = here.case(minutes=65)
    assert clocks.escalate_due(here.deps) == 1
    with here.deps.store.write() as session:
        again = {"waiting_since": here.clock.at, "state": "open"}
        session.execute(update(Case).where(Case.id == case_id).values(**again))
    assert clocks.escalate_due(here.deps) == 0
    here.clock.pass_(minutes=61)
    assert clocks.escalate_due(here.deps) == 1
    assert len(here.rows(ClockStep)) == 2


def test_a_case_that_was_decided_meanwhile_is_left_alone(here: Crew) -> None:
    with_targets(here)
    case_id = here.case(minutes=65)
    with here.deps.store.read() as session:
        wanted = list(clocks._wanted(session, here.clock.at))
    cases.act(here.deps, case_id, Intent("decide", 1), here.person("rita"))
    assert [clocks._climb(here.deps, one) for one in wanted] == [0]
    assert here.get(Case, case_id).state == "decided"


def test_an_archive_has_no_hurry_and_its_clock_stands_still(here: Crew) -> None:
    old = here.seed.community(here.seed.connection("old", connector="archive"), "old")
    targets.set_plan(here.deps, old, WHEEL, here.person("mia"))
    with here.deps.store.write() as session:
        session.get_one(clocks.Community, old).summary = {"as_of": here.clock.at.isoformat()}
    case_id = here.case(minutes=50, community=old)
    here.clock.pass_(days=400)
    assert clocks.due(here.deps, [case_id])[case_id].seconds == 600
    assert clocks.escalate_due(here.deps) == 0


# ------------------------------------------------------------------ targets that people set


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("zone", ["", "Paris", "../x", "Europe/Nowhere"]),
        ("response", ["soon", "0", "-4 h", "99999 h", "4 x", "1 h 30 s"]),
        ("resolution", ["quick"]),
        ("holidays", ["25.12.2026", "2026-13-01", "2026-12-25 never"]),
        ("mark", ["half", "0", "-5", "1001", "5.5"]),
        ("day0", ["9-17", "09:00", "17:00-09:00", "09:00-25:00", "09:60-10:00", "09:00-12:00, 11:00-13:00", "x" * 500]),
    ],
)
def test_what_cannot_be_read_is_named_and_nothing_is_kept(here: Crew, field: str, values: list[str]) -> None:
    for value in values:
        form = {"week": (value, *("",) * 6)} if field == "day0" else {field: value}
        with pytest.raises(targets.Unread) as refused:
            with_targets(here, Typed(**({"zone": "UTC"} | form)))
        assert set(refused.value.problems) == {field}, value
    assert here.rows(CommunityClock) == []


def test_steps_that_go_down_and_a_community_that_is_not_there_are_refused(here: Crew) -> None:
    with pytest.raises(targets.Unread):
        with_targets(here, Typed("UTC", mark="80", notify="50"))
    with pytest.raises(BadInput):
        targets.set_plan(here.deps, 4711, WHEEL, here.person("mia"))


def test_a_plan_is_kept_as_it_was_typed_and_read_back(here: Crew) -> None:
    typed = Typed(
        "Europe/Paris",
        ("9h-12h, 14:00–18:00", *("09:00-18:00",) * 4, "", ""),
        "2026-12-25, 2027-01-01",
        "1h30",
        "16 hours",
        "50 %",
        "",
        "100",
    )
    with_targets(here, typed)
    plan = targets.places(here.deps)[0].plan
    assert plan.hours.week[0] == ((540, 720), (840, 1080))
    assert (plan.targets, plan.ladder) == (
        Targets(timedelta(minutes=90), timedelta(hours=16)),
        Ladder(0.5, None, 1.0),
    )
    again = targets.typed(plan)
    assert (again.week[0], again.response, again.holidays) == (
        *("09:00-12:00, 14:00-18:00", "1 h 30 min"),
        "2026-12-25\n2027-01-01",
    )
    assert targets.understood(again).plan == plan
    with_targets(here, again)
    assert here.kinds() == ["clock:set", "clock:set"]
    assert len(here.rows(CommunityClock)) == 1


def test_nobody_there_is_never_due(here: Crew) -> None:
    with_targets(here, Typed("UTC", ("",) * 7, "", "1 h"))
    case_id = here.case(minutes=6000)
    assert targets.places(here.deps)[0].plan.hours == Hours("UTC", ((),) * 7)
    assert clocks.due(here.deps, [case_id]) == {}
    assert clocks.escalate_due(here.deps) == 0


def test_what_is_read_is_summed_up_again_after_each_change() -> None:
    with closing(office()) as desk:
        desk.archive()
        desk.take_in([line(1, 1, "Is anybody there? It is broken!"), line(2, 1, "Same here.")])
        assert [row.dirty > 0 for row in desk.rows(OutcomeRow)] == [True]
        deps = desk.at(NEWEST + timedelta(hours=1))
        assert (sum_up(deps), sum_up(deps)) == (1, 0)
        assert helped(deps, NEWEST - timedelta(days=300)).coverage.stored == 2
        desk.take_in([line(3, 1, "It works again, thank you!")])
        assert (sum_up(deps), sum_up(deps)) == (1, 0)
        assert helped(deps, NEWEST - timedelta(days=300)).coverage.scored == 3
