"""AgentField's wire, as its SDK and its CLI speak it; `compat/` runs the SDK itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from holdshort.notify.agentfield import AgentFieldNotifier
from holdshort.notify.base import SendFailed
from holdshort.store.base import Delivery

from ..server.conftest import anyio_backend
from ..server.house import ANA, House, database_in, opened

__all__ = ["anyio_backend"]

pytestmark = pytest.mark.anyio

ASK = "/api/v1/agents/claims/executions/{}/request-approval"
STATUS = "/api/v1/agents/claims/executions/{}/approval-status"
ANSWER = "/api/v1/executions/{}/approval-response"


class Calls:
    """Takes the calls to agents; `waits` says whether anybody there waits for them."""

    name = "agentfield"

    def __init__(self) -> None:
        self.taken: list[tuple[str, dict[str, Any]]] = []
        self.waits = True

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        if not self.waits:
            raise SendFailed("nothing there waits")
        self.taken.append((delivery.recipient, json.loads(delivery.body)))

    async def close(self) -> None:
        """Nothing to give back."""


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
async def house(tmp_path: Path, calls: Calls) -> AsyncIterator[House]:
    async with opened(database_in(tmp_path), notifiers={calls.name: calls}) as house:
        settings = {"default_reviewers": [ANA]}
        await house.ok("PUT", "/v1/settings", house.admin, settings)
        yield house


async def send(house: House, path: str, key: str, body: Any = None) -> httpx.Response:
    method = "GET" if body is None else "POST"
    return await house.http.request(method, path, json=body, headers={"X-API-Key": key})


async def pause(house: House, execution: str = "e1", asked: str = "claim", **more: Any) -> Any:
    body = {
        "approval_request_id": asked,
        "callback_url": "http://127.0.0.1:9/webhooks/approval",
        "expires_in_hours": 1,
    } | more
    reply = await send(house, ASK.format(execution), house.agent, body)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def status(house: House, execution: str = "e1") -> dict[str, Any]:
    reply = await send(house, STATUS.format(execution), house.agent)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


async def test_time_that_runs_out_is_told_by_the_server(house: House, calls: Calls) -> None:
    await pause(house)
    assert (await status(house))["status"] == "pending"
    house.clock.advance(3601)
    await house.holdshort.tick()
    found = await status(house)
    assert found["status"] == "expired"
    assert found["response"]["feedback"] == "nobody decided in time"
    ((url, body),) = calls.taken
    assert url == "http://127.0.0.1:9/webhooks/approval"
    assert (body["decision"], body["new_status"]) == ("expired", "cancelled")
    assert (body["execution_id"], body["approval_request_id"]) == ("e1", "claim")
    late = await send(house, ANSWER.format("e1"), house.ana, {"decision": "approve"})
    assert late.status_code == 409
    assert (await status(house))["status"] == "expired"


async def test_the_call_is_made_until_somebody_there_waits(house: House, calls: Calls) -> None:
    asked = await pause(house)
    calls.waits = False
    await house.decide(asked["intent_id"])
    await house.holdshort.tick()
    house.clock.advance(6)
    await house.holdshort.tick()
    found = await house.deliveries(asked["intent_id"])
    (delivery,) = [one for one in found if one["channel"] == calls.name]
    assert (delivery["state"], delivery["attempts"]) == ("pending", 2)
    calls.waits = True
    # The agent starts up and says so: it does not wait for the next try's turn.
    body = {"id": "claims", "base_url": "http://127.0.0.1:9"}
    reply = await send(house, "/api/v1/nodes/register", house.agent, body)
    assert reply.json()["resent"] == 1
    await house.holdshort.tick()
    assert [body["decision"] for _, body in calls.taken] == ["approved"]


async def test_registering_sends_nothing_of_other_agents_again(house: House, calls: Calls) -> None:
    asked = await pause(house)
    calls.waits = False
    await house.decide(asked["intent_id"])
    await house.holdshort.tick()
    other = await house.key("agent", "agent://acme/production/other")
    body = {"id": "claims", "base_url": "http://127.0.0.1:9"}
    reply = await send(house, "/api/v1/nodes/register", other, body)
    assert reply.json()["resent"] == 0


async def test_asked_again_after_a_restart_it_is_the_same_request(
    house: House, calls: Calls
) -> None:
    first = await pause(house, "e1")
    again = await pause(house, "e1")
    successor = await pause(house, "e2", callback_url="http://127.0.0.1:10/webhooks/approval")
    assert first["intent_id"] == again["intent_id"] == successor["intent_id"]
    await house.decide(first["intent_id"])
    await house.holdshort.tick()
    assert {(httpx.URL(url).port, body["execution_id"]) for url, body in calls.taken} == {
        (9, "e1"),
        (10, "e2"),
    }
    # And once more, long after: the answer is there at once.
    late = await pause(house, "e3")
    assert late["status"] == "approved"
    await house.holdshort.tick()
    assert calls.taken[-1][1]["execution_id"] == "e3"
    assert (await status(house, "e3"))["status"] == "approved"


async def test_after_changes_were_requested_a_new_round_begins(house: House) -> None:
    first = await pause(house)
    await house.decide(first["intent_id"], "changes_requested", comment="total")
    assert (await status(house))["status"] == "request_changes"
    second = await pause(house)
    assert second["intent_id"] != first["intent_id"]
    assert (await status(house))["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "approval_request_id"),
        ({"approval_request_id": "x", "expires_in_hours": 0}, "expires_in_hours"),
        ({"approval_request_id": "x", "expires_in_hours": 99999}, "expires_in_hours"),
        ({"approval_request_id": "x", "callback_url": "file:///etc/passwd"}, "callback_url"),
        ({"approval_request_id": "x", "callback_url": "http://169.254.169.254/"}, "CALLBACK"),
        ({"approval_request_id": "x", "callback_url": "http://10.0.0.7:80/"}, "CALLBACK"),
        ({"approval_request_id": "x" * 101}, "approval_request_id"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(
    body: dict[str, Any], why: str, house: House
) -> None:
    reply = await send(house, ASK.format("e1"), house.agent, body)
    assert reply.status_code == 400
    assert why in reply.text


async def test_one_execution_waits_for_one_thing(house: House) -> None:
    await pause(house, "e1", "claim")
    body = {"approval_request_id": "other"}
    reply = await send(house, ASK.format("e1"), house.agent, body)
    assert reply.status_code == 409
    assert "another approval" in reply.text
    differs = {"approval_request_id": "claim", "expires_in_hours": 9}
    assert (await send(house, ASK.format("e2"), house.agent, differs)).status_code == 409


async def test_only_people_decide_and_the_second_is_told_who_was_first(house: House) -> None:
    await pause(house)
    answer = {"decision": "approve", "reason": "fine", "decided_by": "ana@acme.com"}
    for key in (house.agent, house.admin):
        reply = await send(house, ANSWER.format("e1"), key, {"decision": "approve"})
        assert reply.status_code == 403
    assert (await send(house, ANSWER.format("e1"), house.ana, answer)).status_code == 400
    stranger = await house.key("person", "eve@evil.example", tenant="other")
    reply = await send(house, ANSWER.format("e1"), stranger, {"decision": "approve"})
    assert reply.status_code == 404
    reply = await send(house, ANSWER.format("e1"), house.ana, {"decision": "reject"})
    assert reply.json() == {
        "status": "processed",
        "execution_id": "e1",
        "decision": "rejected",
        "new_status": "cancelled",
    }
    second = await send(house, ANSWER.format("e1"), house.ana, {"decision": "approve"})
    assert second.status_code == 409
    assert ANA in second.text
    for decision in ("expired", "banana"):
        reply = await send(house, ANSWER.format("e1"), house.ana, {"decision": decision})
        assert reply.status_code == 400
    assert (await send(house, ANSWER.format("nope"), house.ana, answer | {})).status_code == 400
    reply = await send(house, ANSWER.format("nope"), house.ana, {"decision": "approve"})
    assert reply.status_code == 404


async def test_an_agent_sees_its_own_executions_alone(house: House) -> None:
    await pause(house)
    other = await house.key("agent", "agent://acme/production/other")
    assert (await send(house, STATUS.format("e1"), other)).status_code == 404
    assert (await send(house, STATUS.format("unknown"), house.agent)).status_code == 404
    assert (await house.http.get(STATUS.format("e1"))).status_code == 401


async def test_what_is_not_json_is_told_apart_from_a_report(house: House) -> None:
    for path in ("/api/v1/executions/note", "/api/v1/executions/e1/logs"):
        reply = await house.http.post(path, content=b"\xff{", headers={"X-API-Key": house.agent})
        assert reply.json() == {"status": "ok", "kept": False}
    reply = await house.http.post(
        ASK.format("e1"), content=b"{", headers={"X-API-Key": house.agent}
    )
    assert reply.status_code == 400


async def answering(said: bytes) -> tuple[asyncio.Server, str]:
    """A real HTTP server on loopback that says this to whoever posts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = str(len(said)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/approval"


@pytest.mark.parametrize(
    ("said", "arrived"),
    [
        (b'{"status": "received", "resolved": true}', True),
        (b'{"status": "received", "resolved": false}', False),
        (b'[{"error": "invalid JSON"}, 400]', False),
        (b"OK", False),
    ],
)
async def test_only_a_call_that_found_somebody_has_arrived(said: bytes, arrived: bool) -> None:
    server, url = await answering(said)
    delivery = Delivery(
        tenant="default",
        id="d1",
        intent_id="i1",
        reason="decided",
        channel="agentfield",
        recipient=url,
        body="{}",
        next_at=0,
        created_at=0,
    )
    notifier = AgentFieldNotifier(allowed=["127.0.0.0/8"])
    strict = AgentFieldNotifier()
    try:
        if arrived:
            assert await notifier.send(delivery, None) == "resolved"
        else:
            with pytest.raises(SendFailed, match="nothing there waits"):
                await notifier.send(delivery, None)
        with pytest.raises(SendFailed, match="not on the public internet"):
            await strict.send(delivery, None)
    finally:
        await notifier.close()
        await strict.close()
        server.close()
        await server.wait_closed()
