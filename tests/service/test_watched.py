"""Watched words: a draft counts, what is on acts once by the same door as people, the past is only ever read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability, Events
from moderation.watching import Does, Kind, Mode
from plugins.contract import ConnectionSettings, Connector, Delivery
from service.db.grant_tables import ModerationAct
from service.db.models import Action, AuditEntry, Case, Connection, Message, Person
from service.db.watch_tables import Watch, WatchHit
from service.deps import Deps
from service.usecases import acting, backtest, cases, moderating, triage, watched, watching
from service.usecases.cases import Intent
from service.usecases.moderating import Wish
from service.usecases.people import create_person
from service.usecases.switches import set_stop
from service.usecases.watching import Wanted
from tests.service.grants_support import PASSWORD, known
from tests.service.intake_support import Crash, Desk, new_desk, post
from tests.support.village import Village

BAD = "Buy v1agra here, it is cheap."


class Forum(Village):
    """A platform in memory that speaks as the real one does."""

    real: Connector

    def parse(self, delivery: Delivery, settings: ConnectionSettings) -> Events:
        return self.real.parse(delivery, settings)


class Watching:
    """A live forum, a manager, and somebody who answers for the brand but keeps no watches."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.clock = desk, desk.clock
        real = desk.deps.connectors["discourse"]
        self.forum = Forum(desk.clock, settings=real.settings)
        self.forum.real = real
        desk.deps = replace(desk.deps, connectors={"discourse": self.forum})
        with self.deps.store.write() as session:
            session.execute(update(Connection).values(shadow=False))
        create_person(self.deps, "marta", "manager", PASSWORD)
        create_person(self.deps, "rita", "responder", PASSWORD)
        self.manager, self.number = known(self.deps, "marta"), 100

    @property
    def deps(self) -> Deps:
        return self.desk.deps

    def say(self, text: str, ago: timedelta = timedelta(0), **more: Any) -> str:
        """A post that is written now, or was a while ago, and is read and placed at once. Returns its remote id."""
        self.number += 1
        self.clock.pass_time(1)
        at = (self.clock() - ago).isoformat()
        self.desk.tell(post(self.number, text, **({"created_at": at, "updated_at": at} | more)))
        self.desk.read()
        triage.triage_due(self.deps)
        return str(self.number)

    def watch(self, does: Does = Does.HIDE, pattern: str = "viagra", **more: Any) -> int:
        return watching.add(
            self.deps, Wanted(Kind.WORD, pattern, does, "Rule 4: no advertising.", **more), self.manager
        )

    def on(self, does: Does = Does.HIDE, pattern: str = "viagra") -> int:
        watch_id = self.watch(does, pattern)
        self.tried(watch_id)
        watching.switch(self.deps, watch_id, Mode.ON, self.manager)
        return watch_id

    def tried(self, watch_id: int) -> backtest.Tried:
        return backtest.try_now(self.deps, watch_id, self.manager, lambda done, total: None)

    def carry_out(self) -> None:
        watched.act_due(self.deps)
        self.clock.pass_time(11)
        acting.perform_due(self.deps)

    def case_of(self, remote_id: str) -> tuple[Case, int]:
        """(case, message)."""
        query = select(Case, Message.id).join(Message, Message.thread_id == Case.thread_id)
        with self.deps.store.read() as session:
            row = session.execute(query.where(Message.remote_id == remote_id)).one()
            return row[0], row[1]

    def hide(self, remote_id: str) -> None:
        """As a person does it."""
        case, message_id = self.case_of(remote_id)
        moderating.act(self.deps, Wish(Capability.HIDE, case.thread_id, "Rule 4.", message_id), self.manager)
        self.clock.pass_time(11)
        acting.perform_due(self.deps)

    def leave(self, remote_id: str) -> None:
        for verb in ("reopen", "leave"):
            case, _ = self.case_of(remote_id)
            cases.act(self.deps, case.id, Intent(verb, case.version), self.manager)
            self.clock.pass_time(1)

    def hits(self) -> list[tuple[str, bool, bool]]:
        """(message, only counted, acted) of each hit."""
        query = select(Message.remote_id, WatchHit.draft, WatchHit.action_id.is_not(None))
        with self.deps.store.read() as session:
            rows = session.execute(query.join(Message, Message.id == WatchHit.message_id).order_by(Message.id))
            return [(r[0], bool(r[1]), bool(r[2])) for r in rows]

    def hidden(self) -> list[str]:
        return [one.target for _, _, one in self.forum.acts if one.kind is Capability.HIDE]

    def row(self, watch_id: int) -> Watch:
        with self.deps.store.read() as session:
            return session.get_one(Watch, watch_id)

    def entries(self, kind: str) -> int:
        with self.deps.store.read() as session:
            return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.kind == kind)) or 0


@pytest.fixture
def desk() -> Watching:
    return Watching(new_desk())


def test_who_may_not_manage_keeps_no_watch(desk: Watching) -> None:
    rita, watch_id = known(desk.deps, "rita"), desk.watch()
    for refused in (
        lambda: watching.add(desk.deps, Wanted(Kind.WORD, "cialis", Does.HIDE, "No."), rita),
        lambda: watching.switch(desk.deps, watch_id, Mode.OFF, rita),
        lambda: backtest.try_now(desk.deps, watch_id, rita, lambda done, total: None),
        lambda: backtest.ask(desk.deps, watch_id, rita),
    ):
        with pytest.raises(NotAllowed):
            refused()
    assert [(w.mode, w.tried) for w in watching.watches(desk.deps)] == [("draft", {})]


def test_a_draft_counts_and_does_nothing(desk: Watching) -> None:
    for does in Does:
        desk.watch(does)
    said = desk.say(BAD)
    desk.carry_out()
    assert desk.hits() == [(said, True, False)] * 2
    assert not desk.hidden()
    with desk.deps.store.read() as session:
        assert not session.scalars(select(Action.id)).all()
        assert "watched" not in session.scalars(select(Case.rules)).one()
    assert [(w.found, w.acted) for w in watching.watches(desk.deps)] == [(1, 0), (1, 0)]


def test_it_is_switched_on_only_after_a_fresh_trial(desk: Watching) -> None:
    watch_id = desk.watch()
    with pytest.raises(BadInput, match="last 30 days first"):
        watching.switch(desk.deps, watch_id, Mode.ON, desk.manager)
    desk.tried(watch_id)
    desk.clock.pass_time(25 * 3600)
    with pytest.raises(BadInput, match="last 30 days first"):
        watching.switch(desk.deps, watch_id, Mode.ON, desk.manager)
    desk.tried(watch_id)
    watching.switch(desk.deps, watch_id, Mode.ON, desk.manager)
    assert (desk.row(watch_id).mode, desk.entries("watch:on"), desk.entries("watch:try")) == ("on", 1, 2)


def test_what_is_on_hides_once_by_its_persons_right(desk: Watching) -> None:
    """Two watches find something in one message, which is then edited: one act all the same."""
    desk.on()
    desk.on(pattern="cheap")
    said = desk.say(BAD)
    desk.carry_out()
    desk.carry_out()
    at = desk.clock().isoformat()
    desk.desk.tell(post(int(said), BAD + " Cheap!", "post_edited", version=2, created_at=at, updated_at=at))
    desk.desk.read()
    desk.carry_out()
    assert desk.hidden() == [said]
    assert desk.hits() == [(said, False, True)] * 2
    with desk.deps.store.read() as session:
        act, action = session.execute(
            select(ModerationAct, Action).join(Action, Action.id == ModerationAct.action_id)
        ).one()
        assert (act.automated, action.person_id, act.reason) == (True, desk.manager.id, "Rule 4: no advertising.")
    assert desk.entries("watch:act") == 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_worker_that_dies_at_any_commit_leaves_one_act(desk: Watching, at: int, after: bool) -> None:
    desk.on()
    desk.say(BAD)
    with pytest.raises(Crash):
        watched.act_due(replace(desk.desk.breaking(at, after=after), now=desk.clock))
    desk.clock.pass_time(180)
    desk.carry_out()
    desk.carry_out()
    with desk.deps.store.read() as session:
        assert len(session.scalars(select(Action.id)).all()) == 1
    assert [(counted, acted) for _, counted, acted in desk.hits()] == [(False, True)]


def test_the_past_and_the_brands_own_people_are_left_alone(desk: Watching) -> None:
    before = desk.say(BAD)
    desk.on()
    desk.say(BAD, ago=timedelta(days=2))
    desk.say(BAD, username="sam", user_id=99, staff=True, admin=True)
    early = desk.say(BAD, ago=timedelta(hours=3))
    desk.carry_out()
    assert desk.hits() == [(early, True, False)], "written before the switch: only counted"
    assert not desk.hidden()
    assert before not in [one for one, _, _ in desk.hits()]


def test_it_puts_a_conversation_above_the_line_until_it_is_switched_off(desk: Watching) -> None:
    watch_id = desk.on(Does.SURFACE, "grinder")
    desk.say("A nice G R I N D E R, by the way.")

    def case() -> tuple[str, str]:
        triage.triage_due(desk.deps)
        with desk.deps.store.read() as session:
            one = session.scalars(select(Case)).one()
            return one.lane, one.rules

    assert case() == ("always", "watched")
    assert watching.why(desk.deps, 1) == [("grinder", "Rule 4: no advertising.")]
    desk.carry_out()
    assert not desk.hidden()
    watching.switch(desk.deps, watch_id, Mode.OFF, desk.manager)
    desk.clock.pass_time(1)
    assert case()[1] == ""


def test_it_acts_no_more_when_its_person_may_not(desk: Watching) -> None:
    watch_id = desk.on()
    desk.say(BAD)
    with desk.deps.store.write() as session:
        session.execute(update(Person).where(Person.username == "marta").values(role="responder"))
    desk.carry_out()
    assert (desk.row(watch_id).mode, desk.hidden(), desk.entries("watch:draft")) == ("draft", [], 1)


def test_an_act_that_waits_is_refused_when_its_persons_right_is_gone(desk: Watching) -> None:
    desk.on()
    desk.say(BAD)
    watched.act_due(desk.deps)
    with desk.deps.store.write() as session:
        session.execute(update(Person).where(Person.username == "marta").values(active=False))
    desk.clock.pass_time(11)
    acting.perform_due(desk.deps)
    assert not desk.hidden()


def test_the_global_stop_keeps_it_waiting_and_loses_nothing(desk: Watching) -> None:
    desk.on()
    said = desk.say(BAD)
    set_stop(desk.deps, True, "test")
    desk.carry_out()
    assert not desk.hidden()
    set_stop(desk.deps, False, "test")
    desk.carry_out()
    assert desk.hidden() == [said]


def test_a_watch_that_hides_too_much_is_a_draft_again(desk: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "BURST", 3)
    watch_id = desk.on()
    for _ in range(5):
        desk.say(BAD)
    desk.carry_out()
    assert (desk.row(watch_id).mode, len(desk.hidden())) == ("draft", 3)
    desk.tried(watch_id)
    watching.switch(desk.deps, watch_id, Mode.ON, desk.manager)
    desk.clock.pass_time(300)
    desk.carry_out()
    assert len(desk.hidden()) == 3, "what was found before it was switched on again is the past"


def test_a_back_test_says_what_would_have_been(desk: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "BATCH", 4)
    said = [desk.say(BAD, ago=timedelta(days=n)) for n in (28, 3, 3)]
    desk.say(BAD, ago=timedelta(days=40))
    desk.say(BAD, username="sam", user_id=99, staff=True, admin=True)
    for _ in range(6):
        desk.say("A fine machine.")
    desk.hide(said[1])
    desk.leave(said[0])
    watch_id, heard = desk.watch(), list[tuple[int, int]]()
    tried = backtest.try_now(desk.deps, watch_id, desk.manager, lambda done, total: heard.append((done, total)))
    assert heard == [(4, 9), (8, 9), (9, 9)]
    assert (tried.read, tried.hits, sum(tried.days), max(tried.days)) == (9, 3, 3, 2)
    assert (tried.hidden, tried.handled, tried.left) == (1, 0, 2)
    shown = watching.watch(desk.deps, watch_id)
    assert [one.text for one in shown.examples] == [BAD] * 3
    assert shown.ready
    assert not desk.hits(), "a trial leaves no hits"


def test_a_page_asks_and_a_worker_tries(desk: Watching) -> None:
    desk.say(BAD)
    watch_id = desk.watch()
    backtest.ask(desk.deps, watch_id, desk.manager)
    assert not watching.watch(desk.deps, watch_id).ready
    assert (backtest.run_asked(desk.deps), backtest.run_asked(desk.deps)) == (1, 0)
    assert watching.watch(desk.deps, watch_id).tried["hits"] == 1


def test_what_is_found_in_too_much_is_not_switched_on(desk: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FEW", 5)
    for _ in range(6):
        desk.say("The machine is on.")
    watch_id = desk.watch(pattern="machine")
    desk.tried(watch_id)
    with pytest.raises(BadInput, match="one message in ten"):
        watching.switch(desk.deps, watch_id, Mode.ON, desk.manager)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(Kind.WORD, " ", Does.HIDE, "Why"), "what is to be found"),
        (Wanted(Kind.PATTERN, ".*", Does.HIDE, "Why"), "nearly everything"),
        (Wanted(Kind.WORD, "spam", "explode", "Why"), "what follows"),
        (Wanted(Kind.WORD, "spam", Does.HIDE, " "), "Say why"),
        (Wanted(Kind.WORD, "spam", Does.HIDE, "Why", 99), "no such community"),
        (Wanted(Kind.WORD, "spam", Does.HIDE, "Why", None, 99), "does not hold there"),
        (Wanted(Kind.WORD, "viagra", Does.HIDE, "Why"), "already"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(desk: Watching, wanted: Wanted, words: str) -> None:
    desk.watch()
    with pytest.raises(BadInput, match=words):
        watching.add(desk.deps, wanted, desk.manager)
