"""Who sits at the browser: sessions and the one-time links that begin them.

Both are random secrets of which only a hash is stored. A link is used up by the POST that opens it;
looking at it changes nothing, so a scanner that fetches it does no harm.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from holdshort.engine import pushed
from holdshort.engine.engine import Engine
from holdshort.ids import hash_of
from holdshort.models import Principal
from holdshort.notify.push_devices import KIND as PUSHED_TO
from holdshort.server.access import is_admin
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
    admin: bool = False
    """Whether they run their tenant."""

    @property
    def csrf(self) -> str:
        """What every form carries: known to pages of this session, and to no other site."""
        return hashlib.sha256(f"csrf:{self.secret}".encode()).hexdigest()[:32]

    @property
    def browser_id(self) -> str:
        """What a browser tells apart people by who use it one after the other."""
        person = f"{self.principal.tenant}/{self.principal.id}"
        return hashlib.sha256(f"browser:{person}".encode()).hexdigest()[:16]

    def sent_by_us(self, token: str | None) -> bool:
        """Whether a form carries this session's token."""
        return token is not None and hmac.compare_digest(self.csrf, token)


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def link(self, tenant: str, person: str) -> str:
        """Return the secret of a new one-time link for a person."""
        return await self.make(tenant, person, "link", LINK_SECONDS)

    async def is_open(self, token: str) -> bool:
        """Whether a link could be used now."""
        return await self.find(token, "link") is not None

    async def begin(
        self,
        tenant: str,
        person: str,
        doc: dict[str, Any] | None = None,
        *,
        seconds: float = SESSION_SECONDS,
    ) -> str:
        """Sign a person in; return the session's secret.

        Args:
            doc: how they signed in (`by`) and with what browser (`agent`), for their list of
                sessions.
            seconds: how long they stay signed in.
        """
        return await self.make(tenant, person, "session", seconds, doc)

    async def end(self, secret: str) -> None:
        """Sign out."""
        await self._engine.write(lambda tx: tx.end_session(hash_of(secret)))

    async def end_all(self, tenant: str, person: str) -> int:
        """Sign a person out everywhere; return of how many sessions and links.

        Messages are pushed to none of their devices any more: one of them may have been lost.
        """
        ended = await self._engine.write(lambda tx: tx.end_sessions_of(tenant, person))
        devices = await self._engine.read(self._engine.store.devices, tenant, PUSHED_TO, person)
        await pushed.drop(self._engine, devices)
        return ended

    async def listed(self, tenant: str, person: str) -> list[Session]:
        """Return the sessions in which a person is signed in now, newest first."""
        found = await self._engine.read(self._engine.store.sessions_of, tenant, person)
        now = self._now()
        return [one for one in found if one.purpose == "session" and one.expires_at > now]

    async def end_hash(self, tenant: str, person: str, hash: str) -> bool:
        """End one of a person's sessions, known by its hash; return whether there was one."""
        if all(one.hash != hash for one in await self.listed(tenant, person)):
            return False
        return await self._engine.write(lambda tx: tx.end_session(hash)) is not None

    async def visitor(self, secret: str | None) -> Visitor | None:
        """Return who this session's secret belongs to; None for one that has ended, and for a
        person who has left."""
        found = await self.find(secret, "session") if secret else None
        if found is None:
            return None
        directory = await self._engine.directory_now(found.tenant)
        if found.person in directory.inactive:
            return None
        principal = Principal(kind="person", id=found.person, tenant=found.tenant, via="web")
        admin = is_admin(found.person, directory)
        return Visitor(principal, secret or "", found.expires_at, admin)

    async def make(
        self,
        tenant: str,
        person: str,
        purpose: str,
        seconds: float,
        doc: dict[str, Any] | None = None,
    ) -> str:
        """Return the secret of something new that a browser is to hold, and its server to know."""
        secret, now = secrets.token_urlsafe(32), self._now()
        session = Session(
            hash=hash_of(secret),
            tenant=tenant,
            purpose=purpose,
            person=person,
            created_at=now,
            expires_at=now + round(seconds * 1000),
            doc=doc or {},
        )
        await self._engine.write(lambda tx: tx.add_session(session))
        return secret

    async def find(self, secret: str, purpose: str) -> Session | None:
        """Return what this secret stands for, if it was made for this purpose and still counts."""
        found = await self._engine.read(self._engine.store.session, hash_of(secret))
        counts = found is not None and found.purpose == purpose and found.expires_at > self._now()
        return found if counts else None

    async def take(self, secret: str, purpose: str) -> Session | None:
        """The same, and it counts no more: of several who come with it, one has it."""
        if await self.find(secret, purpose) is None:
            return None
        return await self._engine.write(lambda tx: tx.end_session(hash_of(secret)))

    async def change(self, session: Session, **doc: Any) -> Session:
        """Keep something with a session; return it as it is now."""
        changed: Session = session.but(doc=session.doc | doc)
        await self._engine.write(lambda tx: tx.put_session(changed))
        return changed

    def _now(self) -> int:
        return self._engine.store.clock.now()
