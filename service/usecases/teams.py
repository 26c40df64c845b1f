"""Teams: who is in them, which languages they answer in, and whose queue a case is in.

A case without a team is in everybody's queue. Rules put cases into teams (`usecases.routing`); people may say
otherwise, and what they say stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Actor, allows
from moderation.routing import primary
from service.db.audit import Entry, append
from service.db.models import Case, Person
from service.db.team_tables import CaseLabel, CaseTeam, Label, RoutingRule, Team, TeamMember
from service.deps import Deps
from service.usecases.people import Known

#: What a desk starts with.
START = ("Support", "Product", "Communication", "Legal")
MOST = 40
_LANGUAGE = re.compile(r"[a-z]{2,3}\Z")


@dataclass(frozen=True, slots=True)
class Shown:
    """A team with its people (id and name); `open` counts the cases above the line in its queue."""

    id: int
    name: str
    languages: tuple[str, ...]
    members: tuple[tuple[int, str], ...] = ()
    open: int = 0


@dataclass(frozen=True, slots=True)
class Marks:
    """What people put on a case: its team, and whether a person chose it; its labels."""

    team: str = ""
    team_id: int | None = None
    by_hand: bool = False
    labels: tuple[str, ...] = ()


def ensure_teams(deps: Deps) -> int:
    """Makes the teams to start with, where there never was one. Returns how many."""
    with deps.store.read() as session:
        if session.scalar(select(Team.id).limit(1)) is not None:
            return 0
    for name in START:
        add_team(deps, name, "", "system")
    return len(START)


def add_team(deps: Deps, name: str, languages: str, actor: str) -> int:
    """Makes a team, or opens a closed one of this name again. `languages` like "fr, en"; "" for all."""
    now, spoken = deps.now(), good_languages(languages)
    with deps.store.write() as session:
        team = session.scalars(select(Team).where(Team.name == _good_name(name))).one_or_none()
        if team is None:
            if (session.scalar(select(func.count()).select_from(Team).where(Team.closed_at.is_(None))) or 0) >= MOST:
                raise BadInput(f"There are {MOST} teams already; close one that nobody needs.")
            team = Team(name=_good_name(name), created_at=now)
            session.add(team)
        elif team.closed_at is None:
            raise BadInput(f"There is a team “{team.name}” already.")
        team.languages, team.closed_at = ",".join(spoken), None
        session.flush()
        after = {"name": team.name, "languages": spoken}
        append(session, deps.vault, Entry("team:add", actor, f"team:{team.id}", after=after), now)
        return team.id


def change_team(deps: Deps, team_id: int, name: str, languages: str, members: Collection[int], actor: str) -> None:
    """Sets a team's name, languages and people."""
    now, spoken = deps.now(), good_languages(languages)
    with deps.store.write() as session:
        team = _team(session, team_id)
        taken = select(Team.id).where(Team.name == _good_name(name), Team.id != team_id)
        if session.scalar(taken) is not None:
            raise BadInput(f"There is a team “{_good_name(name)}” already, or was one; add it to open it again.")
        before = {"name": team.name, "languages": team.languages, "members": sorted(_members(session, team_id))}
        team.name, team.languages = _good_name(name), ",".join(spoken)
        kept = _set_members(session, deps, team_id, members)
        after = {"name": team.name, "languages": team.languages, "members": sorted(kept)}
        append(session, deps.vault, Entry("team:change", actor, f"team:{team_id}", "", before, after), now)


def close_team(deps: Deps, team_id: int, actor: str) -> None:
    """Takes a team out of use: its rules go, its cases are everybody's until a rule takes them."""
    now = deps.now()
    with deps.store.write() as session:
        team = _team(session, team_id)
        team.closed_at = now
        for table in (RoutingRule, CaseTeam, TeamMember):
            session.execute(delete(table).where(table.team_id == team_id))
        append(session, deps.vault, Entry("team:close", actor, f"team:{team_id}"), now)


def teams(deps: Deps) -> list[Shown]:
    """Every open team, by name."""
    with deps.store.read() as session:
        rows = session.scalars(select(Team).where(Team.closed_at.is_(None)).order_by(Team.name)).all()
        people: dict[int, list[tuple[int, str]]] = {}
        who = select(TeamMember.team_id, Person).join(Person, Person.id == TeamMember.person_id)
        for team_id, person in session.execute(who.where(Person.active.is_(True)).order_by(Person.username)):
            people.setdefault(team_id, []).append((person.id, person.name or person.username))
        held = select(CaseTeam.team_id, func.count()).join(Case, Case.id == CaseTeam.case_id)
        grouped = held.where(Case.open.is_(True)).group_by(CaseTeam.team_id)
        counts: dict[int | None, int] = dict(session.execute(grouped).all())
        return [Shown(t.id, t.name, languages_of(t), tuple(people.get(t.id, ())), counts.get(t.id, 0)) for t in rows]


def team_named(deps: Deps, name: str) -> int:
    """An open team's id by its name, whatever the case of its letters. Raises BadInput."""
    found = next((t.id for t in teams(deps) if t.name.lower() == name.strip().lower()), None)
    if found is None:
        raise BadInput(f"There is no team “{name}”.")
    return found


def candidates(deps: Deps) -> list[tuple[int, str]]:
    """People who may be in a team: (id, name), by sign-in name."""
    with deps.store.read() as session:
        rows = session.scalars(select(Person).where(Person.active.is_(True)).order_by(Person.username))
        return [(p.id, p.name or p.username) for p in rows if _may_join(p)]


def candidate_named(deps: Deps, username: str) -> int | None:
    """The id of somebody who may be in a team, by sign-in name."""
    named = select(Person).where(Person.username == username.strip().lower(), Person.active.is_(True))
    with deps.store.read() as session:
        person = session.scalars(named).one_or_none()
        return person.id if person is not None and _may_join(person) else None


def teams_of(deps: Deps, person_id: int) -> list[int]:
    """The teams that somebody is in."""
    with deps.store.read() as session:
        return list(session.scalars(select(TeamMember.team_id).where(TeamMember.person_id == person_id)))


# ------------------------------------------------------------------ cases


def set_team(deps: Deps, case_id: int, team_id: int | None, person: Known) -> None:
    """Puts a case into a team's queue by hand; None: into everybody's, and no rule takes it away."""
    with deps.store.write() as session:
        if session.get(Case, case_id) is None:
            raise BadInput("There is no such case.")
        if team_id is not None:
            _team(session, team_id)
        put_in_team(session, deps, case_id, team_id, person)


def put_in_team(session: Session, deps: Deps, case_id: int, team_id: int | None, person: Known) -> CaseTeam:
    """The same in the caller's transaction, to a team that is known to be open."""
    now = deps.now()
    row = session.get(CaseTeam, case_id, with_for_update=True)
    before = row.team_id if row is not None else None
    if row is None:
        row = CaseTeam(case_id=case_id, at=now)
        session.add(row)
    row.team_id, row.person_id, row.at = team_id, person.id, now
    session.flush()
    change = {"team": before}, {"team": team_id}
    append(session, deps.vault, Entry("case:team", person.actor, f"case:{case_id}", "", *change), now)
    return row


def marks_of(deps: Deps, case_ids: Sequence[int]) -> dict[int, Marks]:
    """Team and labels of cases, by case; those without either are missing."""
    with deps.store.read() as session:
        query = select(CaseTeam.case_id, Team.name, Team.id, CaseTeam.person_id).join(Team, isouter=True)
        found = {
            case_id: Marks(name or "", team_id, person_id is not None)
            for case_id, name, team_id, person_id in session.execute(query.where(CaseTeam.case_id.in_(case_ids)))
        }
        named = select(CaseLabel.case_id, Label.name).join(Label).where(CaseLabel.case_id.in_(case_ids))
        labels: dict[int, list[str]] = {}
        for case_id, name in session.execute(named.order_by(Label.name)):
            labels.setdefault(case_id, []).append(name)
    bare = Marks()
    for case_id, names in labels.items():
        kept = found.get(case_id, bare)
        found[case_id] = Marks(kept.team, kept.team_id, kept.by_hand, tuple(names))
    return found


# ------------------------------------------------------------------ small parts


def languages_of(team: Team) -> tuple[str, ...]:
    """The languages a team answers in; none: all."""
    return tuple(filter(None, team.languages.split(",")))


def good_languages(typed: str) -> list[str]:
    """Languages as people type them, as ISO 639 codes in order. Raises BadInput."""
    codes = sorted({primary(part) for part in re.split(r"[\s,;]+", typed) if part})
    wrong = [code for code in codes if not _LANGUAGE.match(code)]
    if wrong or len(codes) > 20:
        raise BadInput("Languages are codes of two or three letters, such as: en, fr, de.")
    return codes


def _good_name(name: str) -> str:
    words = " ".join(name.split())
    if not 1 <= len(words) <= 80:
        raise BadInput("A team's name has 1 to 80 characters.")
    return words


def _team(session: Session, team_id: int) -> Team:
    team = session.get(Team, team_id, with_for_update=True)
    if team is None or team.closed_at is not None:
        raise BadInput("There is no such team.")
    return team


def _may_join(person: Person) -> bool:
    return allows(Actor("", person.role), Capability.SEE)


def _members(session: Session, team_id: int) -> set[int]:
    return set(session.scalars(select(TeamMember.person_id).where(TeamMember.team_id == team_id)))


def _set_members(session: Session, deps: Deps, team_id: int, wanted: Collection[int]) -> set[int]:
    rows = session.scalars(select(Person).where(Person.id.in_(list(wanted)[:1_000]), Person.active.is_(True)))
    kept = {p.id for p in rows if _may_join(p)}
    there = _members(session, team_id)
    gone = delete(TeamMember).where(TeamMember.team_id == team_id, TeamMember.person_id.in_(there - kept))
    session.execute(gone)
    now = deps.now()
    session.add_all(TeamMember(team_id=team_id, person_id=i, joined_at=now) for i in sorted(kept - there))
    return kept
