"""Erasing an author, in transactions of a block each: broken off anywhere, the next run ends it.

The order keeps that true: first they are not read any more and their grants end, then everything about them goes, and
their names last, because they are what the rest is found by. Then every table is searched for them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.grants import GrantState
from service.db.audit import Entry, Finding, append, verify
from service.db.erase import Known as KnownMessage
from service.db.erase import empty, make_shells, not_shells
from service.db.erase_author import (
    LIVE,
    OURS,
    empty_rows,
    forget_mentions,
    forget_names,
    forget_quotes,
    forget_targets,
    part_from_people,
)
from service.db.facts import refresh_threads
from service.db.grant_tables import GrantRow, ModerationAct, PlatformRight
from service.db.models import Action, Author, Community, DeliveryRow, Message
from service.db.thanks_tables import Badge
from service.db.traces import Left, Traces, candidates, is_erased, lines_of, search, traces_of
from service.db.unread import ERASED, OPTED_OUT, Closed, shut
from service.deps import Deps
from service.usecases import badges, grants, reputation, rights
from service.usecases.people import Known
from service.usecases.privacy import may_handle
from service.usecases.proofs import identities_of

REASON = "Everything that is kept about this author is erased."
BLOCK = 200
_OTHERS, _NAMESAKE = "words of other people", "another account, or somebody, of that name"
_NOT_MEANT = "a word like their name, where nobody meant them"
#: Where a name may still be read, and why. What is not here is a fault.
WHY = {
    **dict.fromkeys((ours.model.__tablename__ for ours in OURS), _NOT_MEANT),
    **dict.fromkeys(("saved_reply", "community_rule", "label", "team", "watch", "trust_product"), _NOT_MEANT),
    **dict.fromkeys(("message", "revision", "score", "thread", "report", "appeal"), _OTHERS),
    **dict.fromkeys(("author", "drift", "identity", "person", "brand_account", "connection", "community"), _NAMESAKE),
    "action": "an act that is still to be carried out, or a word like their name",
    "audit_entry": "the audit log is never changed",
    "delivery": "raw deliveries that are still to be read",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """What was done and what was found afterwards. `waiting` says what must be over before it can be finished.

    `emptied` are rows by table; `left` where something is still found, with the reason ("": there is none).
    `looked_for` counts names and pieces of text, `pending` acts about them that are still to be carried out;
    `scoured`: the database's file was written anew.
    """

    author: int
    emptied: dict[str, int]
    waiting: tuple[str, ...]
    pending: int
    left: tuple[tuple[Left, str], ...] = ()
    looked_for: int = 0
    chain: tuple[Finding, ...] = ()
    scoured: bool = True

    @property
    def finished(self) -> bool:
        """Nothing waits, nothing is left without a reason, and the audit log is whole."""
        return not self.waiting and all(why for _, why in self.left) and not self.chain


def erase(deps: Deps, author_id: int, by: Known, *, keep_out: bool = False) -> Proof:
    """Erases an author. With `keep_out` nothing they write later is kept either. Raises BadInput, NotAllowed."""
    traces = _begin(deps, author_id, by, keep_out=keep_out)
    waiting = _take_rights(deps, author_id, by)
    done = forget_words(deps, author_id)
    done += _forget_rest(deps, traces)
    if not waiting:
        done += _end(deps, author_id, by)
        done += forget_words(deps, author_id)  # what was being read as it began
    reputation.sum_up(deps)
    scoured = _scour(deps)
    with deps.store.read() as session:
        left = tuple((one, WHY.get(one.table, "")) for one in search(session, traces)) if not waiting else ()
        pending = _pending(session, author_id)
        chain = tuple(verify(session, deps.vault))
    emptied = {table: rows for table, rows in sorted(done.items()) if rows}
    return Proof(author_id, emptied, tuple(waiting), pending, left, len(traces.needles), chain, scoured)


def forget_words(deps: Deps, author_id: int) -> Counter[str]:
    """Leaves shells of everything that an author wrote, in blocks. Returns rows by table."""
    done, last = Counter[str](), 0
    while block := _forget_block(deps, author_id, last):
        last, more = block
        done += more
    return done


def _begin(deps: Deps, author_id: int, by: Known, *, keep_out: bool) -> Traces:
    now = deps.now()
    may_handle(by, author_id, now)
    with deps.store.write() as session:
        author = session.get(Author, author_id)
        if author is None:
            raise BadInput("There is no such author.")
        if author.role in ("brand", "staff"):
            raise BadInput("This account is the brand's or the platform's own, not a member's.")
        append(session, deps.vault, Entry("privacy:erase", by.actor, f"author:{author_id}"), now)
        if not is_erased(author):
            closed = Closed(OPTED_OUT if keep_out else ERASED, now)
            shut(session, deps.vault, author.connection_id, author.remote_id, closed)
        return traces_of(session, author)


def _take_rights(deps: Deps, author_id: int, by: Known) -> list[str]:
    """Ends every grant, and has the platforms follow. Returns what is still on one."""
    ends: dict[str, Callable[..., None]] = {GrantState.PROPOSED: grants.decline}
    with deps.store.read() as session:
        open_ = ("proposed", "offered", "active", "suspended")
        found = session.execute(
            select(GrantRow.id, GrantRow.state, GrantRow.connection_id).where(
                GrantRow.author_id == author_id, GrantRow.state.in_(open_)
            )
        ).all()
    for grant_id, state, _ in found:
        ends.get(state, grants.revoke)(deps, grant_id, by, REASON)
    badges.follow(deps)
    with deps.store.read() as session:
        connection_id = session.get_one(Author, author_id).connection_id
        left = _still_there(session, author_id)
    if left:
        rights.settle_due(deps, connection_id)
        badges.settle_due(deps, connection_id)
    with deps.store.read() as session:
        return _still_there(session, author_id)


def _still_there(session: Session, author_id: int) -> list[str]:
    """Rights and badges that a platform still shows, or may, and what stands in the way."""
    held = (
        select(Community.name, PlatformRight.error)
        .join(Community, Community.id == PlatformRight.community_id)
        .where(PlatformRight.author_id == author_id, PlatformRight.state != rights.GONE)
    )
    worn = select(Badge.name, Badge.error).where(
        Badge.author_id == author_id, Badge.state.in_((badges.GIVING, badges.GIVEN, badges.TAKING))
    )
    found = [(f"a right in {name}", error) for name, error in session.execute(held)]
    found += [(f"the badge “{name}”", error) for name, error in session.execute(worn)]
    return [f"{what}: {error}" if error else what for what, error in found]


def _forget_block(deps: Deps, author_id: int, after: int) -> tuple[int, Counter[str]] | None:
    """The next block of messages; the number of its last one, and rows by table."""
    columns = (Message.id, Message.thread_id, Message.connection_id, Message.remote_id, Message.text)
    theirs = (Message.author_id == author_id, Message.id > after, not_shells())
    with deps.store.write() as session:
        rows = session.execute(select(*columns).where(*theirs).order_by(Message.id).limit(BLOCK)).all()
        if not rows:
            return None
        messages = [KnownMessage(*row[:4]) for row in rows]
        threads = {message.thread_id for message in messages}
        done = forget_quotes(session, threads, [line for row in rows for line in lines_of(row.text)])
        done += make_shells(session, messages, deps.now())
        refresh_threads(session, threads, deps.now())
        return messages[-1].id, done


def _forget_rest(deps: Deps, traces: Traces) -> Counter[str]:
    with deps.store.write() as session:
        done = empty_rows(session, traces.author_id)
        done["action"] += forget_targets(session, traces)
    if not traces.names:
        return done
    for ours in OURS:
        after = None
        while True:
            with deps.store.write() as session:
                after, rows = forget_mentions(session, traces, ours, after)
            done[ours.model.__tablename__] += rows
            if after is None:
                break
    return done + _empty_raw(deps, traces)


def _empty_raw(deps: Deps, traces: Traces) -> Counter[str]:
    """Raw deliveries that name them, whoever they are about, once they were read: nothing needs those again.

    One that could not be read may still be tried again, so that it must name the very account.
    """
    done, handle = Counter[str](), traces.names[0]
    while True:
        with deps.store.write() as session:
            named = candidates(session, [DeliveryRow.body], traces.needles)
            exactly = candidates(session, [DeliveryRow.body], (f'"{handle}"', f"@{handle}"))
            read = (DeliveryRow.state == "done") & named | (DeliveryRow.state == "dead") & exactly
            here = (DeliveryRow.connection_id == traces.connection_id, DeliveryRow.body != b"")
            ids = session.scalars(select(DeliveryRow.id).where(*here, read).limit(BLOCK)).all()
            done["delivery"] += empty(session, ids)
        if not ids:
            return done


def _end(deps: Deps, author_id: int, by: Known) -> Counter[str]:
    with deps.store.write() as session:
        author = session.get_one(Author, author_id, with_for_update=True)
        if is_erased(author):
            return Counter()
        done = part_from_people(session, identities_of(session, author_id))
        done += forget_names(session, author, deps.now())
        append(session, deps.vault, Entry("privacy:erased", by.actor, f"author:{author_id}", after=done), deps.now())
        return done


def _pending(session: Session, author_id: int) -> int:
    """Acts about them that are still to be carried out, such as the end of a silence: these know whom they mean."""
    about = select(func.count()).select_from(Action).join(ModerationAct, ModerationAct.action_id == Action.id)
    return session.scalar(about.where(ModerationAct.author_id == author_id, Action.state.in_(LIVE))) or 0


def _scour(deps: Deps) -> bool:
    """SQLite leaves what was there in free pages of its file until it is written anew; PostgreSQL sees to it itself.

    Returns False where somebody else was at it all the time.
    """
    if deps.store.postgres:
        return True
    with closing(deps.store.engine.raw_connection()) as raw:
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement)
        except sqlite3.OperationalError:
            return False
    return True
