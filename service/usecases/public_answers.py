"""Answers that everybody can read, to be linked from pages that everybody can open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from service.db.models import Community, Message, Thread

_PUBLIC = ("public", "unlisted")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer on its platform; `url` may be ""."""

    author_id: int
    title: str
    url: str
    at: datetime


def answers(session: Session, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Answer]:
    """By (thread, the platform's id): those that stand, are public, and are in no closed community."""
    columns = (Message.thread_id, Message.remote_id, Message.author_id, Message.url, Message.created_at)
    query = (
        select(*columns, Thread.title, Thread.url)
        .join(Thread, Thread.id == Message.thread_id)
        .join(Community, Community.id == Thread.community_id)
        .where(
            tuple_(Message.thread_id, Message.remote_id).in_(list(wanted)),
            Message.deleted_at.is_(None),
            Message.visibility.in_(_PUBLIC),
            Community.restricted.is_(False),
        )
    )
    return {
        (thread, remote): Answer(author, title, url or thread_url, at)
        for thread, remote, author, url, at, title, thread_url in session.execute(query)
    }
