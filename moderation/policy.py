"""authorize(): the only door to a page, a program's call and an act. Pure and total; no Permit, no act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.errors import NotAllowed
from moderation.model import ACTS, Capability


class Level(StrEnum):
    """What a person may do with a brand account; each level includes those before it."""

    DRAFT = "draft"
    SEND = "send"
    APPROVE = "approve"


_LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Permit:
    """The proof that `authorize()` said yes, for one action at one time. Connector actions take one."""

    action_id: int
    person: str
    capability: Capability
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, at the moment of asking.

    `name` is what the audit log calls them; `levels` are a person's rights on brand accounts by the account's id;
    `scopes` belong to programs.
    """

    name: str = ""
    role: str = "nobody"
    active: bool = True
    levels: Mapping[int, Level] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()


NOBODY = Actor()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about, with what holds for it at that moment.

    `stopped` and `shadow` hold back every act on a platform. `account` is the brand account that would speak; `closed`
    that it was taken out of use. `needs_approval` means that a rule wants a second person's yes to what `writer` wrote.
    `scope` is what a program must have been given; `role` the one a person has, or would get, that this is about.
    """

    name: str
    action_id: int = 0
    stopped: bool = False
    shadow: bool = False
    account: int | None = None
    closed: bool = False
    needs_approval: bool = False
    writer: str = ""
    scope: str = ""
    role: str = ""


_VISITOR = frozenset({Capability.VISIT})
_SIGNED_IN = _VISITOR | {Capability.ACCOUNT}
_READER = _SIGNED_IN | {Capability.SEE, Capability.MEASURE}
_OWN_POSTS = frozenset({Capability.REPLY, Capability.EDIT, Capability.DELETE})
_EVERYTHING = frozenset(Capability)
#: What each role includes. A role that is not here includes nothing.
ROLES: Mapping[str, frozenset[Capability]] = {
    "owner": _EVERYTHING,
    "manager": _EVERYTHING,
    "responder": _READER | _OWN_POSTS | {Capability.TRIAGE, Capability.DRAFT},
    "analyst": _READER,
    "rock_star": _SIGNED_IN,
    "program": _VISITOR | {Capability.SEE, Capability.DRAFT, Capability.MANAGE},
    "nobody": _VISITOR,
}
#: Roles that a person can be given, from the most trusted down.
PEOPLE = ("owner", "manager", "responder", "analyst", "rock_star")
_TRUSTED = frozenset({"owner", "manager"})


def authorize(actor: Actor, capability: Capability, subject: Subject, now: datetime) -> Permit:
    """A Permit, or NotAllowed saying why. Shadow mode and the global stop refuse every act to everybody."""
    _refuse_held_back(capability, subject)
    if not actor.active:
        raise NotAllowed("This account is closed.")
    if capability not in ROLES.get(actor.role, frozenset()):
        raise NotAllowed(f"The role “{actor.role}” does not include “{capability}”.")
    if actor.role == "program" and subject.scope and subject.scope not in actor.scopes:
        raise NotAllowed(f"This token lacks the scope “{subject.scope}”.")
    if capability is Capability.ADMINISTER:
        _refuse_above(actor, subject)
    if subject.account is not None:
        _refuse_without_level(actor, capability, subject, subject.account)
    return Permit(action_id=subject.action_id, person=actor.name, capability=capability, subject=subject.name, at=now)


def allows(actor: Actor, capability: Capability) -> bool:
    """Whether a role includes a capability at all: for what to offer, never for what to do."""
    return actor.active and capability in ROLES.get(actor.role, frozenset())


def level_of(actor: Actor, account: int) -> Level | None:
    """What somebody may do with a brand account. Owners and managers may use each; analysts and programs never send."""
    if not actor.active:
        return None
    if actor.role in _TRUSTED:
        return Level.APPROVE
    given = actor.levels.get(account)
    if actor.role == "program":
        return Level.DRAFT
    return given if allows(actor, Capability.DRAFT) else None


def _refuse_held_back(capability: Capability, subject: Subject) -> None:
    if capability not in ACTS:
        return
    if subject.stopped:
        raise NotAllowed("The global stop is on: nothing is sent until it is lifted.")
    if subject.shadow:
        raise NotAllowed("This connection is in shadow mode: it reads, and sends nothing.")


def _refuse_above(actor: Actor, subject: Subject) -> None:
    """Owners may change anybody; others only those below themselves, and only to a role below their own."""
    if actor.role == "owner" or not subject.role:
        return
    if subject.role not in PEOPLE or PEOPLE.index(subject.role) <= PEOPLE.index(actor.role):
        raise NotAllowed(f"Only an owner may change somebody who is “{subject.role}”, or make them one.")


def _refuse_without_level(actor: Actor, capability: Capability, subject: Subject, account: int) -> None:
    if subject.closed:
        raise NotAllowed("This brand account is out of use.")
    wanted = _wanted(capability, subject)
    held = level_of(actor, account)
    if held is None or _LEVELS.index(held) < _LEVELS.index(wanted):
        raise NotAllowed(f"You do not have the right to {wanted} with this brand account.")
    if wanted is Level.APPROVE and subject.writer == actor.name:
        raise NotAllowed("A second person must approve this: nobody approves their own words.")


def _wanted(capability: Capability, subject: Subject) -> Level:
    if capability is Capability.DRAFT:
        return Level.DRAFT
    return Level.APPROVE if subject.needs_approval or capability is Capability.APPROVE else Level.SEND
