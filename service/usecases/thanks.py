"""Thanks: the public page of a community's rock stars. Only who holds a grant and said yes themselves stands on it.

No figures, no order but the alphabet's: thanks are not won by volume. Who says no, is erased, asked not to be read or
holds nothing any more is gone from it with the next look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput, NotAllowed
from moderation.grants import GrantState
from moderation.model import AuthorRole
from moderation.trust import Against
from service.db.audit import Entry, append
from service.db.grant_tables import GrantRow
from service.db.models import Author, Community, Connection, Person
from service.db.thanks_tables import Badge, Listing
from service.db.trust_tables import StandingRow
from service.db.unread import OPTED_OUT, closed_among
from service.deps import Deps
from service.usecases.badges import GIVEN
from service.usecases.people import Known
from service.usecases.proofs import authors_of, is_author
from service.usecases.public_answers import Answer, answers
from service.usecases.reputation import area_names
from service.usecases.ties import ties_of

#: The most areas and answers that are shown of one member.
AREAS, ANSWERS = 3, 3
#: Ties to the brand: who has one is no independent member, and is thanked elsewhere.
_TIED = frozenset({Against.STAFF, Against.PARTNER, Against.PAID, Against.BOT})


@dataclass(frozen=True, slots=True)
class Star:
    """A rock star as everybody sees them. `places` are where they hold a grant, `good_at` other areas of theirs."""

    author_id: int
    name: str
    handle: str
    url: str
    connection: str
    places: tuple[str, ...]
    good_at: tuple[str, ...]
    since: datetime
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class _Held:
    """A grant of somebody's; `place` "" is the whole connection, or a closed community, which is not named."""

    grant: GrantRow
    author: Author
    connection: str
    place: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """An account of somebody's that could be named in public, whether it is, and whether it wears the badge."""

    author_id: int
    handle: str
    connection: str
    shown: bool
    badge: bool = False


# ------------------------------------------------------------------ the public page


def stars(deps: Deps) -> tuple[Star, ...]:
    """Everybody who is named, by name."""
    now = deps.now()
    with deps.store.read() as session:
        held: defaultdict[int, list[_Held]] = defaultdict(list)
        for grant, author, connection, place, closed in session.execute(_named(now)):
            held[author.id].append(_Held(grant, author, connection, place if not closed else ""))
        hidden = _hidden(deps, session, [rows[0].author for rows in held.values()])
        best, areas = _best(session, held), _areas(session, held)
        found = [_star(rows, areas, best) for author, rows in held.items() if author not in hidden]
    return tuple(sorted(found, key=lambda star: (star.name.casefold(), star.author_id)))


def by_place(found: Iterable[Star]) -> list[tuple[str, list[Star]]]:
    """Stars under each place where they hold a grant; who holds two stands in both."""
    places: defaultdict[str, list[Star]] = defaultdict(list)
    for star in found:
        for place in star.places:
            places[place].append(star)
    return sorted(places.items(), key=lambda pair: pair[0].casefold())


def _named(now: datetime) -> Select[GrantRow, Author, str, str, bool]:
    """Active grants of who agreed to be named: the very person who holds the grant, and still signs in."""
    return (
        select(GrantRow, Author, Connection.name, Community.name, Community.restricted)
        .join(Listing, (Listing.author_id == GrantRow.author_id) & (Listing.person_id == GrantRow.person_id))
        .join(Person, Person.id == GrantRow.person_id)
        .join(Author, Author.id == GrantRow.author_id)
        .join(Connection, Connection.id == GrantRow.connection_id)
        .outerjoin(Community, Community.id == GrantRow.community_id)
        .where(Listing.shown.is_(True), Person.active.is_(True), *_holds(now))
        .order_by(GrantRow.starts_at, GrantRow.id)
    )


def _holds(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return GrantRow.state == GrantState.ACTIVE, GrantRow.starts_at <= now, GrantRow.ends_at > now


def _hidden(deps: Deps, session: Session, authors: Collection[Author]) -> set[int]:
    """Who is tied to the brand, or asked not to be read."""
    ties = ties_of(session, {a.id: a for a in authors}, "")
    found = {a.id for a in authors if a.role in (AuthorRole.BRAND, AuthorRole.STAFF) or _TIED & {*ties[a.id].against}}
    for connection_id in {a.connection_id for a in authors}:
        there = {a.remote_id: a.id for a in authors if a.connection_id == connection_id}
        closed = closed_among(session, deps.vault, connection_id, there)
        found |= {there[remote_id] for remote_id, why in closed.items() if why.why == OPTED_OUT}
    return found


def _star(
    rows: list[_Held],
    areas: dict[int, tuple[str, ...]],
    best: dict[int, tuple[Answer, ...]],
) -> Star:
    author, connection = rows[0].author, rows[0].connection
    places = tuple(dict.fromkeys(row.place or connection for row in rows))
    return Star(
        author.id,
        author.name or author.handle,
        author.handle,
        author.url,
        connection,
        places,
        tuple(area for area in areas.get(author.id, ()) if area not in places)[:AREAS],
        min(row.grant.starts_at or row.grant.made_at for row in rows),
        best.get(author.id, ()),
    )


def _areas(session: Session, authors: Collection[int]) -> dict[int, tuple[str, ...]]:
    """What else each is good at, the best first. Neither closed communities nor those of another account of theirs."""
    names = area_names(session)
    rows = session.execute(select(Community.id, Community.connection_id).where(Community.restricted.is_(False)))
    there = {f"community:{number}": connection for number, connection in rows}
    found: defaultdict[int, list[str]] = defaultdict(list)
    query = (
        select(StandingRow.author_id, StandingRow.area, Author.connection_id)
        .join(Author, Author.id == StandingRow.author_id)
        .where(StandingRow.author_id.in_(list(authors)), StandingRow.area != "", StandingRow.score > 0)
    )
    for author, area, connection in session.execute(query.order_by(StandingRow.score.desc(), StandingRow.area)):
        elsewhere = area.startswith("community:") and there.get(area) != connection
        if area in names and not elsewhere:
            found[author].append(names[area])
    return {author: tuple(dict.fromkeys(mine)) for author, mine in found.items()}


def _best(session: Session, authors: Collection[int]) -> dict[int, tuple[Answer, ...]]:
    """Their best answers that everybody can read."""
    query = select(StandingRow.author_id, StandingRow.facts)
    rows = session.execute(query.where(StandingRow.author_id.in_(list(authors)), StandingRow.area == "")).all()
    wanted = {author: [(thread, remote) for thread, remote in facts.get("best", ())] for author, facts in rows}
    known = answers(session, {pair for pairs in wanted.values() for pair in pairs})
    there = {author: [known[pair] for pair in pairs if pair in known] for author, pairs in wanted.items()}
    return {author: tuple(one for one in mine if one.author_id == author)[:ANSWERS] for author, mine in there.items()}


# ------------------------------------------------------------------ their own decision


def choices(deps: Deps, by: Known) -> list[Choice]:
    """The accounts that somebody has proven and could have named, or has."""
    now = deps.now()
    with deps.store.read() as session:
        holds = select(GrantRow.author_id).where(GrantRow.person_id == by.id, *_holds(now))
        named = select(Listing.author_id).where(Listing.person_id == by.id, Listing.shown.is_(True))
        wanted = authors_of(session, by.id) & {*session.scalars(holds), *session.scalars(named)}
        query = (
            select(Author.id, Author.handle, Connection.name)
            .join(Connection, Connection.id == Author.connection_id)
            .where(Author.id.in_(wanted))
        )
        shown = set(session.scalars(named))
        worn = set(session.scalars(select(Badge.author_id).where(Badge.author_id.in_(wanted), Badge.state == GIVEN)))
        rows = session.execute(query.order_by(Connection.name, Author.id)).all()
        return [Choice(i, handle, connection, i in shown, i in worn) for i, handle, connection in rows]


def decide(deps: Deps, author_id: int, shown: bool, by: Known) -> None:
    """Names an account in public, or takes it off. Their own decision: nobody else's, a manager's neither.

    Raises NotAllowed for somebody else's account, BadInput for one that holds no grant.
    """
    now = deps.now()
    with deps.store.write() as session:
        if session.get(Author, author_id) is None or not is_author(session, by.id, author_id):
            raise NotAllowed("Only the person whose account it is can decide whether it is named.")
        holds = select(GrantRow.id).where(GrantRow.author_id == author_id, GrantRow.person_id == by.id, *_holds(now))
        if shown and session.scalar(holds.limit(1)) is None:
            raise BadInput("Only an account that holds rights at the moment can be named.")
        row = session.get(Listing, author_id, with_for_update=True)
        before = row is not None and row.shown and row.person_id == by.id
        if row is None:
            row = Listing(author_id=author_id)
            session.add(row)
        row.person_id, row.shown, row.changed_at = by.id, shown, now
        session.flush()
        verb = "star:show" if shown else "star:hide"
        append(session, deps.vault, Entry(verb, by.actor, f"author:{author_id}", "", before, shown), now)
