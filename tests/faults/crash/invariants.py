"""What must hold of a database after the story, wherever it was interrupted."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import httpx

from holdshort import audit
from holdshort.lifecycle.grants import QUESTION_TYPE
from holdshort.models import DEFAULT_TENANT, TERMINAL, Intent

from .house import AGENT, House, InProcess, lines, principal

KEYS = {"export", "withdrawn", "late", "lost", "work"}
ENDS = {
    "export": "COMPLETED",
    "withdrawn": "CANCELED",
    "late": "TIMED_OUT",
    "lost": "COMPLETED",
    "work": "COMPLETED",
}
TERMINAL_EVENTS = {"intent.completed", "intent.failed", "intent.canceled", "intent.timed_out"}


async def problems(house: House) -> list[str]:
    """Return everything that is not as it must be; empty when all is well."""
    intents = house.store.intents(DEFAULT_TENANT, limit=500)
    found = [*_of_the_whole(house, intents)]
    for intent in intents:
        found += [f"{intent.key}: {text}" for text in _of_one(house, intent)]
    found += _of_deliveries(house)
    verified = audit.verify((await _export(house)).splitlines())
    if verified.broken is not None or verified.intents != len(intents):
        found.append(f"the export does not verify: {verified}")
    return found + [f"integrity: {text}" for text in house.store.integrity()]


async def _export(house: House) -> str:
    transport = InProcess(house.holdshort, principal("service", "auditor"))
    response: httpx.Response = await transport._http.get("/v1/audit/export")
    return response.text


def _of_the_whole(house: House, intents: list[Intent]) -> Iterator[str]:
    keys = Counter(intent.key for intent in intents if intent.agent == AGENT)
    if keys != Counter(KEYS):
        yield f"filed: {dict(keys)}"
    by_key = {intent.key: intent for intent in intents}
    effects = Counter(intent_id for intent_id, _ in house.effects())
    wanted = Counter(by_key[key].id for key in ("export", "lost", "work"))
    if effects != wanted:
        yield f"effects: {house.effects()}"
    asked = Counter(
        (intent.settles.intent_id, intent.settles.attempt)
        for intent in intents
        if intent.intent_type == QUESTION_TYPE and intent.settles
    )
    lost = Counter(
        (intent.id, event["details"]["attempt"])
        for intent in intents
        for event in _log(house, intent)
        if event["event_type"] == "intent.run_lost"
    )
    if asked != lost or any(count != 1 for count in asked.values()):
        yield f"lost runs {lost}, asked about {asked}"


def _log(house: House, intent: Intent) -> list[dict[str, Any]]:
    return [json.loads(e.line) for e in house.store.events(DEFAULT_TENANT, intent.id)]


def _of_one(house: House, intent: Intent) -> Iterator[str]:
    log = _log(house, intent)
    if [event["seq"] for event in log] != list(range(1, intent.seq + 1)):
        yield f"its log has {[event['seq'] for event in log]}, its record says {intent.seq}"
    times = [event["at"] for event in log]
    if times != sorted(times):
        yield f"its record runs backwards: {times}"
    kinds = Counter(event["event_type"] for event in log)
    if sum(kinds[kind] for kind in TERMINAL_EVENTS) != 1 or intent.status not in TERMINAL:
        yield f"it is {intent.status} after {dict(kinds)}"
    if intent.key in ENDS and intent.status != ENDS[intent.key]:
        yield f"it ended as {intent.status}"
    decided = sum(
        step.decision is not None and not step.decision.timed_out for step in intent.steps
    )
    if kinds["intent.decided"] != decided:
        yield f"{kinds['intent.decided']} decisions in the log, {decided} in the record"
    again = sum(
        event["event_type"] == "intent.settled" and not event["details"]["happened"]
        for event in log
    )
    if kinds["intent.grant_consumed"] > 1 + again:
        yield f"consumed {kinds['intent.grant_consumed']} times, {again} of them said undone"
    if intent.key == "export":
        expected = {"intent.reminder": 1, "intent.escalated": 1, "intent.edited": 1}
        seen = {kind: min(kinds[kind], 1) for kind in expected}
        if seen != expected or kinds["intent.edited"] != 1:
            yield f"its log has {dict(kinds)}"
    for step, entry in enumerate(intent.steps):
        told = [
            event for event in log
            if event["event_type"] == "intent.reminder" and event["details"]["step"] == step
        ]  # fmt: skip
        if [event["details"]["count"] for event in told] != list(range(1, len(told) + 1)):
            yield f"reminders {told}"
        if len(told) > entry.policy.max_reminders:
            yield f"{len(told)} reminders at step {step}"


def _of_deliveries(house: House) -> Iterator[str]:
    deliveries = house.store.deliveries(DEFAULT_TENANT, limit=500)
    bodies: dict[str, set[str]] = defaultdict(set)
    for line in lines(house.folder / "mail"):
        delivery_id, _, _, body = line.split()
        bodies[delivery_id].add(body)
    known = {delivery.id for delivery in deliveries}
    if not bodies.keys() <= known:
        yield f"sent, but not on record: {bodies.keys() - known}"
    for delivery in deliveries:
        wanted = "dead" if delivery.reason == "canceled" else "sent"
        if delivery.state != wanted:
            yield f"{delivery.reason} to {delivery.recipient} is {delivery.state}"
        if len(bodies[delivery.id]) != 1:
            yield f"{delivery.reason}: {len(bodies[delivery.id])} different bodies were sent"
    told = Counter((d.intent_id, d.reason, d.recipient) for d in deliveries if d.reason == "asked")
    for (intent_id, _, recipient), count in told.items():
        if count != 1:
            yield f"{recipient} was asked {count} times about {intent_id}"
