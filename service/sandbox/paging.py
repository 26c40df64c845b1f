"""Mastodon's pages: newest first, cursors by id, and a Link header with both relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from flask import request

from service.sandbox.refusal import Refusal
from service.sandbox.requests import world

CURSORS = ("max_id", "min_id", "since_id")


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Identified)


def page(items: Sequence[Item], default: int = 20, most: int = 40) -> tuple[list[Item], dict[str, str]]:
    """One page of `items` (in any order) and its headers; an empty page has no Link at all."""
    newest = sorted(items, key=lambda item: item.id, reverse=True)
    limit = max(1, min(_limit(default), most))
    low = request.args.get("min_id") or request.args.get("since_id")
    if high := request.args.get("max_id"):
        newest = [item for item in newest if item.id < high]
    if low:
        newest = [item for item in newest if item.id > low]
    chosen = newest[-limit:] if request.args.get("min_id") else newest[:limit]
    return chosen, _links(chosen)


def _limit(default: int) -> int:
    try:
        return int(request.args.get("limit", default))
    except ValueError as error:
        raise Refusal(400, "Bad Request: error parsing limit") from error


def _links(chosen: Sequence[Identified]) -> dict[str, str]:
    if not chosen:
        return {}
    kept = [(k, v) for k, v in request.args.items(multi=True) if k not in CURSORS]
    base = world().base_url + request.path
    older = urlencode([*kept, ("max_id", chosen[-1].id)])
    newer = urlencode([*kept, ("min_id", chosen[0].id)])
    return {"Link": f'<{base}?{older}>; rel="next", <{base}?{newer}>; rel="prev"'}
