"""Who sits at the browser: sessions and the one-time links that begin them.

Both are random secrets of which only a hash is stored. A link is used up by the POST that opens it;
looking at it changes nothing, so a scanner that fetches it does no harm.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from holdshort.engine.engine import Engine
from holdshort.models import Principal
from holdshort.server.auth import hash_of
from holdshort.store.base import Session

COOKIE = "holdshort_session"
#: How long somebody stays signed in (seconds).
SESSION_SECONDS = 12 * 3600
#: How long a link can be used (seconds).
LINK_SECONDS = 15 * 60


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in."""

    principal: Principal
    secret: str
    expires_at: int

    @property
    def csrf(self) -> str:
        """What every form carries: known to pages of this session, and to no other site."""
        return hashlib.sha256(f"csrf:{self.secret}".encode()).hexdigest()[:32]

    def sent_by_us(self, token: str | None) -> bool:
        """Whether a form carries this session's token."""
        return token is not None and hmac.compare_digest(self.csrf, token)


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def link(self, tenant: str, person: str) -> str:
        """Return the secret of a new one-time link for a person."""
        return await self._make(tenant, person, "link", LINK_SECONDS)

    async def open_link(self, token: str) -> str | None:
        """Use a link up; return the secret of the session that it begins, or None where it is
        unknown, used or too old."""
        used = await self._engine.write(lambda tx: tx.end_session(hash_of(token)))
        if used is None or used.purpose != "link" or used.expires_at <= self._now():
            return None
        return await self.begin(used.tenant, used.person)

    async def is_open(self, token: str) -> bool:
        """Whether a link could be used now."""
        found = await self._find(token)
        return found is not None and found.purpose == "link"

    async def begin(self, tenant: str, person: str) -> str:
        """Sign a person in; return the session's secret."""
        return await self._make(tenant, person, "session", SESSION_SECONDS)

    async def end(self, secret: str) -> None:
        """Sign out."""
        await self._engine.write(lambda tx: tx.end_session(hash_of(secret)))

    async def end_all(self, tenant: str, person: str) -> int:
        """Sign a person out everywhere; return of how many sessions and links."""
        return await self._engine.write(lambda tx: tx.end_sessions_of(tenant, person))

    async def visitor(self, secret: str | None) -> Visitor | None:
        """Return who this session's secret belongs to; None for one that has ended, and for a
        person who has left."""
        found = await self._find(secret) if secret else None
        if found is None or found.purpose != "session":
            return None
        directory = await self._engine.directory_now(found.tenant)
        if found.person in directory.inactive:
            return None
        principal = Principal(kind="person", id=found.person, tenant=found.tenant, via="web")
        return Visitor(principal, secret or "", found.expires_at)

    async def _find(self, secret: str) -> Session | None:
        found = await self._engine.read(self._engine.store.session, hash_of(secret))
        return found if found is not None and found.expires_at > self._now() else None

    async def _make(self, tenant: str, person: str, purpose: str, seconds: float) -> str:
        secret, now = secrets.token_urlsafe(32), self._now()
        session = Session.model_validate(
            {
                "hash": hash_of(secret),
                "tenant": tenant,
                "purpose": purpose,
                "person": person,
                "created_at": now,
                "expires_at": now + round(seconds * 1000),
            }
        )
        await self._engine.write(lambda tx: tx.add_session(session))
        return secret

    def _now(self) -> int:
        return self._engine.store.clock.now()
