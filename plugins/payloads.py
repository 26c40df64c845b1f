"""The body of a delivery, and objects in it, each named when it cannot be used. Pure."""

from __future__ import annotations

import json
from typing import Any

from moderation.errors import BadInput

Json = dict[str, Any]


def loaded(body: bytes) -> Json:
    """The JSON object that a delivery is. Raises BadInput."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadInput("The delivery is not readable JSON.") from error
    if not isinstance(found, dict):
        raise BadInput("The delivery is not a JSON object.")
    return found


def object_in(record: Json, name: str) -> Json:
    """An object within another. Raises BadInput."""
    found = record.get(name)
    if not isinstance(found, dict):
        raise BadInput(f"{name} is missing or not an object.")
    return found
