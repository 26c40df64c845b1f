"""Tables of redress: a community's rules, statements of reasons, appeals, notices of illegal content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Rule(Base):
    """A rule of a community, or of each one where `community_id` is None. `title` and `text` by language code.

    `category` is the keyword of the EU transparency database that it comes under.
    """

    __tablename__ = "community_rule"
    __table_args__ = (Index("ix_community_rule_community", "community_id", "position"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    position: Mapped[int]
    title: Mapped[dict[str, Any]]
    text: Mapped[dict[str, Any]]
    category: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Statement(Base):
    """The statement of reasons of one act, to whom it was done. `body` holds its fields (see moderation.statements).

    Told: no (the platform carries nothing to one member), waiting (for undo), asked (`notify_id` carries it).
    """

    __tablename__ = "statement"
    __table_args__ = (Index("ix_statement_author", "author_id"), Index("ix_statement_told", "told", "made_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), unique=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    language: Mapped[str] = mapped_column(String(10), default="en")
    body: Mapped[dict[str, Any]]
    told: Mapped[str] = mapped_column(String(10), default="no")
    notify_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))
    made_at: Mapped[datetime]


class Appeal(Base):
    """What an author says against an act. State: open, upheld (the act stands), overturned (`undo_id` reverses it)."""

    __tablename__ = "appeal"
    __table_args__ = (Index("ix_appeal_state", "state", "made_at"), Index("ix_appeal_statement", "statement_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"))
    text: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(10), default="en")
    state: Mapped[str] = mapped_column(String(10), default="open")
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    undo_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))


class Notice(Base):
    """A notice of illegal content by somebody without an account. Name and address are sealed; `code` is the receipt.

    State: open, acted, rejected. `action_id` is what was done for it.
    """

    __tablename__ = "notice"
    __table_args__ = (Index("ix_notice_state", "state", "made_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(String(1000))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connection.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    category: Mapped[str] = mapped_column(String(80))
    explanation: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str] = mapped_column(String(10), default="en")
    state: Mapped[str] = mapped_column(String(10), default="open")
    made_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text, default="")
    action_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))
