"""Which connectors exist: the entry points of the group `tenth.connectors`. Only bootstrap asks."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from moderation.errors import TenthError
from plugins.contract import Connector

GROUP = "tenth.connectors"


class ConnectorLoadError(TenthError):
    """A connector cannot be loaded; start-up stops with its name and cause."""


def load(points: list[EntryPoint] | None = None) -> dict[str, Connector]:
    """Every installed connector by name. Raises ConnectorLoadError for one that is broken or named twice."""
    found: dict[str, Connector] = {}
    for point in points if points is not None else _installed():
        connector = _load_one(point)
        if connector.name in found:
            raise ConnectorLoadError(f"Two connectors are named “{connector.name}”; uninstall one of them.")
        found[connector.name] = connector
    return found


@cache
def _installed() -> list[EntryPoint]:
    """Asked once a process: the metadata of every package on the machine is read for it."""
    return list(entry_points(group=GROUP))


def _load_one(point: EntryPoint) -> Connector:
    try:
        connector = point.load()
    except Exception as error:
        raise ConnectorLoadError(f"The connector “{point.name}” cannot be loaded: {error}") from error
    if not isinstance(connector, Connector):
        raise ConnectorLoadError(f"“{point.name}” ({point.value}) does not keep the connector contract.")
    return connector
