"""What channels look up while they send, answered from the store."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdshort.engine import pushed
from holdshort.engine.engine import Engine
from holdshort.ids import hash_of
from holdshort.models import DEFAULT_TENANT
from holdshort.notify.card import Card, card_of
from holdshort.store.base import Device, Entry, Session

#: How long a link in a message says whom it was sent to (seconds). It opens nothing by itself.
LINK_SECONDS = 60 * 86400


class EngineDesk:
    """The desk of the channels that run beside an engine.

    Args:
        public_url: where people reach this server; None where they cannot.
    """

    def __init__(self, engine: Engine, *, public_url: str | None) -> None:
        self._engine = engine
        self._base = public_url.rstrip("/") if public_url else None

    async def card(self, tenant: str, intent_id: str) -> Card | None:
        store, read = self._engine.store, self._engine.read
        intent = await read(store.intent, tenant, intent_id)
        if intent is None:
            return None
        body = await read(store.body, tenant, intent_id)
        url = f"{self._base}/inbox/{intent_id}" if self._base else None
        return card_of(intent, body, now=store.clock.now(), url=url)

    async def receipts(
        self, tenant: str, intent_id: str, channel: str, recipient: str
    ) -> list[str]:
        found = await self._engine.read(
            self._engine.store.deliveries, tenant, intent_id=intent_id, limit=500
        )
        return [
            one.receipt
            for one in reversed(found)
            if one.receipt
            and one.attempts  # what went in another message, or not at all, was not sent by itself
            and (one.channel, one.recipient) == (channel, recipient)
        ]

    async def devices(self, tenant: str, kind: str, person: str) -> Sequence[Device]:
        return await self._engine.read(self._engine.store.devices, tenant, kind, person)

    async def note_device(self, tenant: str, kind: str, id: str, said: Mapping[str, Any]) -> None:
        known = await self._engine.read(self._engine.store.device, kind, id)
        if known is None or known.tenant != tenant:
            return
        noted = known.but(doc={**known.doc, **said})
        # Only in the place of itself: one that is dropped at this moment does not come back.
        await self._engine.write(
            lambda tx: tx.put_device(noted) if tx.delete_device(tenant, kind, id) else None
        )

    async def drop_device(self, tenant: str, kind: str, id: str) -> None:
        known = await self._engine.read(self._engine.store.device, kind, id)
        if known is not None and known.tenant == tenant:
            await pushed.drop(self._engine, [known])

    async def link(self, tenant: str, person: str, intent_id: str) -> str | None:
        if self._base is None:
            return None
        token = secrets.token_urlsafe(32)
        await self._keep(token, "mail", tenant, person, intent_id)
        return f"{self._base}/m/{token}"

    async def reply_token(self, tenant: str, person: str, intent_id: str) -> str:
        # Small letters and digits: it stands in a mail address, whose case gets lost.
        token = base64.b32encode(secrets.token_bytes(20)).decode().lower()
        await self._keep(token, "reply", tenant, person, intent_id)
        return token

    async def _keep(
        self, token: str, purpose: str, tenant: str, person: str, intent_id: str
    ) -> None:
        now = self._engine.store.clock.now()
        session = Session(
            hash=hash_of(token),
            tenant=tenant,
            purpose=purpose,
            person=person,
            created_at=now,
            expires_at=now + LINK_SECONDS * 1000,
            doc={"intent": intent_id},
        )
        await self._engine.write(lambda tx: tx.add_session(session))

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        known = await self._secret(name)
        if known is None:
            made = Entry(kind="secret", name=name, doc={"value": make()})
            # Another process may make one at this moment: the first that is written counts.
            await self._engine.write(lambda tx: tx.add_entry(DEFAULT_TENANT, made))
            known = await self._secret(name)
        assert known is not None
        return known

    async def _secret(self, name: str) -> str | None:
        entries = await self._engine.read(self._engine.store.entries, DEFAULT_TENANT, "secret")
        return next((str(one.doc["value"]) for one in entries if one.name == name), None)
