"""What a browser gives for pushing to it: an address at its push service and two keys. Pure."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpx

from holdshort.errors import InvalidRequest
from holdshort.notify.addresses import is_public
from holdshort.store.base import Device

KIND = "push"
#: The most devices that one person may have.
MOST_DEVICES = 20
_LONGEST_ENDPOINT = 2048


@dataclass(frozen=True)
class Subscription:
    """Where and how one browser is pushed to."""

    endpoint: str
    p256dh: str
    auth: str

    @classmethod
    def of(cls, device: Device) -> Subscription:
        """Return what is stored of a device."""
        return cls(str(device.doc["endpoint"]), str(device.doc["p256dh"]), str(device.doc["auth"]))

    @property
    def id(self) -> str:
        """What the device is known by: its address is a secret, so its hash."""
        return hashlib.sha256(self.endpoint.encode()).hexdigest()[:32]

    def info(self) -> dict[str, Any]:
        """Return it as browsers write it."""
        return {"endpoint": self.endpoint, "keys": {"p256dh": self.p256dh, "auth": self.auth}}

    def doc(self) -> dict[str, Any]:
        """Return what is stored of it."""
        return {"endpoint": self.endpoint, "p256dh": self.p256dh, "auth": self.auth}


def subscription(
    endpoint: str | None, p256dh: str | None, auth: str | None, *, allow_private: bool
) -> Subscription:
    """Return what a browser has sent. Raises InvalidRequest where it cannot be pushed to.

    Args:
        allow_private: take push services that are not on the public internet, over http as well.
    """
    if not endpoint or len(endpoint) > _LONGEST_ENDPOINT:
        raise InvalidRequest(f"a push address has 1 to {_LONGEST_ENDPOINT} characters")
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL as error:
        raise InvalidRequest("the push address is no URL") from error
    schemes = ("https", "http") if allow_private else ("https",)
    if url.scheme not in schemes or not url.host or url.userinfo:
        raise InvalidRequest("a push address begins with https:// and a host")
    if not allow_private and _is_private(url.host):
        raise InvalidRequest("a push service is on the public internet")
    point, secret = _bytes(p256dh), _bytes(auth)
    if len(point) != 65 or point[0] != 4 or len(secret) != 16:
        raise InvalidRequest("the keys of this device cannot be used: add it again")
    return Subscription(endpoint, str(p256dh), str(auth))


def _is_private(host: str) -> bool:
    """Whether a host is an address off the public internet; names are judged when they are called,
    but the one that is always this machine."""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return not is_public(host)


def _bytes(text: str | None) -> bytes:
    if not text or len(text) > 200:
        return b""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""
