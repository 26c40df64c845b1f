"""authorize(): the only door to a page, a program's call and an act. Pure and total; no Permit, no act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.errors import NotAllowed
from moderation.grants import Grant, Place
from moderation.model import ACTS, MODERATING, OWN_POSTS, Capability


class Level(StrEnum):
    """What a person may do with a brand account; each level includes those before it."""

    DRAFT = "draft"
    SEND = "send"
    APPROVE = "approve"


_LEVELS = tuple(Level)


@dataclass(frozen=True, slots=True)
class Permit:
    """The proof that `authorize()` said yes, for one action at one time. Connector actions take one.

    `grant` is the one that it was said yes by; None: a role's right.
    """

    action_id: int
    person: str
    capability: Capability
    subject: str
    at: datetime
    grant: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, at the moment of asking.

    `name` is what the audit log calls them; `levels` are a person's rights on brand accounts by the account's id;
    `scopes` belong to programs, `grants` to those whom the brand trusts with a part of its communities.
    """

    name: str = ""
    role: str = "nobody"
    active: bool = True
    levels: Mapping[int, Level] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    grants: tuple[Grant, ...] = ()


NOBODY = Actor()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked about, with what holds for it at that moment.

    `stopped` and `shadow` hold back every act on a platform. `account` is the brand account that would speak; `closed`
    that it was taken out of use. `needs_approval` means that a rule wants a second person's yes to what `writer` wrote.
    `scope` is what a program must have been given; `role` the one a person has, or would get, that this is about.

    Of an act of moderation: `place` is where it would happen, `own` that it is the asker's own thread or post or grant,
    `rank` how high the author stands that it would be done to (see `RANKS`), `decider` who decided what is appealed
    against. `hours` is how long a silence lasts (None: no end). `lately` are the acts by grant in the last hour and the
    last day. `several` is an act on many at once, `second` who else said yes to it. `planned` is the end of an act that
    was permitted together with it. Where an act would be taken back, `doer` is who asked for it, `did` how high they
    stood then, `appealed` that its author contests it, or did so with success.

    `lacks` are acts that the credential which would be used has no right to, with words on how to give it.
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
    place: Place | None = None
    own: bool = False
    rank: int = 0
    decider: str = ""
    hours: int | None = None
    lately: tuple[int, int] = (0, 0)
    several: bool = False
    second: str = ""
    planned: bool = False
    doer: str = ""
    did: int = 0
    appealed: bool = False
    lacks: Mapping[Capability, str] = field(default_factory=dict)


_VISITOR = frozenset({Capability.VISIT})
_SIGNED_IN = _VISITOR | {Capability.ACCOUNT}
_READER = _SIGNED_IN | {Capability.SEE, Capability.MEASURE}
_EVERYTHING = frozenset(Capability)
#: What each role includes. A role that is not here includes nothing.
ROLES: Mapping[str, frozenset[Capability]] = {
    "owner": _EVERYTHING,
    "manager": _EVERYTHING,
    "responder": _READER | OWN_POSTS | {Capability.TRIAGE, Capability.DRAFT, Capability.APPROVE},
    "analyst": _READER,
    "rock_star": _SIGNED_IN,
    "program": _VISITOR | {Capability.SEE, Capability.DRAFT, Capability.MANAGE},
    "nobody": _VISITOR,
}
#: Roles that a person can be given, from the most trusted down.
PEOPLE = ("owner", "manager", "responder", "analyst", "rock_star")
#: Those who need no level to use a brand account.
TRUSTED = frozenset({"owner", "manager"})
#: How high somebody stands: nobody moderates an equal. A platform's staff and the brand's accounts stand as a manager.
RANKS: Mapping[str, int] = {"owner": 4, "manager": 3, "responder": 2, "analyst": 1, "rock_star": 1}
STAFF_RANK = RANKS["manager"]
#: Stands for the second person as long as an act waits for one. Nobody is called so.
ANOTHER = "another person"


def authorize(actor: Actor, capability: Capability, subject: Subject, now: datetime) -> Permit:
    """A Permit, or NotAllowed saying why. Shadow mode and the global stop refuse every act to everybody."""
    _refuse_held_back(capability, subject)
    if subject.planned and capability in MODERATING:
        return Permit(subject.action_id, actor.name, capability, subject.name, now)
    if not actor.active:
        raise NotAllowed("This account is closed.")
    by = None
    if capability not in ROLES.get(actor.role, frozenset()):
        by = _grant_for(actor, capability, subject, now)
    if actor.role == "program" and subject.scope and subject.scope not in actor.scopes:
        raise NotAllowed(f"This token lacks the scope “{subject.scope}”.")
    _refuse_among_people(actor, capability, subject)
    if subject.account is not None:
        _refuse_without_level(actor, capability, subject, subject.account, by)
    elif capability is Capability.APPROVE and not _approves(actor):
        raise NotAllowed("You may not approve answers with any brand account.")
    refuse_lacking(capability, subject.lacks)
    given = by.id if by is not None else None
    return Permit(subject.action_id, actor.name, capability, subject.name, now, given)


def refuse_lacking(capability: Capability, lacks: Mapping[Capability, str]) -> None:
    """Raises NotAllowed for what the credential has no right to: said by us beforehand, not by the platform late."""
    if capability in lacks:
        how = lacks[capability]
        raise NotAllowed(f"The account that Tenth acts with there has no right to “{capability}”. {how}")


def needs_two(capability: Capability, several: bool) -> bool:
    """Whether an act is done only when a second person says yes."""
    return several or capability is Capability.SUSPEND


def authorize_right(grant: Grant, subject: Subject, now: datetime) -> Permit:
    """The Permit to give a grant's right on the platform itself. A right may always be taken, so that needs none."""
    if subject.stopped:
        raise NotAllowed("The global stop is on: no right is given until it is lifted.")
    if subject.shadow:
        raise NotAllowed("This connection is in shadow mode: no right is given on it.")
    if not grant.holds(now) or not grant.capabilities & MODERATING:
        raise NotAllowed("No active grant asks for this right.")
    if subject.place is None or not grant.scope.covers(subject.place):
        raise NotAllowed("The grant does not hold there.")
    return Permit(subject.action_id, "grant", Capability.GRANT, subject.name, now, grant.id)


def allows(actor: Actor, capability: Capability) -> bool:
    """Whether a role includes a capability at all: for what to offer, never for what to do."""
    if capability is Capability.APPROVE and not _approves(actor):
        return False
    return actor.active and capability in ROLES.get(actor.role, frozenset())


def _approves(actor: Actor) -> bool:
    return actor.role in TRUSTED or Level.APPROVE in actor.levels.values()


def level_of(actor: Actor, account: int) -> Level | None:
    """What somebody may do with a brand account. Owners and managers may use each; analysts and programs never send."""
    if not actor.active:
        return None
    if actor.role in TRUSTED:
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


def _grant_for(actor: Actor, capability: Capability, subject: Subject, now: datetime) -> Grant:
    """The grant that covers what is asked. Without a place none does: a page or call that names none is not theirs."""
    held = [grant for grant in actor.grants if grant.holds(now)]
    if capability is Capability.KEEP and held:
        return held[0]
    place = subject.place
    mine = [g for g in held if capability in g.capabilities and place is not None and g.scope.covers(place)]
    if not mine:
        where = " here" if any(capability in grant.capabilities for grant in held) else ""
        raise NotAllowed(f"The role “{actor.role}” does not include “{capability}”, and no grant gives it{where}.")
    best = max(mine, key=lambda grant: (grant.silence_hours, grant.daily, grant.hourly, -grant.id))
    if capability in ACTS:
        _refuse_beyond(best, capability, subject)
    return best


def _refuse_beyond(grant: Grant, capability: Capability, subject: Subject) -> None:
    hour, day = subject.lately
    if hour >= grant.hourly or day >= grant.daily:
        raise NotAllowed(f"This grant allows {grant.hourly} acts an hour and {grant.daily} a day; wait a while.")
    if capability is Capability.SILENCE and (subject.hours is None or subject.hours > grant.silence_hours):
        raise NotAllowed(f"This grant allows a silence of at most {grant.silence_hours} hours.")


def _refuse_among_people(actor: Actor, capability: Capability, subject: Subject) -> None:
    """What one person may not do to another, or to themselves, whatever rights they have."""
    if capability is Capability.ADMINISTER:
        _refuse_above(actor, subject)
    if capability is Capability.GRANT and subject.own:
        raise NotAllowed("Nobody gives a grant to themselves.")
    if capability is Capability.JUDGE and subject.decider == actor.name:
        raise NotAllowed("Somebody else must judge this: it is about your own decision.")
    if capability in MODERATING:
        _refuse_moderating(actor, capability, subject)


def _refuse_moderating(actor: Actor, capability: Capability, subject: Subject) -> None:
    if subject.own:
        raise NotAllowed("Nobody moderates their own thread or post.")
    if subject.rank and subject.rank >= RANKS.get(actor.role, 0):
        raise NotAllowed("Nobody moderates staff, or somebody who stands as high as they do.")
    if subject.second and subject.second == actor.name:
        raise NotAllowed("The second person must be another one.")
    if needs_two(capability, subject.several) and not subject.second:
        raise NotAllowed("A suspension, and an act on many at once, need a second person.")
    _refuse_overruling(actor, subject)


def _refuse_overruling(actor: Actor, subject: Subject) -> None:
    """What the brand's people did stays for keepers, and a keeper's act for other keepers; an appeal stands above."""
    if subject.doer in ("", actor.name):
        return
    if subject.appealed and Capability.JUDGE in ROLES.get(actor.role, frozenset()):
        return
    rank = RANKS.get(actor.role, 0)
    if subject.did > rank or subject.did == rank == RANKS["rock_star"]:
        raise NotAllowed("Somebody who stands as high or higher did this; ask a manager to take it back.")


def _refuse_above(actor: Actor, subject: Subject) -> None:
    """Owners may change anybody; others only those below themselves, and only to a role below their own."""
    if actor.role == "owner" or not subject.role:
        return
    if subject.role not in PEOPLE or PEOPLE.index(subject.role) <= PEOPLE.index(actor.role):
        raise NotAllowed(f"Only an owner may change somebody who is “{subject.role}”, or make them one.")


def _refuse_without_level(
    actor: Actor, capability: Capability, subject: Subject, account: int, by: Grant | None
) -> None:
    """A grant to draft is for each account of its place, and for drafts only."""
    if subject.closed:
        raise NotAllowed("This brand account is out of use.")
    if by is not None and capability is Capability.DRAFT:
        return
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
