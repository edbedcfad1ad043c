"""What holds passkeys, in software: it signs as a security key does, and lies where told to."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, NEW = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One person's device.

    `origin` is the page that asks, as the browser says it. The others are what it is told to lie
    about: `counts` False is a copy that forgot how often it was used, `verifies` False is one that
    lets anybody who holds it.
    """

    origin: str = "http://localhost:8100"
    counts: bool = True
    verifies: bool = True
    count: int = 0
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    user: str = ""

    def make(self, options: dict[str, Any]) -> str:
        """Make a passkey, as the options ask."""
        self.user = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        key = encode_cbor(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        )
        data = self._data(options["rp"]["id"], NEW)
        data += bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": self._said("webauthn.create", options["challenge"]),
                "attestationObject": attestation,
            }
        )

    def show(self, options: dict[str, Any], **lies: Any) -> str:
        """Show the passkey, as the options ask; `lies` go in the place of what is true."""
        if self.counts:
            self.count += 1
        data = self._data(lies.get("party", options["rpId"]))
        said = self._said(
            lies.get("type", "webauthn.get"), lies.get("challenge", options["challenge"])
        )
        signed = self.key.sign(
            data + hashlib.sha256(lies.get("signed", said)).digest(), ec.ECDSA(hashes.SHA256())
        )
        handle = base64url_to_bytes(lies.get("user", self.user))
        return self._answer(
            {
                "clientDataJSON": said,
                "authenticatorData": data,
                "signature": signed,
                "userHandle": handle,
            }
        )

    def _data(self, party: str, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _said(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _answer(self, response: dict[str, bytes]) -> str:
        name = bytes_to_base64url(self.id)
        sent = {key: bytes_to_base64url(value) for key, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": sent})
