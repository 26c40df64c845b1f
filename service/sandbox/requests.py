"""What a view needs from its request: the world behind the app, and parameters whatever way they were sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, request

from service.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from service.sandbox.world import World

EXTENSION = "tenth_sandbox"
_BRACKETS = re.compile(r"\[(.*?)\]")


def world() -> World:
    return cast("World", current_app.extensions[EXTENSION])


def params() -> dict[str, Any]:
    """Query, then form or JSON body over it, with `a[b]` and `a[]` unfolded as Rails does."""
    merged: dict[str, Any] = {}
    for source in (request.args, request.form):
        for key, values in source.lists():
            _put(merged, key, values)
    if request.is_json:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise Refusal(400, "There was an error parsing the request body")
        for key, value in body.items():
            _put(merged, key, [value])
    return merged


def _put(target: dict[str, Any], key: str, values: list[Any]) -> None:
    head, inner = key.split("[", 1)[0], _BRACKETS.findall(key)
    if inner == [""]:
        listed = values[0] if len(values) == 1 and isinstance(values[0], list) else values
        target[head] = [v for v in listed if v != ""]
    elif inner:
        target.setdefault(head, {})[inner[0]] = values[-1]
    else:
        target[head] = values[-1]


def text(values: dict[str, Any], key: str, default: str = "") -> str:
    value = values.get(key, default)
    return default if value is None else str(value)


def number(values: dict[str, Any], key: str, default: int = 0) -> int:
    value = values.get(key)
    if value in (None, ""):
        return default
    try:
        return int(str(value))
    except ValueError as error:
        raise Refusal(400, f"You supplied invalid parameters to the request: {key}", "invalid_parameters") from error


def truth(values: dict[str, Any], key: str, *, default: bool = False) -> bool:
    value = values.get(key)
    return default if value is None else str(value).lower() in ("true", "1", "t", "yes", "on")


def listed(values: dict[str, Any], key: str) -> list[str]:
    value = values.get(key, [])
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]
