"""Programs with tokens of their own. A token is shown once; only its digest is kept."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from moderation.errors import BadInput
from moderation.model import Capability
from moderation.policy import Actor
from service.db.audit import Entry, append
from service.db.models import ApiClient
from service.deps import Deps
from service.vault import token_digest

SCOPES = {
    "queue:read": "read the queue and its communities",
    "threads:read": "read conversations",
    "restricted:read": "also see what stands in restricted communities",
    "connections:read": "read the state of connections",
    "statements:read": "read statements of reasons, in the fields of the EU's database, without personal data",
    "appeals:read": "read appeals and what became of them",
    "reports:read": "read what members reported, and how much it weighs, without who reported it",
    "reports:decide": "decide about reports in the desk; what touches a platform waits for a person",
    "actions:read": "read acts of moderation and what became of them, without who asked for them",
    "actions:write": "ask for acts of moderation, each of which a person makes their own, or refuses",
    "grants:read": "read grants: who was given which rights, where, until when",
    "replies:draft": "write drafts of answers, which people read and send, and see what became of them",
    "deliveries:write": "list dead deliveries and give them new tries",
    "switch:write": "pull and lift the global stop",
    "score": "have texts scored",
}
#: What `authorize` asks for on behalf of a scope.
CAPABILITIES = {
    "queue:read": Capability.SEE,
    "threads:read": Capability.SEE,
    "restricted:read": Capability.SEE,
    "connections:read": Capability.SEE,
    "statements:read": Capability.SEE,
    "appeals:read": Capability.SEE,
    "reports:read": Capability.SEE,
    "reports:decide": Capability.MANAGE,
    "actions:read": Capability.SEE,
    "actions:write": Capability.DRAFT,
    "grants:read": Capability.SEE,
    "replies:draft": Capability.DRAFT,
    "deliveries:write": Capability.MANAGE,
    "switch:write": Capability.MANAGE,
    "score": Capability.SEE,
}
PREFIX = "tenth_"
#: Longer than any token of ours; nothing longer is worth a digest.
MAX_TOKEN = 200
USED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Client:
    """A program, as far as it may be shown."""

    id: int
    name: str
    scopes: frozenset[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """What the audit log calls it."""
        return f"client:{self.id}"

    @property
    def asking(self) -> Actor:
        """The program, as `authorize` asks for it."""
        return Actor(self.actor, "program", self.revoked_at is None, scopes=self.scopes)

    def may(self, scope: str) -> bool:
        return scope in self.scopes


def create_client(deps: Deps, name: str, scopes: Collection[str], actor: str = "system") -> str:
    """Makes a client and returns its token, which is never shown again. Raises BadInput."""
    name, wanted = name.strip(), sorted(set(scopes))
    _check(name, wanted)
    token = PREFIX + secrets.token_urlsafe(32)
    now = deps.now()
    row = ApiClient(name=name, token_digest=token_digest(token), scopes=" ".join(wanted), created_at=now)
    with deps.store.write() as session:
        if session.scalar(select(ApiClient.id).where(ApiClient.name == name)):
            raise BadInput(f"There is a client named “{name}” already. Take another name.")
        session.add(row)
        session.flush()
        append(session, deps.vault, Entry("client:create", actor, f"client:{row.id}", after=wanted), now)
    return token


def revoke_client(deps: Deps, name: str, actor: str = "system") -> None:
    """Ends a client's token for good; doing it twice changes nothing. Raises BadInput when there is no such client."""
    now = deps.now()
    with deps.store.write() as session:
        row = session.scalars(select(ApiClient).where(ApiClient.name == name)).one_or_none()
        if row is None:
            raise BadInput(f"There is no client named “{name}”.")
        if row.revoked_at is None:
            row.revoked_at = now
            append(session, deps.vault, Entry("client:revoke", actor, f"client:{row.id}"), now)


def list_clients(deps: Deps) -> list[Client]:
    """Every client, revoked ones too, by name."""
    with deps.store.read() as session:
        return [_client(row) for row in session.scalars(select(ApiClient).order_by(ApiClient.name))]


def authenticate(deps: Deps, token: str) -> Client | None:
    """The client whose token this is, unless it was revoked. Notes the use, once a minute at most."""
    if not token or len(token) > MAX_TOKEN:
        return None
    with deps.store.read() as session:
        row = session.scalars(select(ApiClient).where(ApiClient.token_digest == token_digest(token))).one_or_none()
    if row is None or row.revoked_at is not None:
        return None
    _note_use(deps, row)
    return _client(row)


def _note_use(deps: Deps, row: ApiClient) -> None:
    now = deps.now()
    if row.last_used_at is None or now - row.last_used_at >= USED_EVERY:
        with deps.store.write() as session:
            session.execute(update(ApiClient).where(ApiClient.id == row.id).values(last_used_at=now))


def _check(name: str, scopes: list[str]) -> None:
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise BadInput("A client needs a name of 1 to 80 printable characters.")
    unknown = [s for s in scopes if s not in SCOPES]
    if unknown or not scopes:
        problem = f"There is no scope “{unknown[0]}”." if unknown else "A client needs a scope."
        raise BadInput(f"{problem} Take of these: {', '.join(SCOPES)}.")


def _client(row: ApiClient) -> Client:
    return Client(row.id, row.name, frozenset(row.scopes.split()), row.created_at, row.last_used_at, row.revoked_at)
