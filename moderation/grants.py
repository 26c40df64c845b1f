"""A grant: real moderation rights given to a person, in one place, for a time. Its states, and what it covers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from moderation.errors import BadInput, NotAllowed
from moderation.model import Capability

LONGEST_TERM = timedelta(days=180)
LONGEST_SILENCE = 24 * 30
#: What can be given at all. Suspensions, answers that leave and everything about people stay with the brand's own.
GRANTABLE = frozenset(
    {
        Capability.SEE,
        Capability.TRIAGE,
        Capability.DRAFT,
        Capability.HIDE,
        Capability.RESTORE,
        Capability.LOCK,
        Capability.UNLOCK,
        Capability.MOVE,
        Capability.MARK_ANSWER,
        Capability.SILENCE,
        Capability.UNSILENCE,
        Capability.RESOLVE_REPORT,
    }
)


class GrantState(StrEnum):
    """Where a grant stands. Only an active one lets anybody act."""

    PROPOSED = "proposed"
    OFFERED = "offered"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    DECLINED = "declined"


class GrantVerb(StrEnum):
    """What can be done with a grant."""

    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    SUSPEND = "suspend"
    RESUME = "resume"
    EXPIRE = "expire"
    REVOKE = "revoke"


_S = GrantState
#: Each verb: the states it is for, and the state it leads to.
STEPS: Mapping[GrantVerb, tuple[frozenset[GrantState], GrantState]] = {
    GrantVerb.OFFER: (frozenset({_S.PROPOSED}), _S.OFFERED),
    GrantVerb.ACCEPT: (frozenset({_S.OFFERED}), _S.ACTIVE),
    GrantVerb.DECLINE: (frozenset({_S.PROPOSED, _S.OFFERED}), _S.DECLINED),
    GrantVerb.SUSPEND: (frozenset({_S.ACTIVE}), _S.SUSPENDED),
    GrantVerb.RESUME: (frozenset({_S.SUSPENDED}), _S.ACTIVE),
    GrantVerb.EXPIRE: (frozenset({_S.OFFERED, _S.ACTIVE, _S.SUSPENDED}), _S.EXPIRED),
    GrantVerb.REVOKE: (frozenset({_S.OFFERED, _S.ACTIVE, _S.SUSPENDED}), _S.REVOKED),
}
#: Nothing follows these.
ENDED = frozenset({_S.EXPIRED, _S.REVOKED, _S.DECLINED})


def after(state: GrantState, verb: GrantVerb) -> GrantState:
    """The state that a verb leads to. Raises NotAllowed where it cannot be done."""
    states, to = STEPS[verb]
    if state not in states:
        raise NotAllowed(f"A grant that is {state} cannot be taken by “{verb}”.")
    return to


def _check_steps() -> None:
    """The machine as a whole: every verb and state is in it, each state can be reached, and the ended ones end."""
    reached = {_S.PROPOSED} | {to for _, to in STEPS.values()}
    left = {state for states, _ in STEPS.values() for state in states}
    if set(STEPS) != set(GrantVerb) or reached != set(_S) or left != set(_S) - ENDED:
        raise RuntimeError("The states of a grant do not form one whole.")


_check_steps()


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: ids of connection and community, the tags of its thread."""

    connection: int
    community: int | None = None
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a grant holds: a whole connection, one community of it, or what bears a tag there."""

    connection: int
    community: int | None = None
    tag: str = ""

    def covers(self, place: Place) -> bool:
        """Whether a place lies in it."""
        if place.connection != self.connection:
            return False
        if self.community is not None and place.community != self.community:
            return False
        return not self.tag or self.tag in place.tags

    @property
    def place(self) -> Place:
        """What it covers, as a place."""
        return Place(self.connection, self.community, frozenset({self.tag} - {""}))

    def within(self, wider: Scope) -> bool:
        """Whether every place that this covers is covered by `wider`, too."""
        if self.connection != wider.connection:
            return False
        if wider.community is not None and self.community != wider.community:
            return False
        return not wider.tag or self.tag == wider.tag


@dataclass(frozen=True, slots=True)
class Grant:
    """Capabilities x scope x term. `hourly` and `daily` are the most acts; `silence_hours` the longest silence."""

    id: int
    capabilities: frozenset[Capability]
    scope: Scope
    starts_at: datetime
    ends_at: datetime
    state: GrantState = GrantState.ACTIVE
    hourly: int = 20
    daily: int = 60
    silence_hours: int = 0

    def holds(self, now: datetime) -> bool:
        """Whether it lets anybody act at this moment."""
        return self.state is GrantState.ACTIVE and self.starts_at <= now < self.ends_at


def narrowed(grant: Grant, **changes: Any) -> Grant:
    """The same grant with less in it. Raises NotAllowed for anything that it did not hold before."""
    less = replace(grant, **changes)
    shrinks = (
        less.id == grant.id,
        less.capabilities <= grant.capabilities,
        less.scope.within(grant.scope),
        less.starts_at >= grant.starts_at,
        less.ends_at <= grant.ends_at,
        less.state is grant.state,
        less.hourly <= grant.hourly,
        less.daily <= grant.daily,
        less.silence_hours <= grant.silence_hours,
    )
    if not all(shrinks):
        raise NotAllowed("A grant can be narrowed, never widened: offer a new one instead.")
    return less


def check_terms(grant: Grant) -> None:
    """Raises BadInput for a grant that must never be offered."""
    if not grant.capabilities:
        raise BadInput("A grant needs at least one capability.")
    if beyond := sorted(grant.capabilities - GRANTABLE):
        raise BadInput(f"This cannot be given by a grant: {', '.join(beyond)}.")
    if not timedelta(0) < grant.ends_at - grant.starts_at <= LONGEST_TERM:
        raise BadInput(f"A grant holds for 1 to {LONGEST_TERM.days} days.")
    if not 1 <= grant.hourly <= grant.daily:
        raise BadInput("A grant allows at least one act an hour, and in a day no fewer than in an hour.")
    if (Capability.SILENCE in grant.capabilities) != (1 <= grant.silence_hours <= LONGEST_SILENCE):
        raise BadInput(f"With “silence” goes its longest time, 1 to {LONGEST_SILENCE} hours; without it, none.")


@dataclass(frozen=True, slots=True)
class Template:
    """A grant that is often given: what it holds, for how many days, and its limits."""

    capabilities: frozenset[Capability]
    days: int
    hourly: int = 20
    daily: int = 60
    silence_hours: int = 0


TEMPLATES: Mapping[str, Template] = {
    "answerer": Template(frozenset({Capability.SEE, Capability.DRAFT, Capability.MARK_ANSWER}), 180),
    "keeper": Template(GRANTABLE - {Capability.DRAFT}, 90, 30, 100, 24),
    "night_watch": Template(
        frozenset({Capability.SEE, Capability.HIDE, Capability.RESTORE, Capability.LOCK, Capability.UNLOCK}), 60, 15, 40
    ),
}
