"""Questions that are on their way: somebody was sent to another server, and may come back once, in the same browser."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from service.auth.external.address import host_of, key_of
from service.auth.external.proof import Provider, Trouble, Why
from service.db.identity_tables import ExternalFlow
from service.deps import Deps
from service.vault import same, token_digest

LIFE = timedelta(minutes=10)
#: Questions open at one time that nobody signed in has asked: strangers can fill no more than this.
MOST_OPEN = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, of whom and by whom. `kept` are our secrets of it; `details` what we want to know afterwards."""

    purpose: str
    provider: Provider
    issuer: str
    person_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)


def refuse_crowd(deps: Deps) -> None:
    """Raises Trouble when strangers have too many questions open; looked at before a server is called for one."""
    with deps.store.read() as session:
        waiting = select(func.count()).select_from(ExternalFlow).where(ExternalFlow.person_id.is_(None))
        if (session.scalar(waiting.where(ExternalFlow.expires_at > deps.now())) or 0) >= MOST_OPEN:
            raise Trouble(Why.CROWDED)


def new_state() -> str:
    """A random text that names a question to those who were told."""
    return secrets.token_urlsafe(32)


def put(deps: Deps, browser: str, state: str, question: Question) -> None:
    """Keeps a question until it is answered or LIFE has passed. `browser` is a secret of the session that asks."""
    row = ExternalFlow(
        state_digest=token_digest(state),
        browser_digest=token_digest(browser),
        purpose=question.purpose,
        provider=question.provider,
        issuer=question.issuer,
        person_id=question.person_id,
        details=dict(question.details),
        sealed=deps.vault.seal(json.dumps(dict(question.kept))),
        expires_at=deps.now() + LIFE,
    )
    with deps.store.write() as session:
        session.execute(delete(ExternalFlow).where(ExternalFlow.expires_at <= deps.now()))
        session.add(row)


def take(
    deps: Deps, browser: str, provider: str, key: str, args: Mapping[str, str], purposes: tuple[str, ...]
) -> Question:
    """The question that an answer belongs to, taken out: a second answer finds nothing.

    Raises Trouble when there is none, it is too old, was asked in another browser, of another server or for another
    purpose.
    """
    where = ExternalFlow.state_digest == token_digest(args.get("state", ""))
    if provider == Provider.DISCOURSE and "payload" in args:
        where = _last(deps, browser, key, purposes)
    question = _checked(deps, browser, provider, key, _taken(deps, where))
    if question.purpose not in purposes:
        raise Trouble(Why.MIXED_UP, host_of(question.issuer))
    return question


def _last(deps: Deps, browser: str, key: str, purposes: tuple[str, ...]) -> ColumnElement[bool]:
    """The last question of this browser to this forum: with a key, forums give no state back.

    What proves the answer to be ours is inside: it is encrypted to the question's own key, and holds its nonce.
    """
    mine = (ExternalFlow.browser_digest == token_digest(browser)) & (ExternalFlow.provider == Provider.DISCOURSE)
    mine &= ExternalFlow.purpose.in_(purposes)
    with deps.store.read() as session:
        asked = session.scalars(select(ExternalFlow.issuer).where(mine).distinct()).all()
    return mine & (ExternalFlow.issuer == next((issuer for issuer in asked if key_of(issuer) == key), ""))


def _taken(deps: Deps, where: ColumnElement[bool]) -> ExternalFlow:
    """Deleted and committed before anything is looked at, so that a failed answer cannot be tried again either."""
    with deps.store.write() as session:
        row = _newest(session, where)
        gone = row is not None and _deleted(session, row)
        session.expunge_all()
    if row is None or not gone:
        raise Trouble(Why.UNKNOWN)
    return row


def _newest(session: Session, where: ColumnElement[bool]) -> ExternalFlow | None:
    return session.scalars(select(ExternalFlow).where(where).order_by(ExternalFlow.id.desc()).limit(1)).one_or_none()


def _deleted(session: Session, row: ExternalFlow) -> bool:
    found = session.execute(delete(ExternalFlow).where(ExternalFlow.id == row.id).returning(ExternalFlow.id))
    return found.scalar() is not None


def _checked(deps: Deps, browser: str, provider: str, key: str, row: ExternalFlow) -> Question:
    if row.expires_at <= deps.now() or not same(row.browser_digest, token_digest(browser)):
        raise Trouble(Why.UNKNOWN)
    if row.provider != provider or not same(key_of(row.issuer), key):
        raise Trouble(Why.MIXED_UP, host_of(row.issuer))
    kept = json.loads(deps.vault.open(row.sealed))
    return Question(row.purpose, Provider(row.provider), row.issuer, row.person_id, row.details, kept)
