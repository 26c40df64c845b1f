"""Proof by profile: whoever can write a code of ours into an account's public profile has that account.

For platforms that cannot say to us who somebody is without their password, which is never asked for. The code is for
one person, one connection and one day: seen by others it is of no use to them. It proves an author and lets nobody in.
"""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import Signer
from sqlalchemy import select

from moderation.errors import BadInput, NotAllowed
from plugins.contract import ShowsProfiles
from service.auth.external.proof import PROFILE_PROVEN, Proof, Provider, Trouble
from service.db.models import Connection
from service.deps import Deps
from service.usecases import identities
from service.usecases.connections import ready_session
from service.usecases.people import Known

_PURPOSE = "tenth profile"
LONGEST_HANDLE = 300


@dataclass(frozen=True, slots=True)
class Place:
    """A connection on which somebody can prove an account, and what they write into their profile there today."""

    connection_id: int
    name: str
    connector: str
    url: str
    code: str


def places(deps: Deps, by: Known) -> list[Place]:
    """Connections whose accounts are proven by their profile."""
    query = select(Connection).where(Connection.connector.in_(PROFILE_PROVEN)).order_by(Connection.name)
    with deps.store.read() as session:
        rows = session.scalars(query).all()
    return [Place(r.id, r.name, r.connector, r.url, code(deps, by, r.id, deps.now())) for r in rows]


def code(deps: Deps, by: Known, connection_id: int, at: datetime) -> str:
    """What one person writes on one platform on one day (UTC); nobody can foretell it without our key."""
    said = f"{by.id}:{by.username}:{connection_id}:{at:%Y-%m-%d}"
    signature = Signer(deps.settings.secrets[0], _PURPOSE, digest_method=hashlib.sha256).get_signature(said)
    return f"tenth-{hashlib.sha256(signature).hexdigest()[:24]}"


def prove(deps: Deps, connection_id: int, handle: str, by: Known) -> str:
    """Looks into the account's profile and links it. Returns what the account is called.

    Raises NotAllowed where the code is not there or the account is another person's, BadInput for a place where
    nobody proves anything so, and ConnectorError. Yesterday's code is good, too: midnight comes for everybody.
    """
    with deps.store.read() as session:
        row = session.get(Connection, connection_id)
    if row is None or row.connector not in PROFILE_PROVEN or not 0 < len(handle.strip()) <= LONGEST_HANDLE:
        raise BadInput("Choose where the account is, and write its name as it is shown there.")
    with closing(ready_session(deps, connection_id)) as platform:
        if not isinstance(platform, ShowsProfiles):
            raise BadInput("Choose where the account is, and write its name as it is shown there.")
        found = platform.profile(handle)
    now = deps.now()
    if not any(code(deps, by, connection_id, at) in found.about for at in (now, now - timedelta(days=1))):
        raise NotAllowed("The code is not in that profile. Save the profile first, then look again.")
    proof = Proof(Provider(row.connector), row.url.rstrip("/"), found.remote_id, found.handle)
    try:
        identities.link(deps, by, proof)
    except Trouble as error:
        raise NotAllowed("This account was proven by somebody else already.") from error
    return found.handle
