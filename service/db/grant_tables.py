"""Tables of delegated rights: grants, what they want on the platforms, what was found there, acts done by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class GrantRow(Base):
    """A grant to an author (see moderation.grants). `person_id` is whoever accepted it, signed in as that author.

    `days` is its term, which begins when it is accepted; before that, `offer_ends_at` is the last moment to accept.
    `reason` says why it stands as it stands.
    """

    __tablename__ = "rights_grant"
    __table_args__ = (
        Index("ix_rights_grant_person", "person_id", "state"),
        Index("ix_rights_grant_author", "author_id", "state"),
        Index("ix_rights_grant_end", "state", "ends_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    tag: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    template: Mapped[str] = mapped_column(String(20), default="")
    capabilities: Mapped[list[Any]]
    days: Mapped[int]
    hourly: Mapped[int]
    daily: Mapped[int]
    silence_hours: Mapped[int] = mapped_column(default=0)
    evidence: Mapped[list[Any]] = mapped_column(default=list)
    message: Mapped[str] = mapped_column(Text, default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    proposer_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime]
    offer_ends_at: Mapped[datetime | None]
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class PlatformRight(Base):
    """What an author should be able to do in a community on its platform. State: giving, held, here, taking, gone.

    `turn` counts each change of what is wanted: an answer that comes after another turn changes nothing. Nobody else
    calls before `busy_until`. Until `unsure_until` a right may still appear, because a call was never answered.
    """

    __tablename__ = "platform_right"
    __table_args__ = (
        UniqueConstraint("author_id", "community_id"),
        Index("ix_platform_right_due", "state", "due_at"),
        Index("ix_platform_right_community", "community_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    state: Mapped[str] = mapped_column(String(10))
    turn: Mapped[int] = mapped_column(default=1)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime]
    due_at: Mapped[datetime]
    busy_until: Mapped[datetime | None]
    unsure_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]


class Drift(Base):
    """A right found on a platform, or missed there, against the ledger. Kind: foreign, missing, lingering.

    A person may say of a foreign one that it is known; then it is shown apart.
    """

    __tablename__ = "drift"
    __table_args__ = (UniqueConstraint("community_id", "kind", "holder", "via"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"))
    kind: Mapped[str] = mapped_column(String(10))
    holder: Mapped[str] = mapped_column(String(300))
    handle: Mapped[str] = mapped_column(String(300), default="")
    via: Mapped[str] = mapped_column(String(120), default="")
    seen_at: Mapped[datetime]
    checked_at: Mapped[datetime]
    known_by: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class RightsCheck(Base):
    """When the rights of a community were last compared with the ledger, and what stood in the way."""

    __tablename__ = "rights_check"

    community_id: Mapped[int] = mapped_column(ForeignKey("community.id"), primary_key=True, autoincrement=False)
    due_at: Mapped[datetime] = mapped_column(index=True)
    checked_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="")


class ModerationAct(Base):
    """What an action of moderation is about and why; one row for each action that touches what others wrote.

    `grant_id` is the grant that it was asked for with, `undoes_id` the action it takes back: as `planned` when that was
    asked for, or because somebody wanted it. `ends_at` is when an act ends by itself. `rank` is how high whoever asked
    for it stood then (see moderation.policy.RANKS): what somebody did is taken back by nobody who stands lower.
    `waits` means that it needs a second person's yes. `automated`: asked for by a rule that a person switched on. `law`
    is the one under which what it is about is illegal ("": it breaks the community's rules).
    """

    __tablename__ = "moderation_act"
    __table_args__ = (
        Index("ix_moderation_act_grant", "grant_id", "at"),
        Index("ix_moderation_act_author", "author_id"),
        Index("ix_moderation_act_undoes", "undoes_id"),
    )

    action_id: Mapped[int] = mapped_column(ForeignKey("action.id"), primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    grant_id: Mapped[int | None] = mapped_column(ForeignKey("rights_grant.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("author.id"))
    community_id: Mapped[int | None] = mapped_column(ForeignKey("community.id"))
    second_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    hours: Mapped[int | None]
    reason: Mapped[str] = mapped_column(Text)
    undoes_id: Mapped[int | None] = mapped_column(ForeignKey("action.id"))
    planned: Mapped[bool] = mapped_column(default=False)
    ends_at: Mapped[datetime | None]
    rank: Mapped[int] = mapped_column(default=0, server_default="0")
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("community_rule.id"))
    waits: Mapped[bool] = mapped_column(default=False, server_default=false())
    automated: Mapped[bool] = mapped_column(default=False, server_default=false())
    law: Mapped[str] = mapped_column(String(200), default="", server_default=text("''"))
