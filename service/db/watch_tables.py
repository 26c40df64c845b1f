"""Tables of watched words: what is looked for in new messages, and what was found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Watch(Base):
    """A word or pattern looked for in a community's new messages, or in all where `community_id` is None.

    Kind: word, pattern. Mode: draft (counts what it would have done), on, off. `does` is what follows when it is on.
    `tried` is the last back-test in figures.
    """

    __tablename__ = "watch"
    __table_args__ = (Index("ix_watch_mode", "mode", "community_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    kind: Mapped[str] = mapped_column(String(10))
    pattern: Mapped[str] = mapped_column(String(500))
    does: Mapped[str] = mapped_column(String(20))
    mode: Mapped[str] = mapped_column(String(10), default="draft")
    reason: Mapped[str] = mapped_column(Text)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("community_rule.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    mode_at: Mapped[datetime]
    tried: Mapped[dict[str, Any] | None]
    tried_at: Mapped[datetime | None]


class WatchHit(Base):
    """A watch found something in a message; `draft` when it was only counted."""

    __tablename__ = "watch_hit"
    __table_args__ = (Index("ix_watch_hit_message", "message_id"), Index("ix_watch_hit_at", "watch_id", "at"))

    watch_id: Mapped[int] = mapped_column(ForeignKey("watch.id"), primary_key=True, autoincrement=False)
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    draft: Mapped[bool]
    action_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))
