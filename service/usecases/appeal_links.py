"""The signed link by which an author sees a statement of reasons and contests it, without an account.

The token names the statement and nothing else, and is good for no other purpose. It is always the same for the same
statement, so a manager can hand it over; how long it is good for is counted from the statement's own time.
"""

from __future__ import annotations

import hashlib

from itsdangerous import BadData, URLSafeSerializer

from service.deps import Deps

_PURPOSE = "tenth appeal"
#: No token of ours is longer.
_LONGEST = 200


def contest_address(deps: Deps, statement_id: int, base: str = "") -> str:
    """The whole address; "" where we do not know our own. `base` is what a page knows of it."""
    own = (deps.settings.public_url or base).rstrip("/")
    return f"{own}/appeal/{token_of(deps, statement_id)}" if own else ""


def token_of(deps: Deps, statement_id: int) -> str:
    """The token of a statement."""
    signed = _serializer(deps).dumps(statement_id)
    return signed if isinstance(signed, str) else signed.decode()


def statement_of(deps: Deps, token: str) -> int | None:
    """The statement that a token names; None for one that is not ours."""
    if len(token) > _LONGEST:
        return None
    try:
        found = _serializer(deps).loads(token)
    except BadData:
        return None
    return found if type(found) is int else None


def _serializer(deps: Deps) -> URLSafeSerializer:
    """Signs with the newest key, takes any; the library wants the newest last."""
    how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(list(reversed(deps.settings.secrets)), salt=_PURPOSE, signer_kwargs=how)
