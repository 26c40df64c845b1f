"""Tables of identities proven elsewhere: at an OpenID provider, on a platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class Identity(Base):
    """Who a person is elsewhere: `subject` according to `issuer`. `handle` is what people call it, and may change."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("provider", "issuer", "subject"), Index("ix_identity_person", "person_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    provider: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[str] = mapped_column(String(300))
    subject: Mapped[str] = mapped_column(String(300))
    handle: Mapped[str] = mapped_column(String(300), default="")
    linked_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class RemoteApp(Base):
    """What a server knows Tenth as. `sealed` holds its client's name and secret; `scope` is what may be asked for."""

    __tablename__ = "remote_app"
    __table_args__ = (UniqueConstraint("issuer", "redirect_uri", "scope"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    issuer: Mapped[str] = mapped_column(String(300))
    redirect_uri: Mapped[str] = mapped_column(String(500))
    scope: Mapped[str] = mapped_column(String(300))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]


class ForumSecret(Base):
    """The DiscourseConnect secret that a forum, as provider, shares with us."""

    __tablename__ = "forum_secret"

    issuer: Mapped[str] = mapped_column(String(300), primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    set_at: Mapped[datetime]


class ExternalFlow(Base):
    """A question on its way: somebody was sent elsewhere and may come back once, in the same browser.

    `purpose` is sign_in, link, connect or mend; `person_id` who asked, where somebody was signed in. `sealed` holds
    what must stay ours: verifier, nonce, private key.
    """

    __tablename__ = "external_flow"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    state_digest: Mapped[str] = mapped_column(String(64), unique=True)
    browser_digest: Mapped[str] = mapped_column(String(64), index=True)
    purpose: Mapped[str] = mapped_column(String(10))
    provider: Mapped[str] = mapped_column(String(20))
    issuer: Mapped[str] = mapped_column(String(300))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(index=True)
