"""The circle behind a candidate: read for the few that a list looks at, so that its cost does not grow with a forum."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.trust_voices import Circle, circle
from service.db.standings import ours
from service.db.trust import chunks
from service.db.trust_tables import DeedRow, PraiseRow
from service.usecases.same_person import accounts

#: Of those who praised somebody, and of those who dealt with these, the most frequent ones tell.
MOST = 150

Attention = dict[int, Counter[int]]


def circle_of(session: Session, author: int, same: Mapping[int, int]) -> Circle:
    """Who stands behind an author, from praise and from who wrote in whose thread."""
    mine = accounts(author, same)
    query = select(PraiseRow.giver_id, func.count()).where(PraiseRow.author_id.in_(mine))
    praised = session.execute(query.group_by(PraiseRow.giver_id).order_by(func.count().desc(), PraiseRow.giver_id))
    supporters = {same.get(giver, giver) for giver, _ in praised.fetchmany(MOST)} - {author}
    attention = _attention(session, supporters, same)
    met: Counter[int] = Counter()
    for found in attention.values():
        met.update(found)
    near = {b for b, _ in met.most_common(MOST)} - supporters - {author}
    # Whoever is not looked at counts as outside, as the brand's own do.
    outside = ours(session, met) | (set(met) - near - supporters - {author})
    return circle(author, supporters, attention | _attention(session, near, same), outside)


def _attention(session: Session, people: Collection[int], same: Mapping[int, int]) -> Attention:
    """How often each of others wrote in a thread of these people, or praised them."""
    found: defaultdict[int, Counter[int]] = defaultdict(Counter)
    ids = sorted({account for person in people for account in accounts(person, same)})
    for some in chunks(ids):
        wrote = select(DeedRow.asker_id, DeedRow.author_id, func.count()).where(DeedRow.asker_id.in_(some))
        gave = select(PraiseRow.author_id, PraiseRow.giver_id, func.count()).where(PraiseRow.author_id.in_(some))
        for query in (
            wrote.group_by(DeedRow.asker_id, DeedRow.author_id),
            gave.group_by(PraiseRow.author_id, PraiseRow.giver_id),
        ):
            for to, by, count in session.execute(query):
                one, other = same.get(to, to), same.get(by, by)
                if one != other:
                    found[one][other] += count
    return dict(found)
