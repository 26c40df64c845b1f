"""Second factors: codes by time (RFC 6238) and recovery codes. Passkeys have a module of their own.

A code counts once: the newest time step that was used is kept, and nothing at or before it is taken again.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from datetime import datetime

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import CursorResult, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from service.db.audit import Entry, append
from service.db.models import Person
from service.db.people_tables import CodeFactor, Passkey, RecoveryCode
from service.deps import Deps
from service.usecases.people import Known, named, sign_out
from service.vault import token_digest

RECOVERY_CODES = 10
#: Steps of 30 s that a telephone's clock may be wrong, either way.
_SLACK = 1
#: Without letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 6, 4


@dataclass(frozen=True, slots=True)
class PasskeyShown:
    """A passkey as its person sees it."""

    id: int
    name: str
    site: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has beside their password. `begun`: codes are being set up. `recovery` counts codes left."""

    codes: bool
    begun: bool
    recovery: int
    passkeys: tuple[PasskeyShown, ...]

    @property
    def second(self) -> bool:
        return self.codes or bool(self.passkeys)


def of_person(deps: Deps, person_id: int) -> Factors:
    """What a person has."""
    with deps.store.read() as session:
        row = session.get(CodeFactor, person_id)
        keys = session.scalars(select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.id)).all()
        left = select(func.count()).where(RecoveryCode.person_id == person_id, RecoveryCode.used_at.is_(None))
        recovery = session.scalar(left) or 0
    shown = tuple(PasskeyShown(k.id, k.name, k.site, k.created_at, k.used_at) for k in keys)
    confirmed = row is not None and row.confirmed_at is not None
    return Factors(confirmed, row is not None and not confirmed, recovery, shown)


def has_second(deps: Deps, person_id: int) -> bool:
    """Whether a password alone does not let this person in."""
    codes = exists().where(CodeFactor.person_id == person_id, CodeFactor.confirmed_at.is_not(None))
    keys = exists().where(Passkey.person_id == person_id)
    with deps.store.read() as session:
        return bool(session.scalar(select(or_(codes, keys))))


# ------------------------------------------------------------------ setting up


def begin_codes(deps: Deps, known: Known) -> None:
    """A new secret that proves nothing until it is confirmed. Raises BadInput when codes are on."""
    sealed = deps.vault.seal(pyotp.random_base32())
    with deps.store.write() as session:
        row = session.get(CodeFactor, known.id)
        if row is not None and row.confirmed_at is not None:
            raise BadInput("Codes are on already. Switch them off first.")
        row = row or CodeFactor(person_id=known.id)
        row.sealed, row.last_step, row.created_at = sealed, 0, deps.now()
        session.add(row)


def begun(deps: Deps, known: Known) -> tuple[str, str] | None:
    """The secret that is being set up, and its address for an app; None once it is confirmed: it is not shown again."""
    with deps.store.read() as session:
        row = session.get(CodeFactor, known.id)
    if row is None or row.confirmed_at is not None:
        return None
    secret = deps.vault.open(row.sealed)
    return secret, pyotp.TOTP(secret).provisioning_uri(name=known.username, issuer_name="Tenth")


def picture(address: str) -> bytes:
    """An address as a QR code, SVG, black on white whatever the page's colours are."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(out, kind="svg", scale=5, dark="#000", light="#fff", xmldecl=False)
    return out.getvalue()


def confirm_codes(deps: Deps, known: Known, code: str) -> bool:
    """Switches codes on when `code` is right; it is used by that."""
    with deps.store.write() as session:
        row = session.get(CodeFactor, known.id)
        step = _step(deps, row, code) if row is not None and row.confirmed_at is None else None
        if row is None or step is None:
            return False
        row.confirmed_at, row.last_step = deps.now(), step
        _note(deps, session, known, "person:codes_on")
    return True


def remove_codes(deps: Deps, known: Known) -> None:
    """Switches codes off."""
    with deps.store.write() as session:
        session.execute(delete(CodeFactor).where(CodeFactor.person_id == known.id))
        forget_alone(session, known.id)
        _note(deps, session, known, "person:codes_off")


def make_recovery_codes(deps: Deps, known: Known) -> list[str]:
    """New codes in the place of the old ones; only their digests are kept, so they are shown this once."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    with deps.store.write() as session:
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == known.id))
        session.add_all(RecoveryCode(person_id=known.id, digest=_recovery_digest(known.id, c)) for c in codes)
        _note(deps, session, known, "person:recovery_codes")
    return codes


def forget_alone(session: Session, person_id: int) -> None:
    """Recovery codes stand in for a second factor: with the last one they go."""
    for table in (CodeFactor, Passkey):
        if session.scalar(select(table.person_id).where(table.person_id == person_id).limit(1)) is not None:
            return
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person_id))


def reset(deps: Deps, username: str, actor: str = "system") -> None:
    """Takes every second factor from a person who lost theirs, and signs them out. Raises BadInput."""
    with deps.store.write() as session:
        reset_in(deps, session, named(session, username), actor)


def reset_in(deps: Deps, session: Session, person: Person, actor: str) -> None:
    """The same in the caller's transaction, which has asked whether that is allowed."""
    for table in (CodeFactor, Passkey, RecoveryCode):
        session.execute(delete(table).where(table.person_id == person.id))
    sign_out(session, person)
    append(session, deps.vault, Entry("person:reset_factors", actor, f"person:{person.id}"), deps.now())


# ------------------------------------------------------------------ using


def spend(deps: Deps, known: Known, typed: str) -> str | None:
    """ "code" or "recovery" when `typed` is one that is right and was not used before; it is used by that."""
    typed = "".join(typed.split())[:40]
    if typed.isascii() and typed.isdecimal():
        return "code" if _spend_code(deps, known, typed) else None
    return "recovery" if _spend_recovery(deps, known, typed) else None


def _spend_code(deps: Deps, known: Known, code: str) -> bool:
    with deps.store.write() as session:
        row = session.get(CodeFactor, known.id)
        step = _step(deps, row, code) if row is not None and row.confirmed_at is not None else None
        if step is None:
            return False
        later = update(CodeFactor).where(CodeFactor.person_id == known.id, CodeFactor.last_step < step)
        return _changed(session.execute(later.values(last_step=step)))


def _spend_recovery(deps: Deps, known: Known, code: str) -> bool:
    unused = (RecoveryCode.digest == _recovery_digest(known.id, code)) & RecoveryCode.used_at.is_(None)
    with deps.store.write() as session:
        used = session.execute(
            update(RecoveryCode).where(RecoveryCode.person_id == known.id, unused).values(used_at=deps.now())
        )
        if _changed(used):
            _note(deps, session, known, "person:recovery_used")
        return _changed(used)


def _step(deps: Deps, row: CodeFactor | None, code: str) -> int | None:
    """The time step that a code belongs to; None when it belongs to none near this moment."""
    if row is None:
        return None
    try:
        totp = pyotp.TOTP(deps.vault.open(row.sealed))
        return totp.verify_and_get_timecode(code, for_time=deps.now(), valid_window=_SLACK)
    except OTPVerificationError:
        return None


def _recovery_code() -> str:
    """About 119 random bits, in groups that can be read aloud."""
    letters = ["".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS)]
    return "-".join(letters)


def _recovery_digest(person_id: int, code: str) -> str:
    plain = "".join(c for c in code.lower() if c in _ALPHABET)
    return token_digest(f"{person_id}:{plain}")


def _note(deps: Deps, session: Session, known: Known, kind: str) -> None:
    append(session, deps.vault, Entry(kind, known.actor, f"person:{known.id}"), deps.now())


def _changed(result: object) -> bool:
    return isinstance(result, CursorResult) and result.rowcount == 1
