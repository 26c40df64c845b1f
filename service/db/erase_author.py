"""What is taken out about one author, table by table, in the caller's transaction. Each function may run again.

Rows that others need stay, as shells: a report still counts, an act still has its place in the log. What nobody else
needs is deleted.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from moderation.model import Capability
from service.db.erase import changed
from service.db.grant_tables import Drift, GrantRow, ModerationAct, PlatformRight
from service.db.identity_tables import ExternalFlow, Identity
from service.db.models import Action, Author, Case, DeliveryRow, Message, Person
from service.db.people_tables import CodeFactor, EntryLink, Passkey, RecoveryCode, SignIn
from service.db.redress_tables import Appeal, Notice, Statement
from service.db.reply_tables import Reply, ReplyImage, ReplyRevision
from service.db.report_tables import ReportDecision, ReportRow
from service.db.team_tables import CaseNote
from service.db.thanks_tables import Badge, Listing
from service.db.traces import GONE, Traces, candidates, quoting, without
from service.db.trust import touch_authors, touch_praised_by
from service.db.trust_tables import DeedRow, PraiseRow, StandingRow, TrustMark

#: Actions that may still be carried out: they keep whom they are about.
LIVE = ("approved", "sending", "unknown")
#: Acts whose target is an account.
ABOUT_ACCOUNTS = (
    *(Capability.WARN, Capability.NOTIFY, Capability.SILENCE, Capability.UNSILENCE),
    *(Capability.SUSPEND, Capability.UNSUSPEND),
)
_BLOCK = 200


@dataclass(frozen=True, slots=True)
class Ours:
    """Words that people of the desk wrote; `case` says to which case a row belongs."""

    model: type[Any]
    columns: tuple[str, ...]
    case: Any


def _case_of_action(column: Any) -> Any:
    return select(Action.case_id).where(Action.id == column).scalar_subquery()


_CASE_OF_MESSAGE = select(Case.id).join(Message, Message.thread_id == Case.thread_id)
OURS = (
    Ours(CaseNote, ("text",), CaseNote.case_id),
    Ours(Reply, ("text", "content_warning", "note", "error", "overrides"), Reply.case_id),
    Ours(ReplyRevision, ("text",), select(Reply.case_id).where(Reply.id == ReplyRevision.reply_id).scalar_subquery()),
    Ours(ReplyImage, ("alt",), select(Reply.case_id).where(Reply.id == ReplyImage.reply_id).scalar_subquery()),
    Ours(Action, ("text", "error", "options"), Action.case_id),
    Ours(ModerationAct, ("reason", "law"), _case_of_action(ModerationAct.action_id)),
    Ours(
        ReportDecision,
        ("reason",),
        _CASE_OF_MESSAGE.where(Message.id == ReportDecision.message_id).scalar_subquery(),
    ),
    Ours(Notice, ("explanation", "reason"), _CASE_OF_MESSAGE.where(Message.id == Notice.message_id).scalar_subquery()),
    Ours(Statement, ("body",), _case_of_action(Statement.action_id)),
    Ours(
        Appeal,
        ("reason",),
        select(Action.case_id)
        .join(Statement, Statement.action_id == Action.id)
        .where(Statement.id == Appeal.statement_id)
        .scalar_subquery(),
    ),
    Ours(TrustMark, ("reason",), None),
    Ours(GrantRow, ("message", "reason", "evidence"), None),
    Ours(PlatformRight, ("error",), None),
    Ours(DeliveryRow, ("error",), None),
)


def empty_rows(session: Session, author_id: int) -> Counter[str]:
    """What others, and the desk, hold about an author, but for their messages and names. Returns rows by table."""
    done = Counter[str]()
    theirs = select(Message.id).where(Message.author_id == author_id)
    told = select(Statement.id).where(Statement.author_id == author_id)
    about = (ReportRow.reporter_id == author_id) | (ReportRow.about_id == author_id) | ReportRow.message_id.in_(theirs)
    held = (GrantRow.author_id == author_id, (GrantRow.message != "") | (GrantRow.reason != GONE))
    failed = (PlatformRight.author_id == author_id, PlatformRight.error != "")
    steps: tuple[tuple[type[Any], Any], ...] = (
        (ReportRow, update(ReportRow).where(about, ReportRow.text != "").values(text="")),
        (Appeal, update(Appeal).where(Appeal.statement_id.in_(told), Appeal.text != GONE).values(text=GONE)),
        (Notice, update(Notice).where(Notice.message_id.in_(theirs), Notice.url != "").values(url="")),
        (GrantRow, update(GrantRow).where(*held).values(message="", reason=GONE, evidence=[])),
        (PlatformRight, update(PlatformRight).where(*failed).values(error="")),
        (TrustMark, delete(TrustMark).where(TrustMark.author_id == author_id)),
        (StandingRow, delete(StandingRow).where(StandingRow.author_id == author_id)),
        (Listing, delete(Listing).where(Listing.author_id == author_id)),
    )
    for model, statement in steps:
        done[model.__tablename__] += changed(session, statement)
    done["statement"] += _empty_statements(session, author_id)
    return done + _forget_deeds(session, author_id)


def _empty_statements(session: Session, author_id: int) -> int:
    """What was decided, by which rule and how, stays; what was said of somebody goes."""
    rows = session.scalars(select(Statement).where(Statement.author_id == author_id)).all()
    kept = [row for row in rows if row.body.get("reason", GONE) != GONE]
    for row in kept:
        row.body = dict(row.body) | {"reason": GONE, "explanation": GONE}
    session.flush()
    return len(kept)


def _forget_deeds(session: Session, author_id: int) -> Counter[str]:
    touch_praised_by(session, [author_id])
    done = Counter[str]()
    done["trust_deed"] = changed(session, delete(DeedRow).where(DeedRow.author_id == author_id))
    mine = or_(PraiseRow.author_id == author_id, PraiseRow.giver_id == author_id)
    done["trust_praise"] = changed(session, delete(PraiseRow).where(mine))
    touch_authors(session, [author_id])
    return done


def forget_targets(session: Session, traces: Traces | None = None) -> int:
    """Whom acts were about that will not be carried out any more; of every erased author where none is named.

    What is about a message names the message; what is about an account names the account, its handle, and may tell it.
    """
    acts = select(ModerationAct.action_id).join(Author, Author.id == ModerationAct.author_id)
    letters = select(Statement.notify_id).join(Author, Author.id == Statement.author_id)
    who = Author.id == traces.author_id if traces is not None else Author.remote_id.startswith("erased:")
    meant = Action.id.in_(acts.where(who)) | Action.id.in_(letters.where(who, Statement.notify_id.is_not(None)))
    if traces is not None and traces.remote_id:
        meant |= (Action.connection_id == traces.connection_id) & (Action.target == traces.remote_id)
    over = (Action.state.not_in(LIVE), Action.kind.in_(ABOUT_ACCOUNTS), Action.target != GONE)
    return changed(session, update(Action).where(meant, *over).values(target=GONE, text="", options=None))


def part_from_people(session: Session, identities: Iterable[Identity]) -> Counter[str]:
    """Takes away the proofs that a person is this author; a person who came in by nothing else goes with them."""
    done = Counter[str]()
    for identity in identities:
        person = session.get_one(Person, identity.person_id)
        session.execute(delete(ExternalFlow).where(ExternalFlow.person_id == person.id))
        session.delete(identity)
        session.flush()
        done["identity"] += 1
        if person.role == "rock_star" and not _other_ways(session, person):
            done["person"] += _leave(session, person)
    return done


def _other_ways(session: Session, person: Person) -> bool:
    keys = select(Passkey.id).where(Passkey.person_id == person.id).limit(1)
    others = select(Identity.id).where(Identity.person_id == person.id).limit(1)
    return bool(person.password_hash) or session.scalar(keys) is not None or session.scalar(others) is not None


def _leave(session: Session, person: Person) -> int:
    """Without the salt nobody can tell any more whom the audit log means."""
    for model in (SignIn, CodeFactor, RecoveryCode, EntryLink):
        session.execute(delete(model).where(model.person_id == person.id))
    person.username, person.name, person.audit_salt = f"erased-{person.id}", "", ""
    person.active, person.session_key = False, secrets.token_urlsafe(24)
    session.flush()
    return 1


def forget_names(session: Session, author: Author, now: datetime) -> Counter[str]:
    """The author's own row becomes a shell that others' rows can name; nothing leads from it to the platform."""
    done = Counter[str]()
    here = (Drift.connection_id == author.connection_id, Drift.holder == author.remote_id)
    done["drift"] = changed(session, delete(Drift).where(*here))
    done["badge"] = changed(session, delete(Badge).where(Badge.author_id == author.id))
    author.remote_id = f"erased:{secrets.token_hex(12)}"
    author.handle, author.name, author.url = f"erased-{author.id}", "", ""
    author.trust, author.bot, author.first_seen_at = None, False, now
    session.flush()
    return done + Counter(author=1)


def forget_quotes(session: Session, thread_ids: Iterable[int], lines: list[str]) -> Counter[str]:
    """Takes lines that somebody wrote out of what the desk wrote in the same conversations."""
    done, found = Counter[str](), quoting(lines)
    cases = select(Case.id).where(Case.thread_id.in_(list(thread_ids)))
    for ours in OURS:
        if found is not None and ours.case is not None:
            rows = session.scalars(select(ours.model).where(ours.case.in_(cases))).all()
            done[ours.model.__tablename__] += sum(_write(row, ours.columns, found) for row in rows)
    session.flush()
    return done


def forget_mentions(session: Session, traces: Traces, ours: Ours, after: Any) -> tuple[Any, int]:
    """Takes an author's names out of one block of what the desk wrote. Returns where to go on (None: done), and rows.

    In conversations that they took part in, every name; elsewhere only what can be nobody else.
    """
    key = ours.model.__table__.primary_key.columns.values()[0]
    columns = [getattr(ours.model, name) for name in ours.columns]
    query = select(ours.model, _is_near(ours, traces.author_id).label("near"))
    query = query.where(candidates(session, columns, traces.needles)).order_by(key).limit(_BLOCK)
    rows = session.execute(query.where(key > after) if after is not None else query).all()
    done = sum(_write(row, ours.columns, traces.near if near else traces.far) for row, near in rows)
    session.flush()
    return (getattr(rows[-1][0], key.key) if len(rows) == _BLOCK else None), done


def _is_near(ours: Ours, author_id: int) -> Any:
    if ours.case is None:
        return select(Author.id).where(Author.id == -1).exists()
    return ours.case.in_(cases_of(author_id))


def cases_of(author_id: int) -> Select[Any]:
    """Cases of the conversations that an author took part in."""
    return _CASE_OF_MESSAGE.with_only_columns(Case.id).where(Message.author_id == author_id)


def _write(row: Any, columns: Iterable[str], found: Any) -> bool:
    before = {name: getattr(row, name) for name in columns}
    after = {name: without(value, found) for name, value in before.items()}
    for name, value in after.items():
        if value != before[name]:
            setattr(row, name, value)
    return after != before
