"""Tables of privacy: how long a connection's words are kept, and who is not to be read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Retention(Base):
    """How many days a connection's messages are kept; without a row they are kept as long as the desk is."""

    __tablename__ = "retention"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True, autoincrement=False)
    days: Mapped[int]
    set_by: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime]


class Unread(Base):
    """An author whose words are not kept when they come again, known by a keyed digest only. Why: erased, opted_out."""

    __tablename__ = "unread_author"
    __table_args__ = (UniqueConstraint("connection_id", "digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    digest: Mapped[str] = mapped_column(String(64))
    why: Mapped[str] = mapped_column(String(10))
    at: Mapped[datetime]
