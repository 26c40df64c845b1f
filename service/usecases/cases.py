"""Decisions on a case. Each checks the version the person saw, and is one transaction with its audit entry.

What a person holds (claimed, escalated) or decided is theirs: the next triage keeps it and moves the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput, TenthError
from moderation.triage import ThreadFacts, as_time, look_again
from service.db.audit import Entry, append
from service.db.judgements import SAYS, record, take_back
from service.db.models import AuditEntry, AuditHead, Case, Community, Thread
from service.db.team_tables import CaseNote
from service.deps import Deps
from service.usecases.notes import TAKEOVER, erase_note, write_note
from service.usecases.people import Known, names_by_actor
from service.usecases.triage import line_time

#: A claim ends by itself, so that nobody keeps a conversation by closing a laptop.
CLAIM = timedelta(minutes=30)
UNDO = timedelta(seconds=10)
#: The way of the click through the network is not the person's fault.
UNDO_GRACE = timedelta(seconds=5)
LONGEST_NOTE = 1_000
_AT_WORK = frozenset({"open", "claimed", "escalated"})
_AT_REST = frozenset({"left", "snoozed", "decided", "closed"})
#: Which states each verb starts from.
VERBS: Mapping[str, frozenset[str]] = {
    "claim": _AT_WORK,
    "release": frozenset({"claimed", "escalated"}),
    "leave": _AT_WORK,
    "snooze": _AT_WORK,
    "decide": _AT_WORK,
    "escalate": frozenset({"open", "claimed"}),
    "reopen": _AT_REST,
}
#: Longest look back in the audit log for a case's history; the log has no index but its number.
_HISTORY_REACH = 50_000
#: The audit kinds that a history tells; notes and labels stand on their own.
_DECISIONS = tuple(f"case:{verb}" for verb in (*VERBS, "undo"))
_RESTORED = (
    *("state", "lane", "open", "person_id", "claimed_until"),
    *("decided_at", "decision", "look_again_at", "seen_at"),
)


class Stale(TenthError):
    """The case changed after the person saw it; nothing was done."""


class NeedsNote(BadInput):
    """Somebody else has the case: taking it over takes a word to them."""


@dataclass(frozen=True, slots=True)
class Intent:
    """What a person wants with a case. `until` belongs to leave and snooze, `note` to any verb."""

    verb: str
    version: int
    until: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, and what it takes to take it back. JSON-able by `to_json`."""

    case_id: int
    thread_id: int
    verb: str
    version: int
    at: datetime
    title: str
    look_again_at: datetime | None
    before: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        times = {"at": _text(self.at), "look_again_at": _text(self.look_again_at)}
        before = {k: _text(v) if isinstance(v, datetime) else v for k, v in self.before.items()}
        plain = {n: getattr(self, n) for n in ("case_id", "thread_id", "verb", "version", "title")}
        return plain | times | {"before": before}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Done:
        before = {k: _time(v) if k.endswith(("_at", "_until")) else v for k, v in kept["before"].items()}
        times = {"at": datetime.fromisoformat(kept["at"]), "look_again_at": _time(kept["look_again_at"])}
        return cls(**(dict(kept) | times | {"before": before}))


@dataclass(frozen=True, slots=True)
class Past:
    """One line of a case's history."""

    at: datetime
    verb: str
    who: str
    note: str


def act(deps: Deps, case_id: int, intent: Intent, person: Known) -> Done:
    """Carries out one verb. Raises BadInput when it makes no sense, Stale when the case moved on meanwhile, NeedsNote
    when somebody else has it: the note is shown to them, inside the case."""
    with deps.store.write() as session:
        done = act_in(session, deps, case_id, intent, person, deps.now())
    deps.ring("triage_communities")
    return done


def act_in(session: Session, deps: Deps, case_id: int, intent: Intent, person: Known, now: datetime) -> Done:
    """The same in the caller's transaction; what it refuses, it refuses before it writes."""
    case, thread = _case(session, case_id)
    _check(case, intent, now)
    holder = held_by(case, person, now) if intent.verb == "claim" else None
    if holder is not None and not intent.note.strip():
        raise NeedsNote("Somebody else has this conversation. Say in a note why you take it over.")
    before = {n: getattr(case, n) for n in _RESTORED}
    after = before | _changes(intent, thread, person, now)
    if intent.verb in SAYS:
        community = session.get_one(Community, case.community_id)
        record(session, case, thread, intent.verb, person.id, now, line_time(session, community, now))
    _put(session, case_id, intent.version, after)
    said = intent.note.strip()
    if holder is not None:
        write_note(session, deps, case_id, said, person, now, TAKEOVER, also=(holder,))
        said = ""  # the note is where it is read; the log has its digest
    _note(session, deps, f"case:{intent.verb}", case_id, person, said, (before, after))
    _triage_soon(session, case.community_id, now)
    return Done(case_id, thread.id, intent.verb, intent.version + 1, now, thread.title, after["look_again_at"], before)


def held_by(case: Case, person: Known, now: datetime) -> int | None:
    """Who else has taken the case, as long as their claim lasts."""
    mine = case.state != "claimed" or case.person_id in (None, person.id)
    return None if mine or (case.claimed_until is not None and case.claimed_until <= now) else case.person_id


def undo(deps: Deps, done: Done, person: Known) -> None:
    """Takes a decision back within the undo time. Raises BadInput after it, Stale when somebody acted since."""
    now = deps.now()
    if now - done.at > UNDO + UNDO_GRACE:
        raise BadInput("The time to undo has passed. Reopen the conversation instead.")
    with deps.store.write() as session:
        undo_in(session, deps, done, person, now)
    deps.ring("triage_communities")


def undo_in(session: Session, deps: Deps, done: Done, person: Known, now: datetime) -> None:
    """The same in the caller's transaction, whatever the time."""
    case, _ = _case(session, done.case_id)
    after = {n: getattr(case, n) for n in _RESTORED}
    _put(session, done.case_id, done.version, done.before)
    take_back(session, done.case_id, done.thread_id, done.at)
    said = (CaseNote.case_id == done.case_id, CaseNote.kind == TAKEOVER, CaseNote.at == done.at)
    for note in session.scalars(select(CaseNote).where(*said, CaseNote.person_id == person.id)):
        erase_note(session, deps, note, person, now)
    _note(session, deps, "case:undo", done.case_id, person, "", (after, done.before))
    _triage_soon(session, case.community_id, now)


def answered(session: Session, case: Case, person_id: int, at: datetime) -> None:
    """The case is decided by a public answer, in the transaction that hands the answer over."""
    thread = session.get_one(Thread, case.thread_id)
    community = session.get_one(Community, case.community_id)
    record(session, case, thread, "decide", person_id, at, line_time(session, community, at))
    values = {"lane": "decided", "open": False, "person_id": person_id, "claimed_until": None, "seen_at": None}
    values |= {"state": "decided", "decision": "answered", "decided_at": at, "look_again_at": None}
    _put(session, case.id, case.version, values)
    session.expire(case)
    _triage_soon(session, case.community_id, at)


def unanswered(session: Session, case: Case, person_id: int | None, at: datetime) -> None:
    """The answer was taken back, or did not get there: the case is in the queue again, with whoever wrote."""
    if case.decision == "answered" and case.decided_at is not None:
        take_back(session, case.id, case.thread_id, case.decided_at)
    held = {"state": "claimed", "person_id": person_id, "claimed_until": at + CLAIM} if person_id else {"state": "open"}
    back = {"lane": "needs", "open": True, "decided_at": None, "decision": "", "look_again_at": None}
    _put(session, case.id, case.version, back | held)
    session.expire(case)
    _triage_soon(session, case.community_id, at)


def release_expired(deps: Deps) -> int:
    """Ends claims whose time has passed. Returns how many."""
    now = deps.now()
    with deps.store.write() as session:
        statement = (
            update(Case)
            .where(Case.state == "claimed", Case.claimed_until <= now)
            .values(state="open", person_id=None, claimed_until=None, version=Case.version + 1)
            .returning(Case.id)
        )
        return len(session.execute(statement.execution_options(synchronize_session=False)).all())


def history(deps: Deps, case_id: int, limit: int = 6) -> list[Past]:
    """What was decided about a case, the newest first."""
    with deps.store.read() as session:
        head = session.get(AuditHead, 1)
        if head is None:
            return []
        query = (
            select(AuditEntry)
            .where(AuditEntry.subject == f"case:{case_id}", AuditEntry.seq > head.seq - _HISTORY_REACH)
            .where(AuditEntry.kind.in_(_DECISIONS))
            .order_by(AuditEntry.seq.desc())
            .limit(limit)
        )
        names = names_by_actor(session)
        return [
            Past(e.at, e.kind.removeprefix("case:"), names.get(e.actor, ""), e.reason) for e in session.scalars(query)
        ]


def thread_of(deps: Deps, case_id: int) -> int:
    """The thread that a case is about. Raises BadInput when there is no such case."""
    with deps.store.read() as session:
        return _case(session, case_id)[1].id


def _case(session: Session, case_id: int) -> tuple[Case, Thread]:
    query = select(Case, Thread).join(Thread, Thread.id == Case.thread_id).where(Case.id == case_id)
    row = session.execute(query.with_for_update(of=Case)).one_or_none()
    if row is None:
        raise BadInput("There is no such case.")
    return row[0], row[1]


def _check(case: Case, intent: Intent, now: datetime) -> None:
    if intent.verb not in VERBS:
        raise BadInput(f"There is no verb “{intent.verb}”. Take one of: {', '.join(VERBS)}.")
    if case.version != intent.version or case.state not in VERBS[intent.verb]:
        raise Stale("Somebody acted on this conversation after you opened it. Nothing was changed.")
    if len(intent.note) > LONGEST_NOTE:
        raise BadInput(f"A note has at most {LONGEST_NOTE} characters.")
    if intent.verb == "snooze" and (intent.until is None or intent.until <= now):
        raise BadInput("A snooze needs a time to come back, in the future.")


def _changes(intent: Intent, thread: Thread, person: Known, now: datetime) -> dict[str, Any]:
    """The case as the verb leaves it. What is at rest goes where the next triage will put it, too."""
    held = {"lane": "needs", "open": True, "decided_at": None, "decision": "", "look_again_at": None}
    rest = {"lane": "decided", "open": False, "person_id": person.id, "claimed_until": None, "seen_at": None}
    match intent.verb:
        case "claim" | "reopen":
            kept = {} if intent.verb == "claim" else held
            return kept | {"state": "claimed", "person_id": person.id, "claimed_until": now + CLAIM}
        case "release":
            return {"state": "open", "person_id": None, "claimed_until": None}
        case "escalate":
            return {"state": "escalated", "person_id": person.id, "claimed_until": None}
        case "snooze":
            return rest | {"state": "snoozed", "decision": "snooze", "decided_at": None, "look_again_at": intent.until}
        case "leave":
            again = intent.until or as_time(look_again(ThreadFacts.from_json(thread.facts), now))
            return rest | {"state": "left", "decision": "leave", "decided_at": now, "look_again_at": again}
    return rest | {"state": "decided", "decision": "handled", "decided_at": now, "look_again_at": None}


def _put(session: Session, case_id: int, version: int, values: Mapping[str, Any]) -> None:
    mine = update(Case).where(Case.id == case_id, Case.version == version)
    statement = mine.values(**values, version=version + 1).returning(Case.id)
    if session.execute(statement.execution_options(synchronize_session=False)).one_or_none() is None:
        raise Stale("Somebody acted on this conversation after you did. Nothing was changed.")


def _note(
    session: Session,
    deps: Deps,
    kind: str,
    case_id: int,
    person: Known,
    note: str,
    change: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> None:
    entry = Entry(kind, person.actor, f"case:{case_id}", note, dict(change[0]), dict(change[1]))
    append(session, deps.vault, entry, deps.now())


def _triage_soon(session: Session, community_id: int, now: datetime) -> None:
    due = update(Community).where(Community.id == community_id).values(triage_due_at=now)
    session.execute(due.execution_options(synchronize_session=False))


def _text(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
