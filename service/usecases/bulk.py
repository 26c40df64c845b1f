"""One decision on many cases, in two steps: asked for (what would happen, counted), then done; and taken back as one.

What was asked is kept with the versions that the person saw, so that the second step cannot do anything else, and twice
does it once. It is done in blocks, a transaction each; what moved on meanwhile is passed over, and said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Subject, authorize
from service.db.audit import Entry, append
from service.db.models import Case, Message, Thread
from service.db.team_tables import Bulk, BulkItem, CaseTeam, Label, Team
from service.deps import Deps
from service.usecases import cases
from service.usecases.labels import drop_label, open_label, put_label
from service.usecases.people import Known
from service.usecases.queue import first_words
from service.usecases.teams import put_in_team

#: Cases of one bulk decision, and of one transaction.
MOST = 500
BLOCK = 100
#: What was asked and not done within this time must be asked again.
FRESH = timedelta(hours=1)
VERBS = ("leave", "snooze", "decide", "label", "team")
_OF_CASES = frozenset({"leave", "snooze", "decide"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants with many cases. `until` belongs to snooze, `label` to label, `team` to team (None: none)."""

    verb: str
    until: datetime | None = None
    label: int | None = None
    team: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One case of a bulk decision, and what became of it (see `BulkItem`)."""

    case_id: int
    thread_id: int
    title: str
    state: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A bulk decision as pages show it: what it does, to what, how far it is, and until when it can be taken back."""

    id: int
    wish: Wish
    state: str
    lines: tuple[Line, ...]
    choice: str = ""
    undo_until: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)


def ask(deps: Deps, seen: Iterable[tuple[int, int]], wish: Wish, person: Known) -> int:
    """Keeps what somebody wants to do with cases at the versions they saw. Changes none of them. Raises BadInput."""
    now, wanted = deps.now(), dict(seen)
    if not 1 <= len(wanted) <= MOST:
        raise BadInput(f"Choose 1 to {MOST} conversations.")
    with deps.store.write() as session:
        authorize(person.asking, Capability.TRIAGE, Subject("bulk"), now)
        _check(session, wish, now)
        known = set(session.scalars(select(Case.id).where(Case.id.in_(wanted))))
        if known != set(wanted):
            raise BadInput("One of these conversations is not here.")
        row = Bulk(person_id=person.id, verb=wish.verb, choice=_choice(wish), asked_at=now)
        session.add(row)
        session.flush()
        held = _held(session, wanted, person, now)
        outcomes = {i: held.get(i, "") for i in sorted(wanted)}
        session.add_all(BulkItem(bulk_id=row.id, case_id=i, version=wanted[i], outcome=o) for i, o in outcomes.items())
        session.flush()
        return row.id


def shown(deps: Deps, bulk_id: int, person: Known) -> Shown:
    """A person's own bulk decision, as it stands. Raises BadInput."""
    with deps.store.read() as session:
        row = _own(session, bulk_id, person, lock=False)
        query = (
            select(BulkItem, Case, Thread, Message.text)
            .join(Case, Case.id == BulkItem.case_id)
            .join(Thread, Thread.id == Case.thread_id)
            .outerjoin(Message, Message.id == Case.marked_message_id)
            .where(BulkItem.bulk_id == bulk_id)
            .order_by(Case.priority.desc(), Case.id)
        )
        lines = tuple(_line(*found) for found in session.execute(query))
        choice = _named(session, _wish(row))
    until = row.done_at + cases.UNDO if row.done_at is not None and row.state == "done" else None
    counts = Counter(line.outcome for line in lines)
    return Shown(row.id, _wish(row), row.state, lines, choice, until, counts)


def do(deps: Deps, bulk_id: int, person: Known) -> None:
    """Does what was asked, in blocks. Called again it goes on where it stopped, and does nothing twice."""
    left = True
    while left:
        with deps.store.write() as session:
            row = _own(session, bulk_id, person)
            if row.state not in ("asked", "doing"):
                return
            if row.state == "asked" and deps.now() - row.asked_at > FRESH:
                raise BadInput("This was asked too long ago. Choose the conversations again.")
            left = _block(deps, session, row, person)
    deps.ring("triage_communities")


def undo(deps: Deps, bulk_id: int, person: Known) -> None:
    """Takes back all that was done, within the undo time; what somebody acted on since is kept, and said.

    Called again after it broke off, it goes on.
    """
    left = True
    while left:
        with deps.store.write() as session:
            row = _own(session, bulk_id, person)
            if row.state != "undoing":
                _begin_undo(deps, session, row, person)
            items = _items(session, bulk_id, "done")
            for item in items:
                item.outcome = _take_back(deps, session, row, item, person)
            left = len(items) == BLOCK
            row.state = "undoing" if left else "undone"
    deps.ring("triage_communities")


# ------------------------------------------------------------------ blocks


def _block(deps: Deps, session: Session, row: Bulk, person: Known) -> bool:
    """One block in the caller's transaction. True when there may be more."""
    now, wish = deps.now(), _wish(row)
    _check(session, wish, now)
    row.state = "doing"
    items = _items(session, row.id, "")
    for item in items:
        item.outcome, item.kept = _one(deps, session, wish, item, person, now)
    session.flush()
    if len(items) == BLOCK:
        return True
    row.state, row.done_at = "done", now
    outcomes = Counter(session.scalars(select(BulkItem.outcome).where(BulkItem.bulk_id == row.id)))
    after = {"verb": row.verb, "choice": row.choice, "outcomes": dict(outcomes)}
    append(session, deps.vault, Entry(f"bulk:{row.verb}", person.actor, f"bulk:{row.id}", after=after), now)
    return False


def _one(
    deps: Deps, session: Session, wish: Wish, item: BulkItem, person: Known, now: datetime
) -> tuple[str, dict[str, Any]]:
    """Does it to one case: its outcome, and what it takes to take it back."""
    case = session.get(Case, item.case_id, with_for_update=True)
    if case is None or case.version != item.version:
        return "stale", {}
    if cases.held_by(case, person, now) is not None:
        return "held", {}
    if wish.verb in _OF_CASES:
        try:
            intent = cases.Intent(wish.verb, item.version, wish.until)
            return "done", cases.act_in(session, deps, case.id, intent, person, now).to_json()
        except cases.Stale:
            return "stale", {}
    if wish.verb == "label":
        return ("done" if put_label(session, deps, case.id, wish.label or 0, person) else "same"), {}
    return _to_team(deps, session, case.id, wish.team, person)


def _to_team(
    deps: Deps, session: Session, case_id: int, team_id: int | None, person: Known
) -> tuple[str, dict[str, Any]]:
    row = session.get(CaseTeam, case_id)
    if row is not None and row.team_id == team_id:
        return "same", {}
    before = {"team": row.team_id, "person": row.person_id, "at": row.at.isoformat()} if row is not None else None
    put = put_in_team(session, deps, case_id, team_id, person)
    return "done", {"before": before, "put_at": put.at.isoformat()}


def _take_back(deps: Deps, session: Session, row: Bulk, item: BulkItem, person: Known) -> str:
    if row.verb in _OF_CASES:
        try:
            cases.undo_in(session, deps, cases.Done.from_json(item.kept), person, deps.now())
        except cases.Stale:
            return "kept"
        return "undone"
    if row.verb == "label":
        dropped = drop_label(session, deps, item.case_id, int(row.choice["label"]), person)
        return "undone" if dropped else "kept"
    return _team_back(deps, session, item, person)


def _team_back(deps: Deps, session: Session, item: BulkItem, person: Known) -> str:
    """Puts the team of before back, unless somebody chose another one since."""
    row = session.get(CaseTeam, item.case_id, with_for_update=True)
    if row is None or row.at.isoformat() != item.kept["put_at"]:
        return "kept"
    before = item.kept["before"]
    change = {"team": row.team_id}, {"team": before["team"] if before else None}
    if before is None:
        session.delete(row)
    else:
        row.team_id, row.person_id = before["team"], before["person"]
        row.at = datetime.fromisoformat(before["at"])
    session.flush()
    append(session, deps.vault, Entry("case:team", person.actor, f"case:{item.case_id}", "", *change), deps.now())
    return "undone"


# ------------------------------------------------------------------ small parts


def _check(session: Session, wish: Wish, now: datetime) -> None:
    if wish.verb not in VERBS:
        raise BadInput(f"There is no decision “{wish.verb}” for many at once. Take one of: {', '.join(VERBS)}.")
    if wish.verb == "snooze" and (wish.until is None or wish.until <= now):
        raise BadInput("A snooze needs a time to come back, in the future.")
    if wish.verb == "label":
        open_label(session, wish.label or 0)
    if wish.verb == "team" and wish.team is not None:
        team = session.get(Team, wish.team)
        if team is None or team.closed_at is not None:
            raise BadInput("There is no such team.")


def _held(session: Session, wanted: Mapping[int, int], person: Known, now: datetime) -> dict[int, str]:
    """What cannot be done already when it is asked for: somebody else has it, or it moved on."""
    found = session.scalars(select(Case).where(Case.id.in_(wanted))).all()
    stale = {case.id: "stale" for case in found if case.version != wanted[case.id]}
    return stale | {case.id: "held" for case in found if cases.held_by(case, person, now) is not None}


def _begin_undo(deps: Deps, session: Session, row: Bulk, person: Known) -> None:
    if row.state != "done" or row.done_at is None:
        raise BadInput("There is nothing here to take back.")
    if deps.now() - row.done_at > cases.UNDO + cases.UNDO_GRACE:
        raise BadInput("The time to undo has passed.")
    append(session, deps.vault, Entry("bulk:undo", person.actor, f"bulk:{row.id}"), deps.now())


def _own(session: Session, bulk_id: int, person: Known, lock: bool = True) -> Bulk:
    """A person's own bulk decision, locked for who writes: two at once never do one block twice."""
    row = session.get(Bulk, bulk_id, with_for_update=lock)
    if row is None or row.person_id != person.id:
        raise BadInput("There is nothing of yours under this number.")
    return row


def _items(session: Session, bulk_id: int, outcome: str) -> Sequence[BulkItem]:
    query = select(BulkItem).where(BulkItem.bulk_id == bulk_id, BulkItem.outcome == outcome)
    return session.scalars(query.order_by(BulkItem.id).limit(BLOCK)).all()


def _choice(wish: Wish) -> dict[str, Any]:
    return {"until": wish.until.isoformat() if wish.until else None, "label": wish.label, "team": wish.team}


def _wish(row: Bulk) -> Wish:
    until = row.choice["until"]
    return Wish(row.verb, datetime.fromisoformat(until) if until else None, row.choice["label"], row.choice["team"])


def _named(session: Session, wish: Wish) -> str:
    """The label's or the team's name; "" where there is none."""
    label = session.get(Label, wish.label) if wish.label is not None else None
    team = session.get(Team, wish.team) if wish.team is not None else None
    return label.name if label is not None else team.name if team is not None else ""


def _line(item: BulkItem, case: Case, thread: Thread, text: str | None) -> Line:
    return Line(case.id, thread.id, thread.title or first_words(text or ""), case.state, item.outcome)
