"""Points of a trial of grants at which a process ends itself: beside those of acts, around what rights rest on."""

from __future__ import annotations

from collections.abc import Mapping

from service.selftest import replies_points

#: By role: what the web commits of a grant and of an act, what a worker commits and calls.
POINTS: Mapping[str, tuple[str, ...]] = {
    "web": (
        "before_accept_commit",
        "after_accept_commit",
        "before_revoke_commit",
        "after_revoke_commit",
        *replies_points.POINTS["web"],
    ),
    "worker": (
        "before_give",
        "in_give",
        "before_held_commit",
        "before_take",
        "in_take",
        "before_gone_commit",
        "after_gone_commit",
        *replies_points.POINTS["worker"],
    ),
}
EVERY_POINT = frozenset(name for names in POINTS.values() for name in names)
