"""The public moderation log of a community: what was done, by which rule, by which role, and whether it stands.

A manager switches it on for a community. It is made of closed lists and of the community's own rules, never of what
somebody typed for an act: so it names neither who acted nor whom it concerned, and leads to no post.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import MODERATING, Capability
from service.db.audit import Entry, append
from service.db.grant_tables import ModerationAct
from service.db.models import Action, Community, Connection, Switch
from service.db.redress_tables import Rule
from service.deps import Deps
from service.usecases.people import Known

PAGE = 50
_ON = "on"
#: Acts that the log leaves out: they are between the desk and one member, or no act against anybody.
_PRIVATE = frozenset({Capability.NOTIFY, Capability.MARK_ANSWER, Capability.RESOLVE_REPORT})
SHOWN = MODERATING - _PRIVATE


@dataclass(frozen=True, slots=True)
class Logged:
    """One act. `rule` is the title of the rule by language, empty where none was named; `category` its keyword.

    `by` is automated, keeper (a trusted member) or moderator (of the brand). `ends_at`: the act ends by itself then.
    `overturned_at`: it was taken back.
    """

    number: int
    at: datetime
    act: str
    rule: Mapping[str, str]
    category: str
    by: str
    ends_at: datetime | None
    overturned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Log:
    """A page of a community's log, newest first; `older` is where the next one begins."""

    community: str
    acts: tuple[Logged, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """A community, and whether its log is public. `restricted` ones have none."""

    id: int
    name: str
    connection: str
    restricted: bool
    public: bool


def log(deps: Deps, community_id: int, before: int | None = None, size: int = PAGE) -> Log | None:
    """A page of acts that were done, numbered below `before`; None where there is no log for everybody."""
    with deps.store.read() as session:
        community = session.get(Community, community_id)
        if community is None or community.restricted or not is_public(session, community_id):
            return None
        query = _acts(community_id)
        if before is not None:
            query = query.where(ModerationAct.action_id < before)
        rows = session.execute(query.order_by(ModerationAct.action_id.desc()).limit(size + 1)).all()
        acts = [_logged(kind, act, rule) for kind, act, rule in rows[:size]]
        back = _taken_back(session, [act.number for act in acts])
        shown = tuple(replace(act, overturned_at=back.get(act.number)) for act in acts)
        return Log(community.name, shown, acts[-1].number if len(rows) > size else None)


def is_public(session: Session, community_id: int) -> bool:
    """Whether a manager switched a community's log on."""
    row = session.get(Switch, _switch(community_id))
    return row is not None and row.value == _ON


def places(deps: Deps) -> list[Place]:
    """Every community, by connection and name."""
    query = select(Community, Connection.name).join(Connection, Connection.id == Community.connection_id)
    with deps.store.read() as session:
        switched = select(Switch.name).where(Switch.name.startswith(_switch("")), Switch.value == _ON)
        on = set(session.scalars(switched))
        rows = session.execute(query.order_by(Connection.name, Community.name, Community.id)).all()
        return [Place(c.id, c.name or c.remote_id, name, c.restricted, _switch(c.id) in on) for c, name in rows]


def switch(deps: Deps, community_id: int, on: bool, by: Known) -> None:
    """Makes a log public, or not. Raises BadInput."""
    with deps.store.write() as session:
        community = session.get(Community, community_id)
        if community is None:
            raise BadInput("There is no such community.")
        if on and community.restricted:
            raise BadInput("This community is closed to the public, and so is its log.")
        before = is_public(session, community_id)
        if before == on:
            return
        name, now = _switch(community_id), deps.now()
        session.merge(Switch(name=name, value=_ON if on else "", changed_at=now))
        kind = "log:open" if on else "log:close"
        append(session, deps.vault, Entry(kind, by.actor, f"community:{community_id}", "", before, on), now)


def _switch(community_id: int | str) -> str:
    return f"public_log:{community_id}"


def _acts(community_id: int) -> Select[str, ModerationAct, Rule]:
    """What was done here of its own, not to take something back; what was undone in time was never done."""
    query = select(Action.kind, ModerationAct, Rule).join(ModerationAct, ModerationAct.action_id == Action.id)
    query = query.outerjoin(Rule, Rule.id == ModerationAct.rule_id)
    own = (ModerationAct.community_id == community_id, ModerationAct.undoes_id.is_(None))
    return query.where(*own, Action.state == "done", Action.kind.in_(SHOWN))


def _logged(kind: str, act: ModerationAct, rule: Rule | None) -> Logged:
    by = "automated" if act.automated else "keeper" if act.grant_id is not None else "moderator"
    title, category = (rule.title, rule.category) if rule is not None else ({}, "")
    return Logged(act.action_id, act.at, kind, title, category, by, act.ends_at, None)


def _taken_back(session: Session, ids: Sequence[int]) -> dict[int, datetime]:
    """When an act was taken back, by its number; not where that was taken back in its turn."""
    if not ids:
        return {}
    query = select(ModerationAct.undoes_id, ModerationAct.action_id, ModerationAct.at)
    query = query.join(Action, Action.id == ModerationAct.action_id)
    live = (ModerationAct.planned.is_(False), Action.state == "done")
    rows = session.execute(query.where(ModerationAct.undoes_id.in_(ids), *live).order_by(ModerationAct.action_id)).all()
    again = _taken_back(session, [number for _, number, _ in rows])
    return {undone: at for undone, number, at in rows if undone is not None and number not in again}
