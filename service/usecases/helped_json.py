"""The report of what helped as JSON: what the API and the command line give. A figure that is not known is None."""

from __future__ import annotations

import math
from typing import Any

from moderation.evaluation.metrics import Estimate
from moderation.feelings import Moves
from moderation.helped import Figures, Share, Waits
from service.usecases.helped import Group, Report

_UNKNOWN = {"value": None, "low": None, "high": None}


def report_json(report: Report) -> dict[str, Any]:
    """All of it."""
    coverage = report.coverage
    counts = {name: getattr(coverage, name) for name in ("scored", "stored", "waiting", "dead")}
    return {
        "since": report.since.isoformat(),
        "until": report.until.isoformat(),
        "uncounted": report.uncounted,
        "open_with_target": report.running,
        "open_overdue": report.late,
        "coverage": counts | {"share": _share(coverage.share)},
        **_figures(report.figures),
        "communities": [_group(g) for g in report.communities],
        "topics": [_group(g) for g in report.topics],
        "teams": [{"team_id": g.team_id, "team": g.team} | _figures(g.figures) for g in report.teams],
    }


def _figures(of: Figures) -> dict[str, Any]:
    return {
        "conversations": of.conversations,
        "feelings": {"brand": _moves(of.ours), "community": _moves(of.theirs)},
        "asked_back": _moves(of.asked_back) | {"told": of.told},
        "first_response": {"brand": _waits(of.brand), "community": _waits(of.community)},
        "resolution": _waits(of.settled),
        "community_within_hour": _share(of.within_hour),
        "targets_met": {"response": _share(of.response), "resolution": _share(of.resolution)},
    }


def _group(group: Group) -> dict[str, Any]:
    names = {"community_id": group.community_id, "community": group.community, "connection": group.connection}
    return names | {"topic": group.topic, "open_overdue": group.late} | _figures(group.figures)


def _moves(of: Moves) -> dict[str, Any]:
    counts = {name: getattr(of, name) for name in ("started", "ended", "up", "same", "down", "start", "end")}
    shares = {f"{name}_share": _share(Share(getattr(of, name), of.ended)) for name in ("up", "same", "down")}
    return counts | shares | {"change": _estimate(of.change)}


def _waits(of: Waits) -> dict[str, Any]:
    return {"count": of.count, "seconds": _estimate(of.wall), "business_seconds": _estimate(of.counted)}


def _share(of: Share) -> dict[str, Any]:
    return {"count": of.count, "of": of.of} | (_estimate(of.estimate) or _UNKNOWN)


def _estimate(of: Estimate | None) -> dict[str, float] | None:
    if of is None or math.isnan(of.value):
        return None
    return {name: round(getattr(of, name), 4) for name in ("value", "low", "high")}
