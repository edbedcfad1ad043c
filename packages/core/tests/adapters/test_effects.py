"""One approval, one execution: replayed, repeated, failed, lost."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from holdshort import AsyncClient, Client, Decision, GrantRefused, Reviewer, StaleDigest
from holdshort.adapters import Effects, Secrets, call_key, recordable

from .conftest import payment
from .test_asking import send


@pytest.fixture
def approved(client: Client, ana: Reviewer) -> Callable[..., Decision]:
    def approved(body: dict[str, Any] | None = None, **how: Any) -> Decision:
        asked = send(client, body or payment({"amount": 5}))
        ana.approve(asked, **how)
        return client.wait_for(asked, timeout=10)

    return approved


class Till:
    """An action that counts how often it ran, and with what."""

    def __init__(self) -> None:
        self.paid: list[dict[str, Any]] = []

    def __call__(self, arguments: dict[str, Any]) -> str:
        self.paid.append(arguments)
        return f"receipt {len(self.paid)}"


def test_runs_once_and_replays(client: Client, approved: Callable[..., Decision]) -> None:
    till, decision = Till(), approved()
    effects = Effects(client)
    assert [effects.run(decision, till) for _ in range(3)] == ["receipt 1"] * 3
    assert till.paid == [{"amount": 5}]


def test_runs_what_the_reviewer_made_of_it(
    client: Client, approved: Callable[..., Decision]
) -> None:
    till = Till()
    Effects(client).run(approved(arguments={"amount": 4}), till)
    assert till.paid == [{"amount": 4}]


def test_a_no_does_not_run(client: Client, ana: Reviewer) -> None:
    asked, till = send(client, payment({})), Till()
    ana.reject(asked)
    with pytest.raises(GrantRefused, match="not approved"):
        Effects(client).run(client.wait_for(asked, timeout=10), till)
    assert till.paid == []


def test_a_forged_decision_does_not_run(client: Client, approved: Callable[..., Decision]) -> None:
    decision, till = approved(), Till()
    with pytest.raises(StaleDigest):
        Effects(client).run(replace(decision, digest="0" * 64), till)
    open_one = send(client, payment({"amount": 6}, "c2"))
    with pytest.raises(GrantRefused, match="nobody has decided"):
        Effects(client).run(replace(decision, intent_id=open_one), till)
    assert till.paid == []


def test_a_failure_is_not_repeated(client: Client, approved: Callable[..., Decision]) -> None:
    decision, till = approved(), Till()

    def breaks(arguments: dict[str, Any]) -> None:
        raise ZeroDivisionError("no")

    with pytest.raises(ZeroDivisionError):
        Effects(client).run(decision, breaks)
    with pytest.raises(GrantRefused) as refused:
        Effects(client).run(decision, till)
    assert refused.value.details["reason"] == "failed"
    assert "ZeroDivisionError" in refused.value.details["error"]
    assert till.paid == []


def test_true_values_run_and_masks_are_stored(
    client: Client, approved: Callable[..., Decision]
) -> None:
    true = {"amount": 5, "iban": "DE00-s3cret"}
    decision, till = approved(payment(true, secrets=("iban",))), Till()
    asked = str(client.get_intent(decision.intent_id)) + str(decision.raw)
    assert "s3cret" not in asked
    secrets = Secrets(("iban",), salt=call_key("test", "r", "step", "c1"))
    with pytest.raises(StaleDigest):
        Effects(client).run(decision, till, secrets=secrets, true=true | {"iban": "other"})
    assert till.paid == []


def test_masked_values_run(client: Client, approved: Callable[..., Decision]) -> None:
    true = {"amount": 5, "iban": "DE00-s3cret"}
    decision, till = approved(payment(true, secrets=("iban",))), Till()
    secrets = Secrets(("iban",), salt=call_key("test", "r", "step", "c1"))
    Effects(client).run(decision, till, secrets=secrets, true=true)
    assert till.paid == [true]


@pytest.mark.anyio
async def test_async_runs_once_and_replays(
    database: str, approved: Callable[..., Decision]
) -> None:
    decision, till = approved(), Till()

    async def pay(arguments: dict[str, Any]) -> str:
        await asyncio.sleep(0)
        return till(arguments)

    client = AsyncClient(database)
    effects = Effects(client)
    assert [await effects.arun(decision, pay) for _ in range(2)] == ["receipt 1"] * 2
    assert len(till.paid) == 1
    await client.close()


@pytest.mark.anyio
async def test_a_canceled_run_is_reported(
    client: Client, approved: Callable[..., Decision]
) -> None:
    decision, began = approved(), asyncio.Event()

    async def forever(arguments: dict[str, Any]) -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(Effects(client).arun(decision, forever))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.get_intent(decision.intent_id)["grant"]["state"] == "failed"


def test_results_that_are_no_json_are_recorded_as_text() -> None:
    assert recordable({"a": [1, None]}) == {"a": [1, None]}
    assert recordable(ValueError("x")) == "x"
    assert recordable(float("nan")) == "nan"


DIE = """
import os, signal, sys
from holdshort import Client
from holdshort.adapters import Effects
client = Client(sys.argv[1])
decision = client.wait_for(sys.argv[2])
Effects(client).run(decision, lambda arguments: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_what_died_in_the_middle_is_not_repeated(
    client: Client, database: str, approved: Callable[..., Decision]
) -> None:
    decision, till = approved(), Till()
    done = subprocess.run(
        [sys.executable, "-c", DIE, database, decision.intent_id], env=os.environ, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(GrantRefused, match="has not reported"):
        Effects(client).run(decision, till)
    assert till.paid == []


@pytest.mark.anyio
async def test_canceled_on_the_way_to_the_permit_it_is_given_back(
    client: Client, approved: Callable[..., Decision]
) -> None:
    decision, till = approved(), Till()
    task = asyncio.create_task(Effects(client).arun(decision, till))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert till.paid == []
    assert await Effects(client).arun(decision, till) == "receipt 1"
