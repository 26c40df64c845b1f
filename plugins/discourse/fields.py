"""Fields of Discourse's records, each named when it cannot be used. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from moderation.errors import BadInput
from plugins.discourse.text import cleaned

Json = dict[str, Any]


def text_in(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return cleaned(value) if isinstance(value, str) else ""


def id_in(record: Json, where: str, name: str) -> str:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | str) or not re.fullmatch(r"-?\d{1,18}", str(value)):
        raise BadInput(f"{where}.{name} is missing or not an id.")
    return str(value)


def int_in(record: Json, where: str, name: str) -> int:
    value = optional_int(record, where, name)
    if value is None:
        raise BadInput(f"{where}.{name} is missing.")
    return value


def optional_int(record: Json, where: str, name: str) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
        raise BadInput(f"{where}.{name} is not a whole number.")
    return value


def time_in(record: Json, where: str, name: str) -> datetime:
    value = record.get(name)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError as error:
        raise BadInput(f"{where}.{name} is not a time.") from error
    if at is None or at.tzinfo is None:
        raise BadInput(f"{where}.{name} is missing or has no time zone.")
    return at
