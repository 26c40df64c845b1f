"""Tables of reputation: what each author did in each thread, who praised whom, and what it comes to by area.

Areas are keys: "" for everything, "community:ID", "tag:NAME", "product:NAME" (see moderation.trust_threads).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class TrustThread(Base):
    """A thread read for what its authors did; read again when `dirty` counts changes since."""

    __tablename__ = "trust_thread"
    __table_args__ = (Index("ix_trust_thread_dirty", "dirty", "thread_id"),)

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True, autoincrement=False)
    dirty: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime | None]
    areas: Mapped[list[Any]] = mapped_column(default=list)


class DeedRow(Base):
    """What one author did in one thread that `asker_id` began (see moderation.trust_threads.Deed).

    `delay` is in seconds, where theirs was the first answer; `best` is the platform's id of their best message;
    `weeks` are counted from the epoch.
    """

    __tablename__ = "trust_deed"
    __table_args__ = (Index("ix_trust_deed_author", "author_id", "at"), Index("ix_trust_deed_asker", "asker_id"))

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True, autoincrement=False)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    asker_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    began: Mapped[datetime]
    at: Mapped[datetime]
    posts: Mapped[int]
    weeks: Mapped[list[Any]] = mapped_column(default=list)
    toxic: Mapped[int] = mapped_column(default=0)
    toxic_at: Mapped[datetime | None]
    answered: Mapped[bool] = mapped_column(default=False)
    accepted: Mapped[bool] = mapped_column(default=False)
    thanked: Mapped[bool] = mapped_column(default=False)
    passed_over: Mapped[bool] = mapped_column(default=False)
    delay: Mapped[float | None]
    calmed: Mapped[bool | None]
    best: Mapped[str] = mapped_column(String(300), default="")


class PraiseRow(Base):
    """Somebody accepted or thanked for an answer of somebody else in a thread."""

    __tablename__ = "trust_praise"
    __table_args__ = (Index("ix_trust_praise_author", "author_id", "at"), Index("ix_trust_praise_giver", "giver_id"))

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True, autoincrement=False)
    giver_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    accepted: Mapped[bool] = mapped_column(default=False)


class TrustAuthor(Base):
    """An author whose standing is kept; made again when `dirty`, and now and then because everything fades."""

    __tablename__ = "trust_author"
    __table_args__ = (Index("ix_trust_author_dirty", "dirty", "author_id"), Index("ix_trust_author_made", "made_at"))

    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    dirty: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime | None]


class StandingRow(Base):
    """The reputation of an author in an area (see moderation.trust.Reputation); `facts` are its figures."""

    __tablename__ = "trust_standing"
    __table_args__ = (Index("ix_trust_standing_area", "area", "score", "author_id"),)

    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    area: Mapped[str] = mapped_column(String(120), primary_key=True)
    score: Mapped[float]
    facts: Mapped[dict[str, Any]]


class TrustMark(Base):
    """A tie to the brand that a person declared, of one author or of everybody whose address is at `domain`.

    Kind: staff, partner, paid, or conflict, which counts in `area` only. It holds until `ended_at`.
    """

    __tablename__ = "trust_mark"
    __table_args__ = (Index("ix_trust_mark_author", "author_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    domain: Mapped[str] = mapped_column(String(255), default="")
    kind: Mapped[str] = mapped_column(String(10))
    area: Mapped[str] = mapped_column(String(120), default="")
    reason: Mapped[str] = mapped_column(Text)
    marked_by: Mapped[str] = mapped_column(String(80))
    marked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Product(Base):
    """A product of the brand: a thread is about it when its title or its first message names it."""

    __tablename__ = "trust_product"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    added_at: Mapped[datetime]
