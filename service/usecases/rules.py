"""A community's rules, as managers write them: what an act names as its reason. A desk starts with a first set.

A rule is never reworded in place: an edit ends it and puts another where it stood, so that whoever was told of it finds
what they were told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.first_rules import FIRST_RULES
from moderation.statements import KEYWORDS, LANGUAGES, category_of
from service.db.audit import Entry, append
from service.db.models import Community
from service.db.redress_tables import Rule
from service.deps import Deps

#: Nobody reads more rules than this.
MOST = 40
TITLE, TEXT = 120, 1000


@dataclass(frozen=True, slots=True)
class Draft:
    """What a manager writes. Titles and texts by language; `community_id` None: for each community."""

    community_id: int | None
    title: Mapping[str, str]
    text: Mapping[str, str]
    category: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule that is in force. `community` is "" for one that holds everywhere."""

    id: int
    community_id: int | None
    community: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    category: str
    made_at: datetime

    def titled(self, locale: str) -> str:
        return in_language(self.title, locale)

    def worded(self, locale: str) -> str:
        return in_language(self.text, locale)


def in_language(words: Mapping[str, str], locale: str) -> str:
    """In that language, or in the one that there is."""
    return words.get(locale) or next((words[other] for other in LANGUAGES if words.get(other)), "")


def ensure_rules(deps: Deps) -> None:
    """Writes the first set, once in a desk's life: what a manager has ended does not come back."""
    with deps.store.read() as session:
        if session.scalar(select(Rule.id).limit(1)) is not None:
            return
    with deps.store.write() as session:
        # The audit log is written by one at a time: whoever is second finds the rules there.
        append(session, deps.vault, Entry("rule:begin", "system", "rules"), deps.now())
        if session.scalar(select(Rule.id).limit(1)) is None:
            for position, first in enumerate(FIRST_RULES, 1):
                _write(deps, session, Draft(None, first.title, first.text, first.category), position, "system")


def rules_of(deps: Deps, community_id: int | None) -> list[Shown]:
    """The rules that hold in a community: those for all, then its own. None: those for all."""
    return [rule for rule in all_rules(deps) if rule.community_id in (None, community_id)]


def all_rules(deps: Deps) -> list[Shown]:
    """Every rule in force, those for all first."""
    order = (Rule.community_id.is_not(None), Community.name, Rule.community_id, Rule.position, Rule.id)
    query = select(Rule, Community.name).outerjoin(Community, Community.id == Rule.community_id)
    with deps.store.read() as session:
        found = session.execute(query.where(Rule.ended_at.is_(None)).order_by(*order))
        return [Shown(r.id, r.community_id, named or "", r.title, r.text, r.category, r.made_at) for r, named in found]


def public(deps: Deps) -> list[tuple[str, list[Shown]]]:
    """(community, its rules) for everybody to read, those for all first. Names no restricted community."""
    with deps.store.read() as session:
        closed = set(session.scalars(select(Community.id).where(Community.restricted)))
    open_rules = [rule for rule in all_rules(deps) if rule.community_id not in closed]
    return [
        (named, list(found)) for (_, named), found in groupby(open_rules, key=lambda r: (r.community_id, r.community))
    ]


def add(deps: Deps, draft: Draft, actor: str) -> int:
    """Adds a rule behind the others of its place. Raises BadInput."""
    good = _checked(draft)
    ensure_rules(deps)
    with deps.store.write() as session:
        if draft.community_id is not None and session.get(Community, draft.community_id) is None:
            raise BadInput("There is no such community.")
        here = (Rule.community_id == draft.community_id, Rule.ended_at.is_(None))
        count, last = session.execute(select(func.count(), func.max(Rule.position)).where(*here)).one()
        if count >= MOST:
            raise BadInput(f"There are {MOST} rules here already; end one that nobody needs.")
        return _write(deps, session, good, (last or 0) + 1, actor).id


def edit(deps: Deps, rule_id: int, draft: Draft, actor: str) -> int:
    """Ends a rule and puts another in its place. Returns the new one's number. Raises BadInput."""
    good = _checked(draft)
    with deps.store.write() as session:
        old = rule_in_force(session, rule_id)
        old.ended_at = deps.now()
        good = Draft(old.community_id, good.title, good.text, good.category)
        return _write(deps, session, good, old.position, actor, old.id).id


def end(deps: Deps, rule_id: int, actor: str) -> None:
    """Takes a rule out of force. What was decided by it keeps it. Raises BadInput."""
    with deps.store.write() as session:
        rule_in_force(session, rule_id).ended_at = deps.now()
        append(session, deps.vault, Entry("rule:end", actor, f"rule:{rule_id}"), deps.now())


def rule_in_force(session: Session, rule_id: int, community_id: int | None = None) -> Rule:
    """The rule, if it is in force (in that community, where one is given). Raises BadInput."""
    rule = session.get(Rule, rule_id)
    elsewhere = rule is not None and community_id is not None and rule.community_id not in (None, community_id)
    if rule is None or rule.ended_at is not None or elsewhere:
        raise BadInput("There is no such rule here. Take one that is in force.")
    return rule


def _write(deps: Deps, session: Session, draft: Draft, position: int, actor: str, old: int | None = None) -> Rule:
    row = Rule(
        community_id=draft.community_id,
        position=position,
        title=dict(draft.title),
        text=dict(draft.text),
        category=draft.category,
        made_at=deps.now(),
    )
    session.add(row)
    session.flush()
    after = {"title": row.title, "text": row.text, "category": row.category, "instead_of": old}
    entry = Entry("rule:edit" if old else "rule:add", actor, f"rule:{row.id}", after=after)
    append(session, deps.vault, entry, deps.now())
    return row


def _checked(draft: Draft) -> Draft:
    """Tidied. Raises BadInput."""
    title = {lang: " ".join(draft.title.get(lang, "").split()) for lang in LANGUAGES}
    text = {lang: draft.text.get(lang, "").strip() for lang in LANGUAGES}
    if not all(1 <= len(one) <= TITLE for one in title.values()):
        raise BadInput(f"A rule has a title of 1 to {TITLE} characters, in English and in French.")
    if not all(1 <= len(one) <= TEXT for one in text.values()):
        raise BadInput(f"A rule has a text of 1 to {TEXT} characters, in English and in French.")
    if draft.category not in KEYWORDS and not category_of(draft.category)[1]:
        raise BadInput("Take a category of the list.")
    return Draft(draft.community_id, title, text, draft.category)
