"""What a channel may look up while it sends. The engine answers; a channel knows no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from holdshort.notify.card import Card
from holdshort.store.base import Device


class Desk(Protocol):
    """Given to the channels that need more than the delivery itself."""

    async def card(self, tenant: str, intent_id: str) -> Card | None:
        """Return the task as it stands now."""

    async def receipts(
        self, tenant: str, intent_id: str, channel: str, recipient: str
    ) -> list[str]:
        """Return what earlier messages about the intent to this recipient left, oldest first."""

    async def devices(self, tenant: str, kind: str, person: str) -> Sequence[Device]:
        """Return a person's devices of a kind."""

    async def note_device(self, tenant: str, kind: str, id: str, said: Mapping[str, Any]) -> None:
        """Keep something with a device, if it is still there."""

    async def drop_device(self, tenant: str, kind: str, id: str) -> None:
        """Forget a device that its service does not know any more."""

    async def link(self, tenant: str, person: str, intent_id: str) -> str | None:
        """Return a link to the card that is this recipient's alone; None where people cannot reach
        this server. It decides nothing and signs nobody in."""

    async def reply_token(self, tenant: str, person: str, intent_id: str) -> str:
        """Return what marks a reply as this recipient's, on this intent: 32 small letters and
        digits. Whoever has it can comment as them, if the mail is from their address."""

    async def secret(self, name: str, make: Callable[[], str]) -> str:
        """Return a secret of this server; it is made once and kept."""
