"""Incidents: a manager says that something is going on in a community, and answers there may want a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Subject, authorize
from service.db.audit import Entry, append
from service.db.models import Community, Switch
from service.deps import Deps
from service.usecases.people import Known

#: Characters that say what an incident is about.
LONGEST = 200
_PREFIX = "incident:"


@dataclass(frozen=True, slots=True)
class Incident:
    """What is going on in a community, in a manager's words."""

    community_id: int
    about: str
    since: datetime


def incident_in(session: Session, community_id: int) -> Incident | None:
    """The open incident of a community."""
    row = session.get(Switch, f"{_PREFIX}{community_id}")
    return Incident(community_id, row.value, row.changed_at) if row is not None else None


def incidents(deps: Deps) -> dict[int, Incident]:
    """All that are open, by community."""
    with deps.store.read() as session:
        rows = session.scalars(select(Switch).where(Switch.name.startswith(_PREFIX)))
        found = [(int(row.name.removeprefix(_PREFIX)), row) for row in rows]
        return {number: Incident(number, row.value, row.changed_at) for number, row in found}


def open_incident(deps: Deps, community_id: int, about: str, person: Known) -> None:
    """Opens one, or says anew what the open one is about. Raises BadInput, NotAllowed."""
    about = " ".join(about.split())
    if not about or len(about) > LONGEST:
        raise BadInput(f"Say what is going on, in 1 to {LONGEST} characters.")
    now = deps.now()
    authorize(person.asking, Capability.MANAGE, _subject(community_id), now)
    with deps.store.write() as session:
        if session.get(Community, community_id) is None:
            raise BadInput("There is no such community.")
        before = incident_in(session, community_id)
        since = before.since if before else now
        session.merge(Switch(name=f"{_PREFIX}{community_id}", value=about, changed_at=since))
        entry = Entry("incident:open", person.actor, f"community:{community_id}", about, before and before.about, about)
        append(session, deps.vault, entry, now)


def close_incident(deps: Deps, community_id: int, person: Known) -> None:
    """Ends it. Raises BadInput where none is open, NotAllowed."""
    now = deps.now()
    authorize(person.asking, Capability.MANAGE, _subject(community_id), now)
    with deps.store.write() as session:
        row = session.get(Switch, f"{_PREFIX}{community_id}")
        if row is None:
            raise BadInput("No incident is open there.")
        entry = Entry("incident:close", person.actor, f"community:{community_id}", before=row.value)
        session.delete(row)
        append(session, deps.vault, entry, now)


def _subject(community_id: int) -> Subject:
    return Subject(f"community:{community_id}")
