"""Which message an address leads to.

A stranger's address is looked up by keys only: the platforms write the number of a post or of its thread into the
path. Only where somebody of the desk asks are all messages looked through.
"""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import unquote, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.db.models import Connection, Message, Thread

#: Messages of a thread that are looked at, oldest first; parts of a path that are taken for keys.
_LONG, _PARTS = 5_000, 12


def by_key(session: Session, url: str) -> int | None:
    """The message at an address of a connection's own site; a thread's address leads to its first message."""
    keys = _keys(url)
    for connection_id in _connections_at(session, url):
        mine = (Message.connection_id == connection_id, Message.remote_id.in_(keys))
        for message_id, found in session.execute(select(Message.id, Message.url).where(*mine)):
            if _plain(found) == _plain(url):
                return int(message_id)
        threads = select(Thread.id, Thread.url).where(Thread.connection_id == connection_id)
        for thread_id, found in session.execute(threads.where(Thread.remote_id.in_(keys))).all():
            inside = _in_thread(session, thread_id, url, whole=_plain(found) == _plain(url))
            if inside is not None:
                return inside
    return None


def by_address(session: Session, url: str) -> int | None:
    """The message whose own address this is, wherever it is from: looks through all of them."""
    query = select(Message.id).where(Message.url.in_({url, _plain(url), f"{_plain(url)}/"}))
    return by_key(session, url) or session.scalar(query.order_by(Message.id).limit(1))


def _in_thread(session: Session, thread_id: int, url: str, *, whole: bool) -> int | None:
    query = select(Message.id, Message.url).where(Message.thread_id == thread_id)
    rows = session.execute(query.order_by(Message.created_at, Message.id).limit(_LONG)).all()
    exact = next((number for number, found in rows if found and _plain(found) == _plain(url)), None)
    return rows[0][0] if exact is None and whole and rows else exact


def _connections_at(session: Session, url: str) -> list[int]:
    host = urlsplit(url).netloc.lower()
    rows = session.execute(select(Connection.id, Connection.url).order_by(Connection.id))
    return [number for number, at in rows if at and urlsplit(at).netloc.lower() == host]


def _keys(url: str) -> set[str]:
    """Parts of the path, and neighbours with a hyphen between (a comment on Lemmy is `comment-5`)."""
    parts = [unquote(part)[:300] for part in urlsplit(url).path.split("/") if part][-_PARTS:]
    return {*parts, *(f"{a}-{b}" for a, b in pairwise(parts))}


def _plain(url: str) -> str:
    """Without what differs though the place is the same."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path.rstrip('/')}"
