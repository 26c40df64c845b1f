"""Tables of public answers: brand accounts, who may use them, replies from the first word to the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class BrandAccount(Base):
    """An account of the brand on a platform: a credential that nobody sees. State: open refused closed.

    `limits` are what the platform allows a post (`plugins.contract.Limits`). `settings` and `sealed` lie over those of
    the connection; where both are empty, the connection's own account speaks.
    """

    __tablename__ = "brand_account"
    __table_args__ = (UniqueConstraint("connection_id", "handle"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    handle: Mapped[str] = mapped_column(String(200))
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[str] = mapped_column(String(10), default="open")
    error: Mapped[str] = mapped_column(Text, default="")
    checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class AccountLevel(Base):
    """What a person may do with a brand account: draft, send or approve."""

    __tablename__ = "account_level"

    account_id: Mapped[int] = mapped_column(ForeignKey("brand_account.id"), primary_key=True, autoincrement=False)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    level: Mapped[str] = mapped_column(String(10))
    given_at: Mapped[datetime]


class Reply(Base):
    """A public answer. State: draft waiting returned approved sent cancelled deleted.

    `wants` are the reasons why a second person must say yes. `seen_message_id` is the newest message that the writer
    had before their eyes; `overrides` are the reasons given against a guard, by its name. `error` says why it came
    back. What happens on the platform is told by the actions of this reply.
    """

    __tablename__ = "reply"
    __table_args__ = (Index("ix_reply_case", "case_id", "id"), Index("ix_reply_state", "state", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("brand_account.id"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id"))
    writer_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    approver_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(String(12), default="draft")
    version: Mapped[int] = mapped_column(default=1)
    text: Mapped[str] = mapped_column(Text, default="")
    content_warning: Mapped[str] = mapped_column(Text, default="")
    visibility: Mapped[str] = mapped_column(String(20), default="public")
    language: Mapped[str] = mapped_column(String(20), default="")
    send_at: Mapped[datetime | None]
    seen_message_id: Mapped[int | None]
    wants: Mapped[list[Any]] = mapped_column(default=list)
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
    note: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(Text, default="")
    remote_id: Mapped[str | None] = mapped_column(String(300))
    url: Mapped[str] = mapped_column(String(500), default="")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]


class ReplyRevision(Base):
    """One wording of a reply: who wrote it, and with what verb (write, amend, edit)."""

    __tablename__ = "reply_revision"
    __table_args__ = (Index("ix_reply_revision_reply", "reply_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    reply_id: Mapped[int] = mapped_column(ForeignKey("reply.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    verb: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)


class ReplyImage(Base):
    """A picture that goes with a reply. Without words for those who cannot see it, nothing is sent."""

    __tablename__ = "reply_image"
    __table_args__ = (Index("ix_reply_image_reply", "reply_id", "id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    reply_id: Mapped[int] = mapped_column(ForeignKey("reply.id"))
    mime: Mapped[str] = mapped_column(String(40))
    alt: Mapped[str] = mapped_column(Text, default="")
    body: Mapped[bytes] = mapped_column(LargeBinary)


class SavedReply(Base):
    """Words that a team uses again; `{name}` in them must be filled in."""

    __tablename__ = "saved_reply"
    __table_args__ = (UniqueConstraint("name", "language"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    language: Mapped[str] = mapped_column(String(5))
    text: Mapped[str] = mapped_column(Text)
    asks: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime]


class ApprovalRule(Base):
    """When a second person must say yes. Kind: role (of the writer), topic (of the conversation), rule (a rule of
    danger fired), incident (something is going on in the community), amount (money named above it)."""

    __tablename__ = "approval_rule"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(40))
    made_at: Mapped[datetime]
