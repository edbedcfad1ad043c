"""A small house in which intents live: one agent, four people, a team."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.lifecycle import Command, Create, Decide, Tick, Transition, apply
from holdshort.models import Directory, Intent, Principal
from holdshort.requests import DecisionRequest, IntentRequest

START = 1_800_000_000_000


class House:
    """Applies commands to one intent at a time that the test sets."""

    agent = Principal(kind="agent", id="agent://acme/prod/bot", tenant="t", owner="owner@acme.com")
    directory = Directory(
        tenant="t",
        people={"ana@acme.com": (), "bo@acme.com": (), "cy@acme.com": ("cfo",)},
        teams={"finance": ("bo@acme.com", "cy@acme.com"), "admins": ("root@acme.com",)},
    )

    def __init__(self) -> None:
        self.now = START
        self.last: Transition | None = None

    @staticmethod
    def person(name: str) -> Principal:
        return Principal(kind="person", id=f"{name}@acme.com", tenant="t")

    def plan(self, **policies: Any) -> None:
        """Set tenant policies by type; `everything` is the tenant's policy for all types."""
        everything = policies.pop("everything", {})
        types = {name.replace("__", "."): patch for name, patch in policies.items()}
        self.directory = self.directory.but(default_policy=everything, type_policies=types)

    def file(self, **body: Any) -> Intent:
        body = {"intent_type": "intent.pay.v1", "payload": {"sum": 1}} | body
        if not body.keys() & {"to", "steps"} and "reviewer" not in body["payload"]:
            body["to"] = "ana@acme.com"
        command = Create(
            self.agent,
            IntentRequest.model_validate(body),
            "01a1fcaa-55c7-79f2-ae7f-80ca754922e6",
            "k",
            "h",
            "c",
        )
        self.last = apply(None, command, directory=self.directory, now=self.now)
        return self.last.intent

    def do(self, intent: Intent, command: Command) -> Intent:
        stored = Intent.model_validate_json(intent.dump())
        self.last = apply(stored, command, directory=self.directory, now=self.now)
        return self.last.intent

    def decide(self, intent: Intent, who: str, outcome: str, **answer: Any) -> Intent:
        said = {"step": intent.step} if len(intent.steps) > 1 else {}
        request = DecisionRequest.model_validate({"outcome": outcome, **said, **answer})
        return self.do(intent, Decide(self.person(who), request))

    def after(self, intent: Intent, seconds: float) -> Intent:
        """Let time pass and do what is due."""
        self.now += round(seconds * 1000)
        return self.do(intent, Tick())

    @property
    def events(self) -> list[str]:
        assert self.last is not None
        return [event.event_type.removeprefix("intent.") for event in self.last.events]

    @property
    def told(self) -> list[tuple[str, tuple[str, ...]]]:
        assert self.last is not None
        return [(notice.reason, notice.to) for notice in self.last.notices]


@pytest.fixture
def house() -> House:
    return House()
