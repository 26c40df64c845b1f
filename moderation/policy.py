"""authorize(): the only door to an act. Pure and total; no Permit, no act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from moderation.errors import NotAllowed
from moderation.model import Capability


@dataclass(frozen=True, slots=True)
class Permit:
    """The proof that `authorize()` said yes, for one action at one time. Connector actions take one."""

    action_id: int
    person: str
    capability: Capability
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for an act at the moment it is asked for."""

    role: str
    stopped: bool
    shadow: bool


#: Roles that may act on a platform, with what they may do.
ROLE_CAPABILITIES: dict[str, frozenset[Capability]] = {
    "owner": frozenset(Capability),
    "manager": frozenset(Capability),
    "responder": frozenset({Capability.REPLY}),
    "analyst": frozenset(),
}


def authorize(
    action_id: int, person: str, standing: Standing, capability: Capability, subject: str, now: datetime
) -> Permit:
    """A Permit, or NotAllowed saying why. Shadow mode and the global stop refuse everybody."""
    if standing.stopped:
        raise NotAllowed("The global stop is on: nothing is sent until it is lifted.")
    if standing.shadow:
        raise NotAllowed("This connection is in shadow mode: it reads, and sends nothing.")
    if capability not in ROLE_CAPABILITIES.get(standing.role, frozenset()):
        raise NotAllowed(f"The role “{standing.role}” does not include “{capability}”.")
    return Permit(action_id=action_id, person=person, capability=capability, subject=subject, at=now)
