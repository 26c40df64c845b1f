"""Checks that several parts of the contract suite share."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from moderation.errors import BadInput
from moderation.model import Events, Ignored
from plugins.contract import Delivery
from tests.contract.found import CONNECTORS, rig_of


def secret(value: SecretStr) -> str:
    return value.get_secret_value()


def parsed(name: str, delivery: Delivery) -> Events | None:
    """Events, or None for input that was refused with a reason; any other error fails the test."""
    try:
        events = CONNECTORS[name].parse(delivery, rig_of(name).settings)
    except BadInput as error:
        require_reason(error)
        return None
    for text in texts([dataclasses.asdict(one) for one in events.events if not isinstance(one, Ignored)]):
        assert "\x00" not in text, "a NUL gets through, which PostgreSQL does not store"
        whole = text.encode("utf-8", "replace").decode()
        assert text == whole, "a lone surrogate gets through, which no database stores"
    return events


def require_reason(error: Exception) -> None:
    assert str(error).strip(), f"{type(error).__name__} says nothing"


def texts(value: Any) -> Iterator[str]:
    """Every string in nested records."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)
