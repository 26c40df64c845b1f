"""What can really be done through a connection: what its connector does, and its credential has the right to.

Each check of a connection finds the second out and keeps it (`Connection.may`). One that was never checked is believed
to have every right, and the platform refuses what it has not. `moderation.policy.authorize` asks again before each act.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from moderation.errors import NotAllowed
from moderation.model import ACTS, Capability
from moderation.policy import refuse_lacking
from service.db.models import Connection
from service.deps import Deps

_GIVE_IT = str(NotAllowed("Give it that right on the platform, then check the connection."))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Acts that cannot be done, and the words on why and what to do. "": the platform itself has no such acts."""

    kinds: tuple[Capability, ...]
    words: str


def lacking(may: Collection[str] | None, lacks: Mapping[str, str] | None) -> Mapping[Capability, str]:
    """Acts that a credential has no right to, of what was kept of its check; the words say how to give it."""
    if may is None:
        return {}
    return {kind: (lacks or {}).get(kind, _GIVE_IT) for kind in ACTS if kind not in may}


def carried(deps: Deps, connection: Connection) -> frozenset[Capability]:
    """What may be offered there: the only answer to it for pages, API, commands and rules."""
    connector = deps.connectors.get(connection.connector)
    able = connector.capabilities if connector is not None else frozenset()
    return able - lacking(connection.may, connection.lacks).keys()


def obstacles(deps: Deps, connection: Connection, kinds: Iterable[Capability]) -> tuple[Obstacle, ...]:
    """What stands in the way of which of these, in their order."""
    lacks, able, found = lacking(connection.may, connection.lacks), carried(deps, connection), defaultdict(list)
    connector = deps.connectors.get(connection.connector)
    has = connector.capabilities if connector is not None else frozenset()
    for kind in kinds:
        if kind in ACTS - able:
            found[lacks[kind] if kind in has else ""].append(kind)
    return tuple(Obstacle(tuple(together), words) for words, together in found.items())


def refuse_uncarried(session: Session, kind: Capability, connection_id: int) -> None:
    """For what is asked for before anybody is authorized to do it. Raises NotAllowed, saying how to give the right."""
    row = session.get_one(Connection, connection_id)
    refuse_lacking(kind, lacking(row.may, row.lacks))
