"""Tables of thanks: who wants to be named in public, and the badges that platforms show."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Listing(Base):
    """Whether an author is named on the public page of rock stars: only they decide, signed in as themselves."""

    __tablename__ = "star_listing"

    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    shown: Mapped[bool]
    changed_at: Mapped[datetime]


class Badge(Base):
    """A badge that an author should have on their platform. State: giving, given, taking, gone, failed."""

    __tablename__ = "badge"
    __table_args__ = (UniqueConstraint("author_id", "name"), Index("ix_badge_due", "state", "due_at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    name: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime]
    due_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
