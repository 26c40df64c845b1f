"""Grants: proposed with evidence, offered, accepted by the person who is that author, ended. One transaction each.

What changes on a platform is wanted in the same transaction (service.usecases.rights) and done by a job.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.grants import LONGEST_TERM, TEMPLATES, GrantState, GrantVerb, after, check_terms
from moderation.model import Capability
from moderation.policy import Subject, allows, authorize
from plugins.tags import LONGEST as LONGEST_TAG
from plugins.tags import tag_key
from service.db.audit import Entry, append
from service.db.grant_tables import GrantRow
from service.db.grants import grant_of
from service.db.models import Author, Community, Connection
from service.deps import Deps
from service.usecases.outlived import send_back
from service.usecases.people import Known
from service.usecases.proofs import is_author
from service.usecases.rights import want

#: How long an offer stands.
OFFER = timedelta(days=30)
_OURS = frozenset({"brand", "staff"})
_ANSWERS = frozenset({GrantVerb.ACCEPT, GrantVerb.DECLINE})
#: Who a person ends a grant as, when nobody did.
CLOCK = "clock"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is to be given. `capabilities` of None: those of the template. `tag` "": whatever the tags."""

    author_id: int
    community_id: int | None
    template: str
    days: int | None = None
    capabilities: Iterable[str] | None = None
    silence_hours: int | None = None
    evidence: Sequence[Any] = field(default_factory=tuple)
    reason: str = ""
    tag: str = ""


def propose(deps: Deps, terms: Terms, by: Known) -> int:
    """Writes a proposal. Raises BadInput for terms that must never be offered, NotAllowed for who may not ask."""
    now = deps.now()
    with deps.store.write() as session:
        author = session.get(Author, terms.author_id)
        if author is None:
            raise BadInput("There is no such author.")
        row = _row(session, terms, author, now)
        row.proposer_id = by.id
        about = Subject("grant:new", own=is_author(session, by.id, author.id))
        authorize(by.asking, Capability.GRANT, about, now)
        check_terms(replace(grant_of(row), starts_at=now, ends_at=now + timedelta(days=row.days)))
        session.add(row)
        session.flush()
        _note(deps, session, row, "propose", by.actor, None)
        return row.id


def offer(deps: Deps, grant_id: int, message: str, by: Known) -> None:
    """Lets the author accept it, for a time. `message` says in the brand's own words what is asked of them."""
    with _changing(deps, grant_id, GrantVerb.OFFER, by) as (row, now):
        if not message.strip():
            raise BadInput("An offer needs some words to whom it is made: what, where, how long, under which rules.")
        row.message, row.offer_ends_at = message.strip()[:4000], now + OFFER


def accept(deps: Deps, grant_id: int, by: Known) -> None:
    """The person's own yes; they must have proven that they are the author it was offered to."""
    with _changing(deps, grant_id, GrantVerb.ACCEPT, by) as (row, now):
        if row.offer_ends_at is not None and row.offer_ends_at <= now:
            raise NotAllowed("This offer has ended. Ask for a new one.")
        row.person_id, row.starts_at, row.ends_at = by.id, now, now + timedelta(days=row.days)


def decline(deps: Deps, grant_id: int, by: Known, reason: str = "") -> None:
    """A no: to an offer by whom it was made to, to a proposal by a manager."""
    with _changing(deps, grant_id, GrantVerb.DECLINE, by, reason):
        pass


def suspend(deps: Deps, grant_id: int, by: Known, reason: str) -> None:
    """Takes the rights away until somebody gives them back. A reason is required."""
    with _changing(deps, grant_id, GrantVerb.SUSPEND, by, _required(reason)):
        pass


def resume(deps: Deps, grant_id: int, by: Known, reason: str) -> None:
    """Gives a suspended grant's rights back, for what is left of its term."""
    with _changing(deps, grant_id, GrantVerb.RESUME, by, _required(reason)) as (row, now):
        if row.ends_at is not None and row.ends_at <= now:
            raise NotAllowed("Its term is over. Offer a new grant.")


def revoke(deps: Deps, grant_id: int, by: Known, reason: str) -> None:
    """Ends a grant: here at once, on the platforms by the job that follows. A holder may give their own back."""
    with _changing(deps, grant_id, GrantVerb.REVOKE, by, _required(reason)):
        pass


def expire_due(deps: Deps) -> int:
    """Ends each grant and offer whose time is over, and sends back what was left waiting. Returns how many ended."""
    now = deps.now()
    with deps.store.write() as session:
        over = (GrantRow.state.in_(("active", "suspended")) & (GrantRow.ends_at <= now)) | (
            (GrantRow.state == "offered") & (GrantRow.offer_ends_at <= now)
        )
        query = select(GrantRow).where(over).limit(100).with_for_update(skip_locked=True)
        rows = session.scalars(query).all()
        for row in rows:
            _step(deps, session, row, GrantVerb.EXPIRE, CLOCK, "Its time was over.", _facts(row))
        send_back(deps, session)
    return len(rows)


def brake(deps: Deps, session: Session, grant_id: int, reason: str) -> None:
    """Suspends a grant without anybody's word, in the caller's transaction; one that is not active stays as it is."""
    row = session.get(GrantRow, grant_id, with_for_update=True)
    if row is not None and row.state == GrantState.ACTIVE:
        _step(deps, session, row, GrantVerb.SUSPEND, "brake", reason, _facts(row))


# ------------------------------------------------------------------ small parts


@contextmanager
def _changing(
    deps: Deps, grant_id: int, verb: GrantVerb, by: Known, reason: str = ""
) -> Iterator[tuple[GrantRow, datetime]]:
    """One step of a grant in one transaction; what the block writes to the row is part of it."""
    now = deps.now()
    with deps.store.write() as session:
        row = session.get(GrantRow, grant_id, with_for_update=True)
        _may(session, row, verb, by, now)
        if row is None:
            raise BadInput("There is no such grant.")
        after(GrantState(row.state), verb)
        before = _facts(row)
        yield row, now
        _step(deps, session, row, verb, by.actor, reason, before)


def _may(session: Session, row: GrantRow | None, verb: GrantVerb, by: Known, now: datetime) -> None:
    """Managers do it all but to themselves; whom it is for may say yes or no, and give it back.

    Everybody else is told the same of what is not theirs, of what was not offered yet, and of what is not there at all.
    """
    own = row is not None and is_author(session, by.id, row.author_id)
    state = row.state if row is not None else ""
    answers = verb is GrantVerb.ACCEPT or (verb is GrantVerb.DECLINE and state == GrantState.OFFERED)
    if allows(by.asking, Capability.GRANT):
        another = answers and row is not None and not own
    else:
        another = verb in _ANSWERS and (not own or state == GrantState.PROPOSED)
    if another:
        raise NotAllowed(
            "Only the person who is this author can answer. Sign in with that account, or link it to yours."
        )
    gives_back = verb is GrantVerb.REVOKE and row is not None and row.person_id == by.id
    about = Subject(f"grant:{row.id if row is not None else 0}", own=own)
    authorize(by.asking, Capability.ACCOUNT if answers or gives_back else Capability.GRANT, about, now)


def _step(
    deps: Deps, session: Session, row: GrantRow, verb: GrantVerb, actor: str, reason: str, before: dict[str, Any]
) -> None:
    now = deps.now()
    row.state, row.changed_at = str(after(GrantState(row.state), verb)), now
    row.reason = reason[:2000] or row.reason
    if row.state in (GrantState.REVOKED, GrantState.EXPIRED) and row.ends_at is not None:
        row.ends_at = min(row.ends_at, now)
    session.flush()
    if row.state != GrantState.ACTIVE and row.person_id is not None:
        send_back(deps, session, row.person_id)
    _note(deps, session, row, str(verb), actor, before)
    if row.community_id is not None and row.person_id is not None:
        want(deps, session, row.author_id, row.community_id)


def _row(session: Session, terms: Terms, author: Author, now: datetime) -> GrantRow:
    if terms.template not in TEMPLATES:
        raise BadInput(f"There is no template “{terms.template}”. Take one of: {', '.join(TEMPLATES)}.")
    if author.role in _OURS:
        raise BadInput("This author is the brand's or the platform's own; grants are for independent people.")
    if author.bot:
        raise BadInput("This author is a program; grants are for people.")
    template, held = TEMPLATES[terms.template], None
    if terms.capabilities is not None:
        try:
            held = {Capability(one) for one in terms.capabilities}
        except ValueError as error:
            raise BadInput(f"{error}. Such a capability does not exist.") from None
    held = held if held is not None else set(template.capabilities)
    _must_be_there(session, terms, author)
    hours = template.silence_hours if terms.silence_hours is None else terms.silence_hours
    return GrantRow(
        author_id=author.id,
        connection_id=author.connection_id,
        community_id=terms.community_id,
        tag=_tag(terms.tag),
        template=terms.template,
        capabilities=sorted(held),
        days=template.days if terms.days is None else max(0, min(terms.days, LONGEST_TERM.days + 1)),
        hourly=template.hourly,
        daily=template.daily,
        silence_hours=hours if Capability.SILENCE in held else 0,
        evidence=list(terms.evidence),
        reason=terms.reason[:2000],
        made_at=now,
        changed_at=now,
    )


def _tag(given: str) -> str:
    tag = tag_key(given)
    if len(tag) > LONGEST_TAG or (given.strip() and not tag):
        raise BadInput(f"A tag has 1 to {LONGEST_TAG} characters.")
    return tag


def _must_be_there(session: Session, terms: Terms, author: Author) -> None:
    connection = session.get_one(Connection, author.connection_id)
    if connection.connector == "archive":
        raise BadInput("An archive is a file: there is nothing to moderate in it.")
    if terms.community_id is None:
        return
    community = session.get(Community, terms.community_id)
    if community is None or community.connection_id != author.connection_id:
        raise BadInput("There is no such community where this author writes.")


def _facts(row: GrantRow) -> dict[str, Any]:
    names = ("state", "person_id", "community_id", "tag", "capabilities", "days", "hourly", "daily", "silence_hours")
    return {name: getattr(row, name) for name in names} | {"ends_at": str(row.ends_at or "")}


def _note(deps: Deps, session: Session, row: GrantRow, verb: str, actor: str, before: Any) -> None:
    entry = Entry(f"grant:{verb}", actor, f"grant:{row.id}", row.reason, before, _facts(row))
    append(session, deps.vault, entry, deps.now())


def _required(reason: str) -> str:
    if not reason.strip():
        raise BadInput("Say why in a few words: whom it concerns will read it.")
    return reason.strip()
