"""What a community's own decisions changed about the shipped weights: small numbers that a person can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tuning:
    """Adjustments in log-odds. `shift` is added to every thread; `terms` multiplies the shipped weight of a reason's
    code (1 where it is missing); `topics` is added for what the message that waits is about, times its chance (0 where
    it is missing).
    """

    shift: float = 0.0
    terms: Mapping[str, float] = field(default_factory=dict)
    topics: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> Tuning:
        return cls(**kept) if kept else PRIOR


#: The shipped weights as they are.
PRIOR = Tuning()
