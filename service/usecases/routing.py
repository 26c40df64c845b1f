"""Routing: the rules that managers keep, and the cases they put into teams' queues.

A case is routed when it comes above the line, once: what a rule or a person said stays until somebody says otherwise,
or a manager routes anew what rules had routed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.routing import ANY, LIKELY, Facts, Rule, holds, primary, route
from moderation.scoring.contract import INTENTS
from moderation.scoring.rules import CATEGORIES
from moderation.triage import dangers
from service.db.audit import Entry, append
from service.db.deliveries import insert_new
from service.db.models import Case, Community, Connection, Message
from service.db.team_tables import CaseTeam, RoutingRule, Team
from service.deps import Deps
from service.usecases.teams import good_languages, languages_of

MOST = 100
TOPICS = INTENTS
DANGERS = (*CATEGORIES, ANY)


@dataclass(frozen=True, slots=True)
class Shown:
    """A rule in its place. `takes`: how many of the cases above the line now would be its own."""

    id: int
    team: str
    community: str
    topic: str
    danger: str
    language: str
    takes: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules in order, what they would do with the cases above the line, and how many would be everybody's."""

    rules: tuple[Shown, ...]
    cases: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rule as somebody wants it; an empty condition always holds."""

    team_id: int
    community_id: int | None = None
    topic: str = ""
    danger: str = ""
    language: str = ""


def route_new(session: Session, deps: Deps, community_id: int) -> int:
    """Routes what stands above the line of a community and has no team yet, in the caller's transaction.

    Costs one small query where there is no rule, and two more where there are. Returns how many got a team.
    """
    rules = _rules(session)
    if not rules:
        return 0
    found = _facts(session, Case.community_id == community_id, CaseTeam.case_id.is_(None))
    now = deps.now()
    routed = [(case_id, route(facts, rules)) for case_id, facts in found]
    return insert_new(session, CaseTeam, [{"case_id": i, "team_id": t, "at": now} for i, t in routed if t is not None])


def route_anew(deps: Deps, actor: str) -> int:
    """Routes again what rules had routed; what people said stays. Returns how many have a team by a rule after it."""
    with deps.store.write() as session:
        above = select(Case.id).where(Case.open.is_(True))
        session.execute(delete(CaseTeam).where(CaseTeam.person_id.is_(None), CaseTeam.case_id.in_(above)))
        done = sum(route_new(session, deps, i) for i in session.scalars(select(Community.id)).all())
        append(session, deps.vault, Entry("routing:anew", actor, "routing", after={"routed": done}), deps.now())
        return done


def plan(deps: Deps) -> Plan:
    """The rules in order, and what they would do now."""
    named = (
        select(RoutingRule, Team, Community.name, Connection.name)
        .join(Team, Team.id == RoutingRule.team_id)
        .outerjoin(Community, Community.id == RoutingRule.community_id)
        .outerjoin(Connection, Connection.id == Community.connection_id)
        .order_by(RoutingRule.place, RoutingRule.id)
    )
    with deps.store.read() as session:
        rows = session.execute(named).all()
        found = [facts for _, facts in _facts(session)]
    takes = _takes(found, [_rule(row, team) for row, team, *_ in rows])
    shown = tuple(
        Shown(row.id, team.name, community or connection or "", row.topic, row.danger, row.language, count)
        for (row, team, community, connection), count in zip(rows, takes, strict=True)
    )
    return Plan(shown, len(found), len(found) - sum(takes))


def add_rule(deps: Deps, wanted: Wanted, actor: str) -> int:
    """Adds a rule at the end. Raises BadInput."""
    if wanted.topic not in ("", *TOPICS) or wanted.danger not in ("", *DANGERS):
        raise BadInput("There is no such topic, or no such rule of danger.")
    language = good_languages(primary(wanted.language))
    with deps.store.write() as session:
        team = session.get(Team, wanted.team_id)
        if team is None or team.closed_at is not None:
            raise BadInput("There is no such team.")
        if wanted.community_id is not None and session.get(Community, wanted.community_id) is None:
            raise BadInput("There is no such community.")
        count, last = session.execute(select(func.count(), func.max(RoutingRule.place))).one()
        if count >= MOST:
            raise BadInput(f"There are {MOST} rules already.")
        row = RoutingRule(
            place=(last or 0) + 1,
            team_id=team.id,
            community_id=wanted.community_id,
            topic=wanted.topic,
            danger=wanted.danger,
            language="".join(language),
            made_at=deps.now(),
        )
        session.add(row)
        session.flush()
        _note(session, deps, "routing:add", row, actor)
        return row.id


def move_rule(deps: Deps, rule_id: int, up: bool, actor: str) -> None:
    """Changes a rule's place with its neighbour's; the first stays first."""
    with deps.store.write() as session:
        rows = session.scalars(select(RoutingRule).order_by(RoutingRule.place, RoutingRule.id)).all()
        at = next((n for n, row in enumerate(rows) if row.id == rule_id), None)
        if at is None:
            raise BadInput("There is no such rule.")
        other = at - 1 if up else at + 1
        if 0 <= other < len(rows):
            order = [row.id for row in rows]
            order[at], order[other] = order[other], order[at]
            for place, each in enumerate(order, 1):
                session.execute(update(RoutingRule).where(RoutingRule.id == each).values(place=place))
            _note(session, deps, "routing:move", rows[at], actor)


def remove_rule(deps: Deps, rule_id: int, actor: str) -> None:
    """Takes a rule away; what it routed stays where it is."""
    with deps.store.write() as session:
        row = session.get(RoutingRule, rule_id)
        if row is None:
            raise BadInput("There is no such rule.")
        _note(session, deps, "routing:remove", row, actor)
        session.delete(row)


def _rules(session: Session) -> list[Rule]:
    query = select(RoutingRule, Team).join(Team, Team.id == RoutingRule.team_id).where(Team.closed_at.is_(None))
    return [_rule(row, team) for row, team in session.execute(query.order_by(RoutingRule.place, RoutingRule.id))]


def _rule(row: RoutingRule, team: Team) -> Rule:
    spoken = frozenset(languages_of(team))
    return Rule(team.id, row.community_id, row.topic, row.danger, row.language, spoken)


def _facts(session: Session, *where: ColumnElement[bool]) -> list[tuple[int, Facts]]:
    """The cases above the line with what rules ask of them, in one query."""
    query = (
        select(Case.id, Case.community_id, Case.rules, Message.intents, Message.language)
        .outerjoin(CaseTeam, CaseTeam.case_id == Case.id)
        .outerjoin(Message, Message.id == Case.marked_message_id)
        .where(Case.open.is_(True), *where)
    )
    return [
        (case_id, Facts(community, _likely(intents or {}), dangers(rules.split(",")), language or ""))
        for case_id, community, rules, intents, language in session.execute(query)
    ]


def _likely(intents: dict[str, float]) -> frozenset[str]:
    return frozenset(name for name, chance in intents.items() if chance >= LIKELY)


def _takes(found: Sequence[Facts], rules: Sequence[Rule]) -> list[int]:
    counts = [0] * len(rules)
    for facts in found:
        first = next((n for n, rule in enumerate(rules) if holds(facts, rule)), None)
        if first is not None:
            counts[first] += 1
    return counts


def _note(session: Session, deps: Deps, kind: str, row: RoutingRule, actor: str) -> None:
    after = {n: getattr(row, n) for n in ("place", "team_id", "community_id", "topic", "danger", "language")}
    append(session, deps.vault, Entry(kind, actor, f"rule:{row.id}", after=after), deps.now())
