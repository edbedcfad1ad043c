"""What a push message says, and how urgent it is: pure.

A lock screen is read by whoever holds the phone. So a message says that somebody is waited for, how
risky it is and until when; what exactly is asked stands there only where the person wants it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from holdshort.store.base import Delivery

#: The longest that a push service keeps a message for a device that is off (seconds).
LONGEST_TTL = 28 * 86400
#: What is due at once is still worth this long (seconds).
SHORTEST_TTL = 60
#: How much of what is asked a lock screen shows (characters); the card shows all of it.
LONGEST_TEXT = 300

_TITLES = {
    "asked": "An agent waits for your decision",
    "reminded": "An agent still waits for your decision",
    "escalated": "A decision was escalated to you",
    "limit_exceeded": "An agent has passed one of its limits",
}
_NEWS = "There is news of a task of yours"


@dataclass(frozen=True)
class PushMessage:
    """One message, before it is encrypted for a device."""

    id: str
    title: str
    path: str
    """The page that a tap opens."""
    tag: str
    """A later message with the same tag takes the place of this one on the screen."""
    high: bool = False
    risk: str | None = None
    until: int | None = None
    """When it is too late (milliseconds UTC); the device says it in its own time zone."""
    urgent: bool = False
    ttl: int = LONGEST_TTL
    """How long a push service keeps it (seconds)."""
    told: tuple[str, ...] = field(default=())

    def payload(self, what: str | None = None) -> bytes:
        """Return what is encrypted.

        Args:
            what: what exactly is asked, where the person lets this device show it.
        """
        risk = [f"{self.risk.capitalize()} risk."] if self.risk else []
        said = [_cut(what)] if what else []
        found: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "text": " ".join([*self.told, *risk, *said]),
            "path": self.path,
            "tag": self.tag,
            "until": self.until,
        }
        return json.dumps({k: v for k, v in found.items() if v is not None}).encode()

    @property
    def headers(self) -> dict[str, str]:
        """How a push service is to treat it (RFC 8030)."""
        topic = urlsafe_b64encode(hashlib.sha256(self.tag.encode()).digest())[:32].decode()
        return {
            "ttl": str(self.ttl),
            # Never lower than normal: a phone keeps what is less until it is charged.
            "urgency": "high" if self.urgent else "normal",
            "topic": topic,
        }


def message_of(delivery: Delivery, now: int) -> PushMessage:
    """Return what is pushed for a delivery. Raises ValueError for what is no notification.

    Args:
        now: milliseconds UTC.
    """
    body = json.loads(delivery.body)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise ValueError("the body is not a notification")
    if delivery.reason == "digest":
        return _several(delivery, data, now)
    until, risk = _moment(data.get("deadline_at")), str(data.get("risk") or "")
    return PushMessage(
        id=delivery.id,
        title=_TITLES.get(delivery.reason, _NEWS),
        path=f"/inbox/{delivery.intent_id}",
        tag=delivery.intent_id,
        risk=risk or None,
        until=until,
        urgent=risk == "high" or delivery.reason == "escalated",
        ttl=_ttl(until, now),
    )


def _several(delivery: Delivery, data: dict[str, Any], now: int) -> PushMessage:
    tasks = data["tasks"]
    ends = [moment for one in tasks if (moment := _moment(one.get("deadline_at")))]
    high = sum(one.get("risk") == "high" for one in tasks)
    return PushMessage(
        id=delivery.id,
        title=f"{int(data['count'])} tasks wait for your decision",
        path="/inbox",
        tag="several",
        told=(f"{high} of high risk.",) if high else (),
        until=min(ends, default=None),
        urgent=high > 0,
        ttl=_ttl(max(ends, default=None), now),
    )


def trial_message(id: str) -> PushMessage:
    """Return what a person sends to their own device to see whether it arrives."""
    return PushMessage(
        id=id,
        title="This device gets messages from Holdshort",
        path="/devices",
        tag="test",
        told=("You asked for this test.",),
        urgent=True,
        ttl=SHORTEST_TTL,
    )


def _moment(text: Any) -> int | None:
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else None


def _ttl(until: int | None, now: int) -> int:
    left = LONGEST_TTL if until is None else (until - now) // 1000
    return min(max(left, SHORTEST_TTL), LONGEST_TTL)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
