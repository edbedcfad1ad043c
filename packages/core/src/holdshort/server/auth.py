"""Who is calling: from the credential, and from nothing else."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from holdshort.engine.engine import Engine
from holdshort.errors import Forbidden, RateLimited, Unauthenticated
from holdshort.ids import hash_of as hash_of
from holdshort.models import Principal, Role

#: For how long a key is believed without looking again (seconds). A key revoked in this process
#: ends at once, one revoked by another process after at most this.
KEY_TTL = 1.0


def new_key(role: Role) -> str:
    """Return a new API key: 256 random bits behind a prefix that scanners of secrets can know."""
    return f"hs_{role}_{secrets.token_urlsafe(32)}"


class Authenticator:
    """Turns headers into principals.

    Args:
        engine: where keys are looked up.
        rate: requests a second that a key may make over time; 0 for no limit.
        burst: requests that a key may make at once.
    """

    def __init__(self, engine: Engine, *, rate: float, burst: float) -> None:
        self._engine = engine
        self._rate = rate
        self._burst = burst
        self._known: dict[str, tuple[float, Principal]] = {}
        self._local: dict[str, Principal] = {}
        self._buckets: dict[str, tuple[float, float]] = {}

    def admit(self, principal: Principal) -> str:
        """Return a key for a client inside this very process; it is held in memory only."""
        key = new_key(principal.kind)
        self._local[hash_of(key)] = principal
        return key

    def forget(self) -> None:
        """Look every key up again: one was revoked."""
        self._known.clear()

    async def __call__(self, headers: Mapping[str, str]) -> Principal:
        """Return who calls. Raises Unauthenticated, or RateLimited for a key that calls too
        often.
        """
        key = _key_in(headers)
        digest = hash_of(key)
        principal = self._local.get(digest)
        if principal is not None:
            return principal
        now = time.monotonic()
        known = self._known.get(digest)
        if known is not None and now - known[0] < KEY_TTL:
            principal = known[1]
        else:
            principal = await self._engine.read(self._engine.store.principal, digest)
            if principal is None:
                self._known.pop(digest, None)
                raise Unauthenticated("this API key is unknown or was revoked")
            self._known[digest] = (now, principal)
        if self._rate:
            self._take(digest, now)
        return principal

    def limit(self, what: str) -> None:
        """Count a request that has no key, and writes all the same. Raises RateLimited where there
        are too many of them, whoever sends them."""
        if self._rate:
            self._take(what, time.monotonic())

    def _take(self, digest: str, now: float) -> None:
        """Take one token from the key's bucket."""
        tokens, at = self._buckets.get(digest, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._rate)
        if tokens < 1:
            raise RateLimited(
                f"more than {self._rate:g} of these requests a second",
                retry_after=(1 - tokens) / self._rate,
            )
        self._buckets[digest] = (tokens - 1, now)


def _key_in(headers: Mapping[str, str]) -> str:
    authorization = headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    key = token.strip() if scheme.lower() == "bearer" else ""
    key = key or headers.get("x-api-key", "").strip()
    if not key:
        raise Unauthenticated
    return key


def require(principal: Principal, *roles: Role) -> None:
    """Raise Forbidden unless the caller has one of these roles."""
    if principal.kind not in roles:
        raise Forbidden(
            f"this needs the key of {' or '.join(f'a {role}' for role in roles)}; yours is of role "
            f"{principal.kind}",
            role=principal.kind,
        )
