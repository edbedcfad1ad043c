"""Intents for the store's contract, made by the real lifecycle."""

from __future__ import annotations

from typing import Any

from holdshort import ids
from holdshort.lifecycle import Command, Create, Decide, Transition, apply
from holdshort.models import Directory, Intent, Principal
from holdshort.requests import DecisionRequest, IntentRequest
from holdshort.store.base import Changes, Delivery, NewIntent, Ref, Store

TENANT = "acme"
AGENT = "agent://acme/production/analyst"
TYPE = "intent.data.export_approval.v1"
PERSON = "ana@acme.com"


def agent(tenant: str = TENANT, name: str = AGENT) -> Principal:
    return Principal(kind="agent", id=name, tenant=tenant)


def filed(
    now: int,
    *,
    tenant: str = TENANT,
    by: str = AGENT,
    intent_id: str | None = None,
    key: str | None = None,
    body: str = '{"payload": {}}',
    continuation: bytes | None = None,
    **request: Any,
) -> Changes:
    """Return what is written when an agent files an intent at this moment."""
    intent_id = intent_id or ids.new_id(now)
    asked = {"intent_type": TYPE, "to": [PERSON], **request}
    command = Create(
        principal=agent(tenant, by),
        request=IntentRequest.model_validate(asked),
        intent_id=intent_id,
        key=key or intent_id,
        body_hash="0" * 64,
        correlation_id="c",
    )
    transition = apply(None, command, directory=_directory(tenant), now=now)
    intent = transition.intent
    return Changes(
        created=[NewIntent(intent, body, continuation)],
        events=_events(transition),
        assigned=[(tenant, address, intent.id) for address in intent.assigned],
    )


def then(before: Intent, command: Command, now: int) -> Changes:
    """Return what is written when a command is applied to an intent that was read."""
    transition = apply(before, command, directory=_directory(before.tenant), now=now)
    intent = transition.intent
    changes = Changes(updated={ref(intent): (before.version, intent)}, events=_events(transition))
    if intent.assigned != before.assigned:
        changes.unassigned.append(ref(intent))
        changes.assigned += [(intent.tenant, address, intent.id) for address in intent.assigned]
    return changes


def decided(before: Intent, now: int, outcome: str = "approved") -> Changes:
    """Return what is written when the person who was asked decides."""
    person = Principal(kind="person", id=PERSON, tenant=before.tenant)
    return then(before, Decide(person, DecisionRequest(outcome=outcome)), now)


def delivery(
    now: int, *, tenant: str = TENANT, next_at: int | None = None, **more: Any
) -> Delivery:
    """Return a delivery that waits to be sent."""
    values = {
        "tenant": tenant,
        "id": ids.new_id(now),
        "intent_id": "an-intent",
        "reason": "asked",
        "channel": "webhook",
        "recipient": PERSON,
        "body": '{"text": "\\u0000 \U0001f6e9"}',
        "next_at": now if next_at is None else next_at,
        "created_at": now,
    }
    return Delivery.model_validate(values | more)


def write(store: Store, *all_changes: Changes) -> None:
    """Write each in a transaction of its own."""
    for changes in all_changes:
        with store.transaction() as tx:
            tx.write(changes)


def the(changes: Changes) -> Intent:
    """Return the one intent that these changes are about."""
    (intent,) = [new.intent for new in changes.created] or [i for _, i in changes.updated.values()]
    return intent


def ref(intent: Intent) -> Ref:
    return (intent.tenant, intent.id)


def names(intents: list[Intent]) -> list[str]:
    return [intent.id for intent in intents]


def _directory(tenant: str) -> Directory:
    return Directory(tenant=tenant, teams={"finance": (PERSON,)})


def _events(transition: Transition) -> list[tuple[str, str, Any]]:
    intent = transition.intent
    return [(intent.tenant, intent.id, event) for event in transition.events]
