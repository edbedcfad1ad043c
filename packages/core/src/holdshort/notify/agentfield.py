"""AgentField's callback: one POST to the agent's process, in which a call to `pause` waits.

The agent's answer says whether anybody was waiting (`"resolved": true`). While nobody was, the
answer has not arrived, and is sent again: the agent may be starting up.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from holdshort.models import Callback, Decision, Intent, iso
from holdshort.notify.addresses import Resolver, is_public
from holdshort.notify.base import SendFailed
from holdshort.notify.posting import Poster
from holdshort.store.base import Delivery

CHANNEL = "agentfield"

_DECISIONS = {"changes_requested": "request_changes"}
#: What the execution is called afterwards, in AgentField's words.
_AFTER = {"approved": "running", "request_changes": "running"}


class AgentFieldNotifier:
    """Calls agents back.

    Args:
        allowed: networks that are called beside the public internet, for example `10.0.0.0/8`.
        timeout: seconds that one try may take.
        resolver: looks names up in the place of the operating system.
        tls: what HTTPS receivers are verified with, in the place of the usual authorities.
    """

    name = CHANNEL

    def __init__(
        self,
        *,
        allowed: Sequence[str] = (),
        timeout: float = 10.0,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._poster = Poster(
            lambda address: may_call(address, allowed), timeout=timeout, resolver=resolver, tls=tls
        )

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> str | None:
        """Post the decision. Raises SendFailed where nobody there waits for it (any more, or
        yet)."""
        answer = await self._poster.post(
            delivery.recipient, {"webhook-id": delivery.id}, delivery.body.encode()
        )
        try:
            said = json.loads(bytes(answer.body))
        except ValueError:
            said = None
        if not isinstance(said, dict) or said.get("resolved") is not True:
            raise SendFailed("the agent answered, but nothing there waits for this decision")
        return "resolved"

    async def close(self) -> None:
        """Give back what the poster holds."""
        await self._poster.close()


def may_call(address: str, networks: Sequence[str]) -> bool:
    """Return whether an address is public, or in one of these networks. Raises ValueError for what
    is no address."""
    here = ip_address(address)
    return is_public(address) or any(here in ip_network(one) for one in networks)


def decision_of(intent: Intent) -> str:
    """Return how an intent that is over ended, in AgentField's words."""
    decision = intent.decision
    if decision is None:
        return "cancelled" if intent.status == "CANCELED" else "error"
    if decision.timed_out and not decision.positive:
        return "expired"
    return _DECISIONS.get(decision.outcome, decision.outcome)


def status_after(decision: str) -> str:
    """Return what AgentField calls the execution after this decision."""
    return _AFTER.get(decision, "cancelled")


def response_of(decision: Decision | None, intent: Intent) -> dict[str, Any]:
    """Return what is known of the decision beyond AgentField's own fields: who, when, by what
    door."""
    if decision is None:
        return {"intent_id": intent.id, "status": intent.status}
    return {
        "intent_id": intent.id,
        "outcome": decision.outcome,
        "decided_by": decision.decided_by,
        "decided_at": iso(decision.at),
        "via": decision.via,
        "comment": decision.comment,
        "data": decision.data,
        "timed_out": decision.timed_out,
    }


def body_for(intent: Intent, callback: Callback) -> str:
    """Return what is posted to `/webhooks/approval` of the agent."""
    said, decision = decision_of(intent), intent.decision
    asked, _, execution = callback.ref.partition("\n")
    body = {
        "execution_id": execution,
        "decision": said,
        "feedback": feedback_of(intent),
        "approval_request_id": asked,
        "new_status": status_after(said),
        "response": json.dumps(response_of(decision, intent)),
    }
    return json.dumps(body)


def feedback_of(intent: Intent) -> str:
    """Return what the reviewer said, or why nobody said anything."""
    decision = intent.decision
    if decision is None:
        return "the request was withdrawn" if intent.status == "CANCELED" else intent.error or ""
    return decision.comment or ("nobody decided in time" if decision.timed_out else "")
