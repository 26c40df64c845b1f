"""The audit log: an HMAC-SHA256 chain with a signed head.

Each entry's mac covers its own fields and the mac before it; the head, signed apart, covers the last number and mac,
so that a changed, missing, reordered or cut-off entry shows. Appending locks the head: one sealer at a time. The key
is random, made with the first entry and kept sealed in the head row; `export_head` gives what a person keeps
elsewhere, against somebody who restores an old head together with a cut tail.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from service.db.deliveries import insert_new
from service.db.models import AuditEntry, AuditHead
from service.vault import Vault

_GENESIS = "0" * 64
_BLOCK = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What is written. `before` and `after` are any JSON values; only their salted digests are kept."""

    kind: str
    actor: str
    subject: str
    reason: str = ""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with the chain, at an entry's number (0: the head)."""

    seq: int
    problem: str


def append(session: Session, vault: Vault, entry: Entry, now: datetime) -> AuditEntry:
    """Adds an entry in the caller's transaction."""
    head = _locked_head(session)
    if head is None:
        insert_new(session, AuditHead, [_new_head(vault)])  # another may make the first entry at this moment
        head = _locked_head(session)
        assert head is not None
    key = vault.open(head.sealed_key).encode()
    row = AuditEntry(
        seq=head.seq + 1,
        at=now,
        kind=entry.kind,
        actor=entry.actor,
        subject=entry.subject,
        reason=entry.reason,
        before=_digest(key, entry.before),
        after=_digest(key, entry.after),
        mac="",
    )
    row.mac = _mac(key, head.mac, row)
    head.seq, head.mac = row.seq, row.mac
    head.signature = _sign(key, head.seq, head.mac)
    session.add(row)
    session.flush()
    return row


def verify(session: Session, vault: Vault, exported: str = "") -> list[Finding]:
    """Every problem of the chain, empty when it is whole. `exported` is an earlier `export_head`."""
    # Asked before the head, so that a first entry made at this moment is not taken for one whose head is gone.
    begun = session.scalar(select(AuditEntry.seq).limit(1)) is not None or bool(exported)
    head = session.get(AuditHead, 1)
    if head is None:
        return [Finding(0, "the head is missing, though entries exist or existed")] if begun else []
    key = vault.open(head.sealed_key).encode()
    findings = list(_walk(session, key, head))
    if not hmac.compare_digest(head.signature, _sign(key, head.seq, head.mac)):
        findings.append(Finding(0, "the head's signature is wrong"))
    return findings + _against_export(session, key, head, exported)


def export_head(session: Session) -> str:
    """The signed head as text, to be kept elsewhere."""
    head = session.get(AuditHead, 1)
    return f"{head.seq}:{head.mac}:{head.signature}" if head else ""


def reseal(session: Session, vault: Vault) -> None:
    """Puts the chain's key under the newest secret."""
    head = _locked_head(session)
    if head is not None:
        head.sealed_key = vault.reseal(head.sealed_key)


def _locked_head(session: Session) -> AuditHead | None:
    return session.scalars(select(AuditHead).where(AuditHead.id == 1).with_for_update()).one_or_none()


def _walk(session: Session, key: bytes, head: AuditHead) -> Iterator[Finding]:
    expected, previous = 1, _GENESIS
    # Plain rows: as objects they take twice as long.
    query = select(*AuditEntry.__table__.columns).where(AuditEntry.seq <= head.seq).order_by(AuditEntry.seq)
    rows = session.execute(query).yield_per(_BLOCK)
    for row in rows:
        if row.seq != expected:
            yield Finding(row.seq, f"entries {expected} to {row.seq - 1} are missing")
        if not hmac.compare_digest(row.mac, _mac(key, previous, row)):
            yield Finding(row.seq, "does not follow from the entry before it: changed, moved or replaced")
        expected, previous = row.seq + 1, row.mac
    if expected != head.seq + 1:
        yield Finding(head.seq, f"the log ends at {expected - 1}, the head names {head.seq}: its tail was cut off")
    elif previous != head.mac:
        yield Finding(head.seq, "the last entry is not the one that the head names")
    yield from _after_the_head(session)


def _after_the_head(session: Session) -> Iterator[Finding]:
    """One statement sees head and entries at one moment, also while others append."""
    last = select(func.max(AuditEntry.seq)).scalar_subquery()
    named, found = session.execute(select(AuditHead.seq, last).where(AuditHead.id == 1)).one()
    if found is not None and found > named:
        yield Finding(found, f"stands after entry {named}, which the head names as the last")


def _against_export(session: Session, key: bytes, head: AuditHead, exported: str) -> list[Finding]:
    if not exported:
        return []
    parts = exported.strip().split(":")
    formed = len(parts) == 3 and parts[0].isdigit()
    if not formed or not hmac.compare_digest(parts[2], _sign(key, int(parts[0]), parts[1])):
        return [Finding(0, "the exported head was not signed by this log")]
    seq, mac = int(parts[0]), parts[1]
    row = session.get(AuditEntry, seq)
    if seq > head.seq or row is None or row.mac != mac:
        return [Finding(seq, "the log does not hold the entry that the exported head names: its tail was cut off")]
    return []


def _new_head(vault: Vault) -> dict[str, Any]:
    key = secrets.token_hex(32)
    signature = _sign(key.encode(), 0, _GENESIS)
    return {"id": 1, "seq": 0, "mac": _GENESIS, "signature": signature, "sealed_key": vault.seal(key)}


def _digest(key: bytes, value: Any) -> str:
    if value is None:
        return ""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hmac.new(key, b"value:" + canonical.encode(), hashlib.sha256).hexdigest()


def _mac(key: bytes, previous: str, row: AuditEntry | Row[*tuple[Any, ...]]) -> str:
    fields = [row.seq, row.at.isoformat(), row.kind, row.actor, row.subject, row.before, row.after, row.reason]
    return hmac.new(key, (previous + json.dumps(fields, ensure_ascii=False)).encode(), hashlib.sha256).hexdigest()


def _sign(key: bytes, seq: int, mac: str) -> str:
    return hmac.new(key, f"head:{seq}:{mac}".encode(), hashlib.sha256).hexdigest()
