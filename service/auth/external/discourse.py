"""A forum says who somebody is: by DiscourseConnect as provider, or by a key that its member gives us.

DiscourseConnect: both messages are base64 of a query, signed with HMAC-SHA256 over the base64 text, in hexadecimal.
User API key: the forum encrypts the key to an RSA key that is made for this one question.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from service.auth.external.address import host_of
from service.auth.external.http import client, json_object, text_of, troubles
from service.auth.external.proof import Proof, Provider, Trouble, Why

WHO_SCOPES = "session_info"
DESK_SCOPES = "read,write"
#: Worth 128 bits (NIST SP 800-57, table 2).
KEY_BITS = 3_072
_LONGEST = 16_384
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 (what forums encrypt with)


@dataclass(frozen=True, slots=True)
class UserKey:
    """A member's own key, and the name that the forum knows us by."""

    key: str
    client_id: str


def connect_url(origin: str, secret: str, nonce: str, return_url: str) -> str:
    """Where the member goes to be named by DiscourseConnect."""
    encoded = base64.b64encode(urlencode({"nonce": nonce, "return_sso_url": return_url}).encode()).decode()
    return f"{origin}/session/sso_provider?{urlencode({'sso': encoded, 'sig': _signature(secret, encoded)})}"


def connect_answer(origin: str, secret: str, args: Mapping[str, str], nonce: str) -> Proof:
    """Who came back. Raises Trouble when the signature or the nonce is wrong: then nothing in it is read."""
    host, encoded = host_of(origin), args.get("sso", "")
    signed = hmac.compare_digest(_signature(secret, encoded).encode(), args.get("sig", "").encode())
    if not signed or len(encoded) > _LONGEST:
        raise Trouble(Why.UNPROVEN, host, "signature")
    with troubles(host):
        said = dict(parse_qsl(base64.b64decode(encoded, validate=True).decode()))
    if not hmac.compare_digest(said.get("nonce", "").encode(), nonce.encode()):
        raise Trouble(Why.UNPROVEN, host, "nonce")
    if said.get("failed") == "true":
        raise Trouble(Why.DENIED, host)
    return _proof(origin, text_of(said, "external_id"), text_of(said, "username", 100), text_of(said, "name", 200))


def new_key() -> str:
    """A private key in PEM form, for one question."""
    made = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
    way = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return made.private_bytes(serialization.Encoding.PEM, *way).decode()


def key_url(origin: str, client_id: str, scopes: str, private: str, nonce: str, return_url: str) -> str:
    """Where the member goes to give us a key; without `return_url` the forum shows an answer to be copied."""
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    asked = {
        "application_name": "Tenth",
        "client_id": client_id,
        "scopes": scopes,
        "public_key": _rsa(private).public_key().public_bytes(*form).decode(),
        "nonce": nonce,
        "padding": "oaep",
    }
    return f"{origin}/user-api-key/new?{urlencode(asked | ({'auth_redirect': return_url} if return_url else {}))}"


def key_answer(origin: str, client_id: str, private: str, payload: str, nonce: str) -> UserKey:
    """The key in a forum's answer. Raises Trouble when it was not made for this question."""
    host = host_of(origin)
    if len(payload) > _LONGEST:
        raise Trouble(Why.UNPROVEN, host, "payload")
    with troubles(host):
        said = _decrypted(_rsa(private), base64.b64decode("".join(payload.split()), validate=True))
    key = text_of(said, "key", 200)
    if not hmac.compare_digest(text_of(said, "nonce").encode(), nonce.encode()) or not key.isalnum():
        raise Trouble(Why.UNPROVEN, host, "nonce")
    return UserKey(key, client_id)


def who(allow: frozenset[str], origin: str, key: UserKey) -> Proof:
    """Whose key it is. Raises Trouble."""
    with client(allow, host_of(origin)) as session:
        url = origin + "/session/current.json"
        said = session.get(url, headers=_headers(key), withhold_token=True, allow_redirects=False)
        user = json_object(said)["current_user"]
        return _proof(origin, text_of(user, "id"), text_of(user, "username", 100), text_of(user, "name", 200))


def revoke(allow: frozenset[str], origin: str, key: UserKey) -> None:
    """Gives a key back. Raises Trouble."""
    with client(allow, host_of(origin)) as session:
        url = origin + "/user-api-key/revoke"
        session.post(url, headers=_headers(key), withhold_token=True, allow_redirects=False).raise_for_status()


def _proof(origin: str, subject: str, username: str, name: str) -> Proof:
    if not subject or not username:
        raise Trouble(Why.UNPROVEN, host_of(origin))
    return Proof(Provider.DISCOURSE, origin, subject, f"{username}@{host_of(origin)}", name)


def _decrypted(key: rsa.RSAPrivateKey, sealed: bytes) -> dict[str, Any]:
    """Forums that do not know `padding=oaep` use PKCS#1 v1.5; the key is used once, so that no one can probe it."""
    for way in (_OAEP, padding.PKCS1v15()):
        try:
            found = json.loads(key.decrypt(sealed, way))
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    raise ValueError("not meant for this key")


def _rsa(private: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(private.encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("not an RSA key")
    return key


def _headers(key: UserKey) -> dict[str, str]:
    return {"User-Api-Key": key.key, "User-Api-Client-Id": key.client_id}


def _signature(secret: str, encoded: str) -> str:
    return hmac.new(secret.encode(), encoded.encode(), hashlib.sha256).hexdigest()
