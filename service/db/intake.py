"""Writing what platforms said: authors, communities, threads, messages with revisions and scores, in bulk.

Everything here runs inside the caller's transaction and is safe to repeat.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.model import MessageGone, ThreadListed
from service.db import reports
from service.db.erase import entomb, erase_text, untitle
from service.db.facts import refresh_threads
from service.db.incoming import Incoming
from service.db.models import Message, Thread
from service.db.seen_authors import keep_authors
from service.db.seen_messages import keep_messages
from service.db.seen_threads import keep_threads

#: A listing is dated by our clock, its messages by the platform's: one written in the last minutes before a listing
#: may have come after it.
CLOCK_BEHIND = timedelta(minutes=10)


def thread_subject(remote_id: str) -> str:
    """Under which raw deliveries about a thread itself are found again; no message has such an id."""
    return f"thread {remote_id}"[:300]


def settle(session: Session, incoming: Incoming) -> set[int]:
    """Writes a batch. Returns the ids of the communities whose triage is due."""
    c = incoming.connection_id
    authors = keep_authors(session, c, {e.author.remote_id: e.author for e in incoming.seen.values()}, incoming.now)
    threads = keep_threads(session, c, incoming.threads)
    keep_messages(session, incoming, authors, threads)
    reports.keep(session, c, incoming.reports, incoming.now)
    reports.link(session, c, incoming.seen)
    touched = set(threads.values())
    for listed in incoming.listed:
        _miss(session, incoming, listed)
    touched |= _bury(session, incoming)
    untitle(session, touched)
    return refresh_threads(session, touched, incoming.now)


def _miss(session: Session, incoming: Incoming, listed: ThreadListed) -> None:
    """Adds to what is gone the messages that a complete list of their thread lacks."""
    thread = (Thread.connection_id == incoming.connection_id, Thread.remote_id == listed.thread_id)
    thread_id = session.scalar(select(Thread.id).where(*thread).with_for_update(key_share=True))
    if thread_id is None:
        return
    query = select(Message.remote_id, Message.created_at, Message.edited_at)
    present, latest = set(listed.present), listed.at - (CLOCK_BEHIND if listed.present else timedelta())
    for row in session.execute(query.where(Message.thread_id == thread_id, Message.deleted_at.is_(None))):
        if row.remote_id not in present and (row.edited_at or row.created_at) < latest:
            incoming.add_gone(MessageGone(row.remote_id, listed.at))
    if not present:
        subject = thread_subject(listed.thread_id)
        entomb(session, incoming.connection_id, subject, listed.at)
        erase_text(session, incoming.connection_id, subject, listed.at)


def _bury(session: Session, incoming: Incoming) -> set[int]:
    """Deletes the text of messages that are gone, everywhere it stands. Returns the threads they were in."""
    touched: set[int] = set()
    for remote_id, at in incoming.gone.items():
        back = incoming.seen.get(remote_id)
        if back is not None and (back.edited_at or back.created_at) > at:
            continue
        entomb(session, incoming.connection_id, remote_id, at)
        touched |= erase_text(session, incoming.connection_id, remote_id, at)
    return touched
