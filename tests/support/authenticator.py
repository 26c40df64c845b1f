"""A passkey device in software: ES256, attestation "none" (WebAuthn level 3), for what a real browser never sends."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    """One credential on one device. `verifies`: it asked its owner for a finger; `origin`: where its browser stood."""

    origin: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    id: bytes = field(default_factory=lambda: os.urandom(32))
    count: int = 0
    verifies: bool = True
    handle: bytes = b""

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to registration options."""
        self.handle = base64url_to_bytes(options["user"]["id"])
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        held = bytes(16) + len(self.id).to_bytes(2) + self.id + cbor2.dumps(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(options["rp"]["id"], _ATTESTED) + held}
        client = self._client("webauthn.create", options["challenge"])
        return self._answer(client, {"attestationObject": _text(cbor2.dumps(attestation)), "transports": ["internal"]})

    def use(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to authentication options."""
        self.count += 1
        data, client = self._data(options["rpId"]), self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": data, "signature": signature, "userHandle": self.handle}
        return self._answer(client, {name: _text(value) for name, value in parts.items()})

    def _data(self, site: str, more: int = 0) -> bytes:
        flags = _PRESENT | more | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(site.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def _answer(self, client: bytes, response: dict[str, Any]) -> dict[str, Any]:
        told = {"clientDataJSON": _text(client), **response}
        return {"id": _text(self.id), "rawId": _text(self.id), "type": "public-key", "response": told}


def _text(value: bytes) -> str:
    return bytes_to_base64url(value)
