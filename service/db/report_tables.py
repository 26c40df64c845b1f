"""Tables of reports (flags): what members complained about, and what was decided of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class ReportRow(Base):
    """A report as its platform showed it (see moderation.model.ReportSeen): of a message, or of an author.

    `message_remote` is the platform's id of the message, kept because a report may come before what it is about;
    `action_id` is the action that closes it on the platform.
    """

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("connection_id", "remote_id"),
        Index("ix_report_open", "outcome", "connection_id", "at"),
        Index("ix_report_message", "message_id"),
        Index("ix_report_waiting", "connection_id", "message_remote"),
        Index("ix_report_about", "about_id"),
        Index("ix_report_reporter", "reporter_id", "at"),
        Index("ix_report_decision", "decision_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    remote_id: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]
    seen_at: Mapped[datetime]
    version: Mapped[float] = mapped_column(Float, default=0.0)
    reason: Mapped[str] = mapped_column(String(20))
    outcome: Mapped[str] = mapped_column(String(10))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    message_remote: Mapped[str] = mapped_column(String(300), default="")
    about_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    reporter_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    text: Mapped[str] = mapped_column(Text, default="")
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("report_decision.id"))
    action_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))


class ReportDecision(Base):
    """One decision about all reports of one subject. Verdict: upheld, dismissed. `act_id` is what was done for it."""

    __tablename__ = "report_decision"
    __table_args__ = (Index("ix_report_decision_at", "at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    verdict: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(Text)
    act_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
