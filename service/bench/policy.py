"""How fast `authorize` answers, on one core: by a role, by one of several grants, and when it refuses."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from moderation.errors import NotAllowed
from moderation.grants import TEMPLATES, Grant, Place, Scope
from moderation.model import Capability
from moderation.policy import Actor, Subject, authorize

GRANTS = 5
ROUNDS = 5
_NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PolicyRates:
    """Calls a second of processor time, medians over the rounds; the ratios are to `by_role`, the baseline."""

    by_role: int
    by_grant: int
    refused: int
    grant_ratio: float
    refused_ratio: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def bench_policy(calls: int, say: Callable[[str], None]) -> PolicyRates:
    """Asks about hiding a message, in turns, so that whatever else the machine does hits each alike."""
    manager, keeper, nobody = Actor("m", "manager"), Actor("k", "rock_star", grants=_grants()), Actor("n", "rock_star")
    found: dict[str, list[float]] = {"m": [], "k": [], "n": []}
    for number in range(ROUNDS):
        for actor in (manager, keeper, nobody):
            found[actor.name].append(_rate(actor, calls))
        say(f"round {number + 1} of {ROUNDS}")
    role, grant, refused = (median(found[name]) for name in ("m", "k", "n"))
    return PolicyRates(int(role), int(grant), int(refused), round(grant / role, 3), round(refused / role, 3))


def _grants() -> tuple[Grant, ...]:
    """As many as somebody with much trust holds; the last one covers the place."""
    keeper, ends = TEMPLATES["keeper"], _NOW + timedelta(days=30)
    return tuple(
        Grant(n, keeper.capabilities, Scope(1, n), _NOW, ends, silence_hours=keeper.silence_hours)
        for n in range(1, GRANTS + 1)
    )


def _rate(actor: Actor, calls: int) -> float:
    subject = Subject("message", 1, place=Place(1, GRANTS))
    started = time.process_time()
    for _ in range(calls):
        try:
            authorize(actor, Capability.HIDE, subject, _NOW)
        except NotAllowed:
            continue
    return calls / (time.process_time() - started)
