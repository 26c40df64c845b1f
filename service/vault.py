"""Encryption at rest: MultiFernet with keys derived by HKDF-SHA256 (RFC 5869) from the secret keys.

Each purpose has keys of its own, so that a value of one can never be read as another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from moderation.errors import TenthError


class VaultError(TenthError):
    """A kept secret cannot be read with the keys we have."""


class Vault:
    """Encrypts with the first key, decrypts with any."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_derive(s, b"tenth credentials at rest")) for s in secrets])
        self._draws = _derive(secrets[0], b"tenth draws") if secrets else b""

    def seal(self, text: str) -> bytes:
        """Encrypted bytes of a text."""
        return self._fernet.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """The text again. Raises VaultError when no key fits."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise VaultError(
                "A kept credential cannot be read: TENTH_SECRET_KEY is not the key it was written with. "
                "Put the old key after the new one (new,old)."
            ) from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same secret under the newest key. Raises VaultError when no key fits."""
        return self.seal(self.open(sealed))

    def chance(self, name: str) -> float:
        """A number in [0, 1) for a name, always the same one, that nobody can foretell without the newest key."""
        digest = hmac.new(self._draws, name.encode(), hashlib.sha256).digest()
        return int.from_bytes(digest[:6]) / 2**48


def token_digest(token: str) -> str:
    """SHA-256 of a random token, hex: tokens of 256 random bits need no salt and no key."""
    return hashlib.sha256(token.encode()).hexdigest()


def same(a: str, b: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(a.encode(), b.encode())


def _derive(secret: str, purpose: bytes) -> bytes:
    hkdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=b"tenth", info=purpose)
    return base64.urlsafe_b64encode(hkdf.derive(secret.encode()))
