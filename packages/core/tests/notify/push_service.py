"""A push service on the loopback, and browsers that are pushed to."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .receiver import HttpReceiver, Request


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def data(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Phone:
    """A browser that has made an address for push messages: it alone can read what comes."""

    service: HttpReceiver
    name: str = "phone"
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def path(self) -> str:
        return f"/push/{self.name}-{text(self.secret)[:8]}"

    @property
    def endpoint(self) -> str:
        return self.service.url.replace("/hook", self.path)

    def form(self) -> dict[str, str]:
        """What the page's script sends about it."""
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"endpoint": self.endpoint, "p256dh": text(point), "auth": text(self.secret)}

    def requests(self) -> list[Request]:
        return [one for one in self.service.requests if one.path == self.path]

    def messages(self) -> list[dict[str, Any]]:
        """What has arrived here, decrypted."""
        return [json.loads(self.read(one.body)) for one in self.requests()]

    def read(self, body: bytes) -> bytes:
        found: bytes = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        return found


def proven(request: Request, origin: str) -> tuple[dict[str, Any], str]:
    """Return the claims of a request's proof and the key that signed them, which is verified as a
    push service verifies it (RFC 8292)."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    assert scheme == "vapid"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    signed, _, signature = parts["t"].rpartition(".")
    head, _, body = signed.partition(".")
    assert json.loads(data(head))["alg"] == "ES256"
    raw = data(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data(parts["k"]))
    key.verify(der, signed.encode(), ec.ECDSA(SHA256()))
    claims: dict[str, Any] = json.loads(data(body))
    assert claims["aud"] == origin
    return claims, parts["k"]
