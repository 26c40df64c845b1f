"""Independence: who is tied to the brand, by the platform's word, by their address, or because somebody declared it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import AuthorRole
from moderation.trust import Against
from service.db import trust
from service.db.audit import Entry, append
from service.db.models import Author
from service.db.standings import at_domain
from service.db.trust_tables import Product, TrustMark
from service.deps import Deps

#: What can be declared of somebody. A conflict of interest counts in the area it names only.
KINDS = (Against.STAFF, Against.PARTNER, Against.PAID, Against.CONFLICT)
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}\Z")


@dataclass(frozen=True, slots=True)
class Ties:
    """What speaks against an account's independence, and the marks that say so."""

    against: tuple[Against, ...]
    marks: tuple[TrustMark, ...]


def ties_of(session: Session, authors: Mapping[int, Author], area: str) -> dict[int, Ties]:
    """The ties of each author. A conflict of interest is shown always and counts in its own area."""
    marks = session.scalars(select(TrustMark).where(TrustMark.ended_at.is_(None)).order_by(TrustMark.id)).all()
    found = {}
    for number, author in authors.items():
        mine = tuple(m for m in marks if m.author_id == number or (m.domain and at_domain(author.handle, m.domain)))
        counted = [Against(m.kind) for m in mine if m.kind != Against.CONFLICT or m.area == area]
        found[number] = Ties((*_by_platform(author), *counted), mine)
    return found


def _by_platform(author: Author) -> list[Against]:
    ours = author.role in (AuthorRole.BRAND, AuthorRole.STAFF)
    return [Against.STAFF] * ours + [Against.BOT] * author.bot


def mark(deps: Deps, author_id: int, kind: str, area: str, reason: str, actor: str) -> int:
    """Declares a tie of an author. Raises BadInput for what is unknown, a conflict without an area, no reason."""
    _refuse(kind, reason)
    if (kind == Against.CONFLICT) != bool(area):
        raise BadInput("A conflict of interest names the area in which it counts; other ties count everywhere.")
    with deps.store.write() as session:
        if session.get(Author, author_id) is None:
            raise BadInput("There is no such author.")
        return _add(deps, session, TrustMark(author_id=author_id, kind=kind, area=area[:120]), reason, actor)


def mark_domain(deps: Deps, domain: str, kind: str, reason: str, actor: str) -> int:
    """Declares a tie of everybody whose address is at a domain. Raises BadInput."""
    _refuse(kind, reason)
    named = domain.strip().casefold().removeprefix("@")
    if kind == Against.CONFLICT or not _DOMAIN.match(named):
        raise BadInput("Name a domain like brava.example, and whether its people are staff, partners or paid.")
    with deps.store.write() as session:
        return _add(deps, session, TrustMark(domain=named, kind=kind), reason, actor)


def end_mark(deps: Deps, mark_id: int, reason: str, actor: str) -> None:
    """Takes a mark back; that it stood is kept. Raises BadInput."""
    if not reason.strip():
        raise BadInput("Say why: it stays in the log.")
    with deps.store.write() as session:
        row = session.get(TrustMark, mark_id)
        if row is None or row.ended_at is not None:
            raise BadInput("There is no such mark, or somebody was faster.")
        row.ended_at = deps.now()
        _touch(session, row)
        _note(deps, session, "trust:unmark", row, reason, actor)


def domains(deps: Deps) -> list[TrustMark]:
    """Domains whose people are tied to the brand."""
    query = select(TrustMark).where(TrustMark.ended_at.is_(None), TrustMark.domain != "").order_by(TrustMark.domain)
    with deps.store.read() as session:
        return list(session.scalars(query))


def products(deps: Deps) -> list[str]:
    """Products that threads are recognised by."""
    with deps.store.read() as session:
        return list(session.scalars(select(Product.name).order_by(Product.name)))


def set_products(deps: Deps, names: list[str], actor: str) -> None:
    """Replaces the list; every thread is read again. Raises BadInput for a name that cannot be looked for."""
    wanted = sorted({" ".join(name.split()) for name in names if name.strip()})
    if any(len(name) > 80 for name in wanted) or len(wanted) > 200:
        raise BadInput("At most 200 products, each of at most 80 characters.")
    with deps.store.write() as session:
        kept = {row.name: row for row in session.scalars(select(Product))}
        for name in kept.keys() - set(wanted):
            session.delete(kept[name])
        session.add_all(Product(name=name, added_at=deps.now()) for name in wanted if name not in kept)
        if set(wanted) != set(kept):
            trust.touch_all(session)
            entry = Entry("trust:products", actor, "products", "", sorted(kept), wanted)
            append(session, deps.vault, entry, deps.now())


def _refuse(kind: str, reason: str) -> None:
    if kind not in KINDS:
        raise BadInput(f"A tie is one of: {', '.join(KINDS)}.")
    if not reason.strip():
        raise BadInput("Say why: it stays in the log.")


def _add(deps: Deps, session: Session, row: TrustMark, reason: str, actor: str) -> int:
    row.reason, row.marked_by, row.marked_at = reason.strip()[:500], actor, deps.now()
    session.add(row)
    session.flush()
    _touch(session, row)
    _note(deps, session, "trust:mark", row, row.reason, actor)
    return row.id


def _touch(session: Session, row: TrustMark) -> None:
    """Praise of the brand's own counts little: whom they praised is counted anew."""
    if row.kind == Against.CONFLICT:
        return
    authors = {row.author_id} if row.author_id else set()
    if row.domain:
        there = select(Author.id, Author.handle).where(Author.handle.icontains(row.domain, autoescape=True))
        authors |= {number for number, handle in session.execute(there) if at_domain(handle, row.domain)}
    trust.touch_praised_by(session, authors)


def _note(deps: Deps, session: Session, kind: str, row: TrustMark, reason: str, actor: str) -> None:
    what = {"author": row.author_id, "domain": row.domain, "kind": row.kind, "area": row.area}
    subject = f"author:{row.author_id}" if row.author_id else f"domain:{row.domain}"
    entry = Entry(kind, actor, subject, f"{row.kind}: {reason.strip()[:500]}", after=what)
    append(session, deps.vault, entry, deps.now())
