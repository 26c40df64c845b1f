"""A forum where Quilla began a conversation, and everything that a desk can come to keep about her."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, LargeBinary, String, select

from service.db.base import Base
from service.db.grant_tables import Drift, GrantRow, ModerationAct, PlatformRight
from service.db.identity_tables import Identity
from service.db.models import Action, Author, Case, Message, Person, Thread
from service.db.redress_tables import Appeal, Notice, Rule, Statement
from service.db.reply_tables import BrandAccount, Reply, ReplyImage, ReplyRevision
from service.db.report_tables import ReportDecision, ReportRow
from service.db.team_tables import CaseNote
from service.db.thanks_tables import Badge, Listing
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustMark
from service.db.watch_tables import Watch, WatchHit
from service.usecases import reputation, triage
from service.usecases.people import Known, as_known, create_person
from tests.service.intake_support import START, Desk, new_desk, post

HANDLE, NAME, REMOTE = "quillfeather", "Quilla Feather", "987654321"
WORDS = "The zebra umbrella sings at midnight, and my pump leaks."
OTHER = "Same here: @quillfeather is right about the pump."
CANARY = f"{NAME} (@{HANDLE}) wrote: {WORDS}"
HERS = {"username": HANDLE, "user_id": int(REMOTE), "name": NAME}


@dataclass
class Kept:
    """The desk, who asks, and Quilla's number."""

    desk: Desk
    by: Known
    author_id: int


def forum() -> Kept:
    """Quilla asked, ann answered and named her."""
    desk = new_desk()
    title = {"topic_id": 900, "topic_title": "A zebra umbrella for my pump"}
    desk.tell(post(1, WORDS, **HERS, **title), post(2, OTHER, **title), post(3, f"{WORDS} Really.", **HERS, **title))
    desk.read()
    triage.triage_due(desk.deps)
    reputation.sum_up_all(desk.deps)
    create_person(desk.deps, "marta", "manager", "a long enough pass phrase 4711")
    with desk.deps.store.read() as session:
        author_id = session.scalars(select(Author.id).where(Author.handle == HANDLE)).one()
        person = session.scalars(select(Person).where(Person.username == "marta")).one()
        return Kept(desk, as_known(session, person), author_id)


def fill(kept: Kept) -> None:
    """A row in every table that can tell of her, with her name and words wherever somebody could have put them."""
    with kept.desk.deps.store.write() as session:
        message = session.scalars(
            select(Message).where(Message.author_id == kept.author_id).order_by(Message.id)
        ).first()
        assert message is not None
        thread = session.get_one(Thread, message.thread_id)
        case = session.scalars(select(Case).where(Case.thread_id == thread.id)).one()
        ann = session.scalars(select(Author).where(Author.id != kept.author_id)).first()
        assert ann is not None
        member = Person(
            username=HANDLE, name=NAME, role="rock_star", password_hash="", created_at=START, audit_salt="s"
        )
        account = BrandAccount(connection_id=kept.desk.forum, handle="brava", created_at=START)
        rule = Rule(position=1, title={"en": "Be kind"}, text={"en": "Be kind."}, category="OTHER", made_at=START)
        session.add_all((member, account, rule))
        session.flush()
        on = {"connection_id": kept.desk.forum}
        asked = {"case_id": case.id, "person_id": kept.by.id, "due_at": START, "created_at": START, **on}
        hide = Action(kind="silence", target=REMOTE, text="", options={"handle": HANDLE}, state="done", **asked)
        tell = Action(kind="notify", target=REMOTE, text=CANARY, options={}, state="done", **asked)
        reply = Reply(
            case_id=case.id, account_id=account.id, message_id=message.id, writer_id=kept.by.id, state="sent",
            text=CANARY, note=CANARY, overrides={"tone": CANARY}, created_at=START, updated_at=START, sent_at=START,
        )  # fmt: skip
        watch = Watch(
            kind="word", pattern="zebra", does="hold", reason="r", person_id=kept.by.id, made_at=START, mode_at=START
        )
        session.add_all((hide, tell, reply, watch))
        session.flush()
        grant = GrantRow(
            author_id=kept.author_id, person_id=member.id, community_id=thread.community_id, state="revoked",
            template="keeper", capabilities=["hide"], days=90, hourly=5, daily=9, evidence=[CANARY],
            message=CANARY, reason=CANARY, made_at=START, changed_at=START, **on,
        )  # fmt: skip
        session.add(grant)
        session.flush()
        statement = Statement(
            action_id=hide.id, author_id=kept.author_id, community_id=thread.community_id, notify_id=tell.id,
            body={"reason": CANARY, "explanation": CANARY, "kind": "silence"}, made_at=START,
        )  # fmt: skip
        decision = ReportDecision(
            community_id=thread.community_id, message_id=message.id, author_id=kept.author_id, verdict="upheld",
            reason=CANARY, person_id=kept.by.id, at=START, **on,
        )  # fmt: skip
        session.add_all((statement, decision))
        session.flush()
        when = {"at": START, "seen_at": START, "reason": "spam", "outcome": "open", "text": CANARY, **on}
        place = {"author_id": kept.author_id, "community_id": thread.community_id}
        due = {"decided_at": START, "due_at": START}
        session.add_all((
            ModerationAct(action_id=hide.id, at=START, message_id=message.id, reason=CANARY, **place),
            ModerationAct(action_id=tell.id, at=START, reason=CANARY, **place),
            ReplyRevision(reply_id=reply.id, person_id=kept.by.id, at=START, verb="write", text=CANARY),
            ReplyImage(reply_id=reply.id, mime="image/png", alt=CANARY, body=b"x"),
            CaseNote(case_id=case.id, person_id=kept.by.id, text=CANARY, at=START),
            ReportRow(remote_id="r1", reporter_id=kept.author_id, about_id=ann.id, **when),
            ReportRow(remote_id="r2", about_id=kept.author_id, message_id=message.id, decision_id=decision.id, **when),
            Appeal(statement_id=statement.id, text=CANARY, reason=CANARY, made_at=START),
            Notice(code="c", url=f"https://forum.example/u/{HANDLE}", message_id=message.id, category="OTHER",
                   explanation=CANARY, reason=CANARY, made_at=START, **on),
            PlatformRight(state="gone", error=CANARY, **place, **due, **on),
            Drift(community_id=thread.community_id, kind="foreign", holder=REMOTE, handle=HANDLE, seen_at=START,
                  checked_at=START, **on),
            Identity(person_id=member.id, provider="discourse", issuer="https://forum.example", subject=REMOTE,
                     handle=HANDLE, linked_at=START),
            TrustMark(author_id=kept.author_id, kind="partner", reason=CANARY, marked_by="x", marked_at=START),
            StandingRow(author_id=kept.author_id, area="tag:zebra", score=0.5, facts={"name": CANARY}),
            Listing(author_id=kept.author_id, person_id=member.id, shown=True, changed_at=START),
            Badge(author_id=kept.author_id, name="Star", state="gone", error=CANARY, **due, **on),
            WatchHit(watch_id=watch.id, message_id=message.id, at=START, draft=True),
        ))  # fmt: skip
        deed = {"began": START, "at": START, "posts": 1, "asker_id": ann.id}
        session.merge(DeedRow(thread_id=thread.id, author_id=kept.author_id, **deed))
        session.merge(PraiseRow(thread_id=thread.id, giver_id=ann.id, author_id=kept.author_id, at=START))


def found(kept: Kept, *needles: str) -> dict[str, int]:
    """Every place in the database where one of these stands: read without the code that is on trial."""
    places: dict[str, int] = {}
    with kept.desk.deps.store.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)).mappings():
                for column in table.columns:
                    said = _said(column.type, row[column.key]).casefold()
                    if any(needle.casefold() in said for needle in needles):
                        name = f"{table.name}.{column.name}"
                        places[name] = places.get(name, 0) + 1
    return places


def _said(kind: Any, value: Any) -> str:
    if isinstance(kind, LargeBinary):
        return bytes(value or b"").decode("utf-8", "replace")
    if isinstance(kind, JSON):
        return json.dumps(value, ensure_ascii=False)
    return str(value) if isinstance(kind, String) and value is not None else ""


LATER = START + timedelta(hours=2)
