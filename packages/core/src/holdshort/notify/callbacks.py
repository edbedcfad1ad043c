"""From the end of an intent to those who asked to be called: pure."""

from __future__ import annotations

from collections.abc import Callable

from holdshort.models import Intent, Notice
from holdshort.notify.agentfield import CHANNEL, body_for
from holdshort.store.base import Delivery

#: The notices that end an intent, and the one for somebody who came after the end.
_OVER = frozenset({"decided", "timed_out", "canceled", "callback"})


def callbacks(
    notice: Notice, intent: Intent, *, now: int, claim_until: int, new_id: Callable[[], str]
) -> list[Delivery]:
    """Return the calls that this notice comes to; their bodies are what the other side expects.

    Args:
        intent: the intent as the command left it.
        now: milliseconds UTC.
        claim_until: until when the caller keeps the deliveries for itself (milliseconds UTC).
        new_id: gives each delivery its id.
    """
    if notice.reason not in _OVER or not intent.terminal:
        return []
    return [
        Delivery(
            tenant=intent.tenant,
            id=new_id(),
            intent_id=intent.id,
            reason=notice.reason,
            channel=CHANNEL,
            recipient=one.url,
            body=body_for(intent, one),
            next_at=claim_until,
            created_at=now,
        )
        for one in intent.callbacks
        if notice.reason != "callback" or one.ref in notice.to
    ]
