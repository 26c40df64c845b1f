"""Candidates as plain values, for the command line and programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from service.usecases.reputation import Candidate, Found


def found_json(found: Found) -> dict[str, Any]:
    """The whole list; figures as `Reputation.to_json` gives them."""
    return {
        "area": found.area,
        "authors": found.authors,
        "praised": found.praised,
        "waiting": found.waiting,
        "candidates": [_candidate(c) for c in found.candidates],
        "others": [_candidate(c) for c in found.others],
    }


def _candidate(of: Candidate) -> dict[str, Any]:
    marks = [{"id": m.id, "kind": m.kind, "area": m.area, "domain": m.domain, "reason": m.reason} for m in of.marks]
    return {
        "accounts": [asdict(account) for account in of.accounts],
        **of.reputation.to_json(),
        "areas": [{"area": a.key, "name": a.name, **a.reputation.to_json()} for a in of.areas],
        "against": [str(why) for why in of.against],
        "circle": asdict(of.circle) if of.circle else None,
        "marks": marks,
        "best": [asdict(e) | {"at": e.at.isoformat()} for e in of.best],
    }
