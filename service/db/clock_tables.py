"""Tables of clocks: business hours, targets, steps taken as time ran out, and what became of each conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class CommunityClock(Base):
    """When a community is attended and how fast it is to be answered; without a row, day and night and no target.

    `week` are spans in minutes for each day from Monday on, `holidays` dates (ISO 8601), targets are seconds of the
    time that counts, `ladder` the share of a target after which each step is taken.
    """

    __tablename__ = "community_clock"

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True, autoincrement=False)
    zone: Mapped[str] = mapped_column(String(64), default="UTC")
    week: Mapped[list[Any]]
    holidays: Mapped[list[Any]] = mapped_column(default=list)
    response: Mapped[int | None]
    resolution: Mapped[int | None]
    ladder: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changed_at: Mapped[datetime]


class ClockStep(Base):
    """A step taken, once, as a clock that began at `since` ran out; `person_id` held the case then."""

    __tablename__ = "clock_step"
    __table_args__ = (
        UniqueConstraint("case_id", "kind", "since", "step"),
        Index("ix_clock_step_person", "person_id", "at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    kind: Mapped[str] = mapped_column(String(12))
    since: Mapped[datetime]
    step: Mapped[str] = mapped_column(String(10))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class OutcomeRow(Base):
    """What became of a thread (see moderation.outcomes), summed up again when `dirty` counts changes since.

    Times are seconds after `asked_at`. `asked_back_at` is when the brand asked in public whether it helped; `told`
    that the author wrote after it.
    """

    __tablename__ = "outcome"
    __table_args__ = (Index("ix_outcome_asked", "asked_at"), Index("ix_outcome_dirty", "dirty", "thread_id"))

    thread_id: Mapped[int] = mapped_column(ForeignKey("thread.id"), primary_key=True, autoincrement=False)
    dirty: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime | None]
    asked_at: Mapped[datetime | None]
    brand_after: Mapped[float | None]
    community_after: Mapped[float | None]
    accepted_after: Mapped[float | None]
    topic: Mapped[str] = mapped_column(String(20), default="")
    answered_by: Mapped[str] = mapped_column(String(10), default="")
    feeling_start: Mapped[float | None]
    feeling_end: Mapped[float | None]
    asked_back_at: Mapped[datetime | None]
    told: Mapped[bool] = mapped_column(default=False)
    messages: Mapped[int] = mapped_column(default=0)
    scored: Mapped[int] = mapped_column(default=0)
