"""Tables of people who sign in: their sessions, second factors, passkeys, recovery codes, links and locks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.db.base import Base, Id


class SignIn(Base):
    """One session of a person; only its token's digest is kept. `proven_at`: when they last showed who they are."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    method: Mapped[str] = mapped_column(String(20))
    agent: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    proven_at: Mapped[datetime]


class CodeFactor(Base):
    """A secret for codes by time (RFC 6238), sealed. `last_step` is the newest time step that was used.

    Until `confirmed_at` it is being set up, and proves nothing.
    """

    __tablename__ = "code_factor"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(Id, default=0)
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]


class RecoveryCode(Base):
    """A code for the day when the telephone is gone; works once."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("person_id", "digest"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    digest: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A public key of a person's device (WebAuthn). `credential` is its id as base64url, `site` the RP ID."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    credential: Mapped[str] = mapped_column(String(1400), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    site: Mapped[str] = mapped_column(String(255))
    sign_count: Mapped[int] = mapped_column(Id, default=0)
    transports: Mapped[list[Any]] = mapped_column(default=list)
    name: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SpentChallenge(Base):
    """A challenge that a passkey answered: it proves nothing a second time."""

    __tablename__ = "spent_challenge"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    spent_at: Mapped[datetime] = mapped_column(index=True)


class EntryLink(Base):
    """A link that lets somebody set their password once: an invitation, or help for who forgot it."""

    __tablename__ = "entry_link"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class GuessLock(Base):
    """Wrong tries at a name, whether somebody has it or not; `who` is a keyed digest of what was typed.

    `tries` are seconds since the epoch; `locks` counts locks in a row, each twice as long as the one before.
    """

    __tablename__ = "guess_lock"

    who: Mapped[str] = mapped_column(String(64), primary_key=True)
    tries: Mapped[list[Any]] = mapped_column(default=list)
    locks: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    changed_at: Mapped[datetime] = mapped_column(index=True)
