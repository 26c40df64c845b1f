"""Tables of teams, what is routed to them, notes, labels, who looks at what, and decisions on many cases at once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Team(Base):
    """A department with a queue of its own. `languages` are those it answers in ("": all). Closed, never deleted."""

    __tablename__ = "team"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    languages: Mapped[str] = mapped_column(String(100), default="")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class TeamMember(Base):
    """Who is in a team."""

    __tablename__ = "team_member"

    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    joined_at: Mapped[datetime]


class RoutingRule(Base):
    """One rule of routing; the first that holds wins. Each condition that is given must hold; `danger` "*" is any."""

    __tablename__ = "routing_rule"
    __table_args__ = (Index("ix_routing_rule_place", "place"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    place: Mapped[int]
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    topic: Mapped[str] = mapped_column(String(20), default="")
    danger: Mapped[str] = mapped_column(String(20), default="")
    language: Mapped[str] = mapped_column(String(20), default="")
    made_at: Mapped[datetime]


class CaseTeam(Base):
    """Whose queue a case is in. `team_id` None: somebody said that it is everybody's; `person_id` None: by a rule."""

    __tablename__ = "case_team"
    __table_args__ = (Index("ix_case_team_team", "team_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), primary_key=True, autoincrement=False)
    team_id: Mapped[int | None] = mapped_column(ForeignKey("team.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class CaseNote(Base):
    """What people say to each other inside a case; it never leaves. Kind: note, takeover. `gone_at`: taken out."""

    __tablename__ = "case_note"
    __table_args__ = (Index("ix_case_note_case", "case_id", "id"), Index("ix_case_note_at", "at"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(10), default="note")
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    gone_at: Mapped[datetime | None]


class Mention(Base):
    """A person who was called in by a note; answered by a note of theirs in the case, or put aside."""

    __tablename__ = "mention"
    __table_args__ = (
        Index("ix_mention_person", "person_id", "answered_at"),
        Index("ix_mention_case", "case_id", "person_id"),
    )

    note_id: Mapped[int] = mapped_column(ForeignKey("case_note.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class Label(Base):
    """A word that people put on cases, from a list that managers keep. Closed, never deleted."""

    __tablename__ = "label"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class CaseLabel(Base):
    """A label on a case."""

    __tablename__ = "case_label"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), primary_key=True, autoincrement=False)
    label_id: Mapped[int] = mapped_column(ForeignKey("label.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class Presence(Base):
    """Somebody has a case open: since when, seen last, and typing last. Old rows mean nothing and go."""

    __tablename__ = "presence"
    __table_args__ = (Index("ix_presence_seen", "seen_at"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
    typing_at: Mapped[datetime | None]


class Bulk(Base):
    """One decision on many cases. State: asked doing done undoing undone.

    `choice` is what its verb needs: until, label, team.
    """

    __tablename__ = "bulk"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    verb: Mapped[str] = mapped_column(String(12))
    choice: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(10), default="asked")
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class BulkItem(Base):
    """A case of a bulk decision, with the version its person saw.

    Outcome: "" (not yet), done, same (it was so already), stale, held (by somebody else), undone, kept (not undone,
    because somebody acted since). `kept` is what it takes to take it back.
    """

    __tablename__ = "bulk_item"
    __table_args__ = (UniqueConstraint("bulk_id", "case_id"), Index("ix_bulk_item_outcome", "bulk_id", "outcome"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    bulk_id: Mapped[int] = mapped_column(ForeignKey("bulk.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    version: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(10), default="")
    kept: Mapped[dict[str, Any]] = mapped_column(default=dict)
