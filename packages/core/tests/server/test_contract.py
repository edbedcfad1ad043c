"""Every endpoint of the contract does what it is for, and answers as the OpenAPI document says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdshort.server.contract import ENDPOINTS, Endpoint
from holdshort.server.openapi import openapi

from .house import AGENT, ANA, BO, TYPE, House

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741
Scenario = Callable[[House], Awaitable[None]]
SCENARIOS: dict[tuple[str, str], Scenario] = {}


def happy(method: str, path: str) -> Callable[[Scenario], Scenario]:
    def register(scenario: Scenario) -> Scenario:
        assert (method, path) not in SCENARIOS
        SCENARIOS[method, path] = scenario
        return scenario

    return register


def test_every_endpoint_has_its_scenario() -> None:
    assert SCENARIOS.keys() == {(e.method, e.path) for e in ENDPOINTS}
    assert len(SCENARIOS) == len(ENDPOINTS) > 40


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
async def test_does_what_it_is_for(endpoint: Endpoint, house: House) -> None:
    await SCENARIOS[endpoint.method, endpoint.path](house)


def test_the_committed_document_is_the_served_one() -> None:
    root = Path(__file__).parents[4]
    committed = (root / "docs/reference/openapi.json").read_text(encoding="utf-8")
    assert json.loads(committed) == openapi(), "run python scripts/make_openapi.py"


async def test_serves_its_description(house: House) -> None:
    served = await house.http.get("/openapi.json")
    assert served.json() == openapi()
    operations = [op for path in openapi()["paths"].values() for op in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) == len(ENDPOINTS)
    assert all(operation["summary"] for operation in operations)


@happy("GET", "/health")
async def _(house: House) -> None:
    assert (await house.ok("GET", "/health"))["service"] == "holdshort"


@happy("GET", "/ready")
async def _(house: House) -> None:
    assert await house.ok("GET", "/ready") == {"ok": True, "problem": None}


@happy("GET", "/metrics")
async def _(house: House) -> None:
    await house.decide(await house.ask())
    await house.ask()
    text = (await house.call("GET", "/metrics")).text
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["holdshort_intents", "WAITING"] == 1
    assert samples["holdshort_intents", "COMPLETED"] == 1
    assert samples["holdshort_deliveries", "pending"] == 2
    assert samples["holdshort_commits_total",] == house.engine.writer.commits > 0
    assert samples["holdshort_commands_total",] == house.engine.writer.items
    assert samples["holdshort_database_up",] == 1


@happy("GET", "/v1/whoami")
async def _(house: House) -> None:
    key = await house.key("agent", AGENT, owner=BO)
    assert await house.ok("GET", "/v1/whoami", key) == {
        "ok": True, "role": "agent", "subject": AGENT, "tenant": "default", "owner": BO,
    }  # fmt: skip


@happy("POST", "/v1/intents")
async def _(house: House) -> None:
    body = {"intent_type": TYPE, "to_agent": AGENT, "payload": {"reviewer": ANA}}
    filed = await house.ok("POST", "/v1/intents", house.agent, body)
    assert (filed["status"], filed["existed"], filed["assigned"]) == ("WAITING", False, [ANA])


@happy("GET", "/v1/intents")
async def _(house: House) -> None:
    asked = [await house.ask() for _ in range(5)]
    await house.decide(asked[0])

    async def page(**query: Any) -> list[str]:
        found = await house.ok("GET", "/v1/intents", house.agent, query=query)
        return [one["intent_id"] for one in found["intents"]]

    assert await page() == asked[::-1]
    assert await page(limit=2) == [asked[4], asked[3]]
    assert await page(limit=2, cursor=asked[3]) == [asked[2], asked[1]]
    assert await page(status="COMPLETED") == [asked[0]]
    assert await page(intent_type="intent.other.v1") == []
    assert await page(agent="agent://somebody/else/x") == asked[::-1], "an agent sees its own"

    # What is approved is in a list as well, or it is left open: never other arguments.
    found = (await house.ok("GET", "/v1/intents", house.agent))["intents"][-1]
    assert found["result"]["approved"]
    assert found["result"]["arguments"] is None
    query = {"key": found["idempotency_key"]}
    one = await house.ok("GET", "/v1/intents", house.agent, query=query)
    assert one["intents"][0]["result"]["arguments"] == {"rows": 9}
    assert one["next_cursor"] is None
    edited = await house.ask()
    await house.decide(edited, arguments={"rows": 3})
    found = (await house.ok("GET", "/v1/intents", house.agent))["intents"][0]
    assert found["result"]["arguments"] == {"rows": 3}


@happy("POST", "/v1/intents/batch")
async def _(house: House) -> None:
    one = {"intent_type": TYPE, "to": ANA}
    intents = [one | {"idempotency_key": "a"}, {"intent_type": "wrong"}, one]
    path = "/v1/intents/batch"
    done = await house.ok("POST", path, house.agent, {"intents": intents})
    assert [result["ok"] for result in done["results"]] == [True, False, True]
    assert done["results"][1]["error"]["code"] == "schema_invalid"
    again = await house.ok("POST", path, house.agent, {"intents": intents[:1]})
    assert again["results"][0]["existed"]
    assert again["results"][0]["intent_id"] == done["results"][0]["intent_id"]


@happy("GET", I)
async def _(house: House) -> None:
    asked = await house.ask()
    found = await house.ok("GET", I, house.agent, intent_id=asked)
    assert found["payload"] == {"rows": 9}
    assert found["intent"]["notified"][0]["recipient"] == ANA
    assert found["result"] is None
    await house.decide(asked, comment="fine")
    found = await house.ok("GET", I, house.ana, intent_id=asked)
    assert found["result"]["arguments"] == {"rows": 9}
    assert found["result"]["comment"] == "fine"


@happy("GET", f"{I}/events")
async def _(house: House) -> None:
    asked = await house.ask()
    path = f"{I}/events"
    events = (await house.ok("GET", path, house.agent, intent_id=asked))["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    after = await house.ok("GET", path, house.agent, intent_id=asked, query={"since": 2})
    assert after["events"] == events[2:]


@happy("GET", f"{I}/events/stream")
async def _(house: House) -> None:
    asked = await house.ask()
    await house.decide(asked)
    response = await house.call("GET", f"{I}/events/stream", house.agent, intent_id=asked)
    assert response.headers["cache-control"] == "no-store"
    types = [line[7:] for line in response.text.splitlines() if line.startswith("event: ")]
    assert types == await house.events(asked)


@happy("GET", f"{I}/decision")
async def _(house: House) -> None:
    asked = await house.ask()
    path = f"{I}/decision"
    assert (await house.ok("GET", path, house.agent, intent_id=asked))["decision"] is None
    await house.decide(asked, arguments={"rows": 3})
    answer = (await house.ok("GET", path, house.agent, intent_id=asked))["decision"]
    assert answer["approved"]
    assert answer["edited"]
    assert answer["arguments"] == {"rows": 3}
    assert answer["decided_by"] == f"person:{ANA}"


@happy("POST", f"{I}/decision")
async def _(house: House) -> None:
    done = await house.decide(await house.ask(), "rejected", comment="no")
    assert done["status"] == "COMPLETED"
    assert (done["decision"]["approved"], done["decision"]["comment"]) == (False, "no")


@happy("POST", f"{I}/undo")
async def _(house: House) -> None:
    asked = await house.ask()
    held = await house.decide(asked, undo_seconds=10)
    assert (held["status"], held["decision"]) == ("WAITING", None)
    task = (await house.ok("POST", f"{I}/undo", house.ana, intent_id=asked))["task"]
    assert task["held"] is None
    await house.decide(asked, undo_seconds=10)
    house.clock.advance(10)
    await house.engine.run_due()
    assert (await house.look(asked))["result"]["approved"]
    await house.refused(409, "POST", f"{I}/undo", house.ana, intent_id=asked)


@happy("POST", "/v1/mail-replies")
async def _(house: House) -> None:
    asked = await house.ask()
    token = await house.holdshort.desk.reply_token("default", ANA, asked)
    body = {"token": token, "sender": ANA.upper(), "text": "approve", "message_id": "<1@x>"}
    for _ in range(2):  # a mail may come twice
        await house.ok("POST", "/v1/mail-replies", house.admin, body)
    assert (await house.events(asked)).count("intent.commented") == 1
    assert (await house.look(asked))["status"] == "WAITING"
    await house.refused(403, "POST", "/v1/mail-replies", house.admin, body | {"sender": BO})
    unknown = body | {"token": "b" * 32}
    await house.refused(404, "POST", "/v1/mail-replies", house.admin, unknown)


@happy("POST", "/v1/sign-in-links")
async def _(house: House) -> None:
    made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": ANA})
    assert made["person"] == ANA
    assert made["url"].startswith("http://holdshort/sign-in/")
    body = {"roles": [], "active": False}
    await house.ok("PUT", "/v1/people/{name}", house.admin, body, name=BO)
    await house.refused(422, "POST", "/v1/sign-in-links", house.admin, {"person": BO})


@happy("DELETE", "/v1/people/{name}/sign-in")
async def _(house: House) -> None:
    made = await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": ANA})
    await house.ok("DELETE", "/v1/people/{name}/sign-in", house.admin, name=ANA)
    assert (await house.http.post(made["url"], data={})).status_code == 410
    await house.refused(404, "DELETE", "/v1/people/{name}/sign-in", house.admin, name=ANA)


@happy("POST", f"{I}/claim")
async def _(house: House) -> None:
    asked = await house.ask(to=[ANA, BO])
    task = (await house.ok("POST", f"{I}/claim", house.ana, intent_id=asked))["task"]
    assert task["claimed_by"] == ANA
    error = await house.refused(
        409, "POST", f"{I}/decision", house.bo, {"outcome": "approved"}, intent_id=asked
    )
    assert error["details"]["claimed_by"] == ANA


@happy("POST", f"{I}/release")
async def _(house: House) -> None:
    asked = await house.ask(to=[ANA, BO])
    await house.ok("POST", f"{I}/claim", house.ana, intent_id=asked)
    task = (await house.ok("POST", f"{I}/release", house.ana, intent_id=asked))["task"]
    assert task["claimed_by"] is None
    await house.decide(asked, key=house.bo)


@happy("POST", f"{I}/delegate")
async def _(house: House) -> None:
    asked = await house.ask()
    body = {"to": BO, "comment": "yours"}
    task = (await house.ok("POST", f"{I}/delegate", house.ana, body, intent_id=asked))["task"]
    assert task["assigned"] == [ANA, BO]
    await house.decide(asked, key=house.bo)


@happy("POST", f"{I}/comments")
async def _(house: House) -> None:
    asked = await house.ask()
    for key in (house.agent, house.ana, house.admin):
        await house.ok("POST", f"{I}/comments", key, {"text": "hm"}, intent_id=asked)
    assert (await house.events(asked)).count("intent.commented") == 3


@happy("GET", f"{I}/files/{{sha256}}")
async def _(house: House) -> None:
    asked = await house.ask()
    sha256 = await house.attach(asked, b"paid")
    for key in (house.agent, house.ana, house.admin):
        path = f"{I}/files/{{sha256}}"
        found = await house.ok("GET", path, key, intent_id=asked, sha256=sha256)
        assert (found["file"]["size"], found["data"]) == (4, "cGFpZA==")


@happy("POST", f"{I}/cancel")
async def _(house: House) -> None:
    for key in (house.agent, house.admin):
        asked = await house.ask()
        body = {"reason": "not needed"}
        done = await house.ok("POST", f"{I}/cancel", key, body, intent_id=asked)
        assert done["status"] == "CANCELED"


@happy("POST", f"{I}/fail")
async def _(house: House) -> None:
    asked = await house.ask()
    done = await house.ok("POST", f"{I}/fail", house.agent, {"error": "broke"}, intent_id=asked)
    assert (done["status"], done["intent"]["error"]) == ("FAILED", "broke")


@happy("GET", f"{I}/continuation")
async def _(house: House) -> None:
    state = {"thread": "t-1", "messages": [1, None, "é"]}
    asked = await house.ask(continuation=state)
    found = await house.ok("GET", f"{I}/continuation", house.agent, intent_id=asked)
    assert found["continuation"] == state


@happy("POST", f"{I}/consume")
async def _(house: House) -> None:
    permit = await consumed(house, await house.ask(action={"tool": "pay", "arguments": {"n": 1}}))
    assert (permit["run"], permit["tool"], permit["arguments"]) == (True, "pay", {"n": 1})


@happy("POST", f"{I}/report")
async def _(house: House) -> None:
    asked = await house.ask()
    await consumed(house, asked)
    body = {"attempt_id": "a-1", "succeeded": True, "result": {"rows": 9}}
    done = await house.ok("POST", f"{I}/report", house.agent, body, intent_id=asked)
    assert done["state"] == "done"


@happy("POST", "/v1/runs/open")
async def _(house: House) -> None:
    body = {"run_id": "r", "app": "refunds", "worker": "w"}
    opened = await house.ok("POST", "/v1/runs/open", house.agent, body)
    assert (opened["run"]["status"], opened["run"]["epoch"]) == ("running", 1)
    assert opened["state"] is None


@happy("POST", "/v1/runs/save")
async def _(house: House) -> None:
    held = {"run_id": "r", "worker": "w"}
    await house.ok("POST", "/v1/runs/open", house.agent, held | {"app": "refunds"})
    saved = await house.ok(
        "POST",
        "/v1/runs/save",
        house.agent,
        held
        | {"epoch": 1, "save_id": "1", "status": "suspended", "state": {"at": 3}}
        | {"intents": [{"intent_type": TYPE, "to": ANA, "idempotency_key": "k"}]},
    )
    (filed,) = saved["results"]
    assert saved["run"]["waits"] == [filed["intent_id"]]
    assert (await house.look(filed["intent_id"]))["run_id"] == "r"


@happy("POST", "/v1/runs/renew")
async def _(house: House) -> None:
    held = {"run_id": "r", "worker": "w"}
    opened = await house.ok("POST", "/v1/runs/open", house.agent, held | {"app": "refunds"})
    house.clock.advance(30)
    kept = await house.ok("POST", "/v1/runs/renew", house.agent, held | {"epoch": 1})
    assert kept["run"]["leased_until"] > opened["run"]["leased_until"]


@happy("GET", "/v1/runs")
async def _(house: House) -> None:
    for name, app in (("a", "x"), ("b", "x"), ("c", "y")):
        body = {"run_id": name, "app": app, "worker": "w"}
        await house.ok("POST", "/v1/runs/open", house.agent, body)

    async def page(key: str, **query: Any) -> list[str]:
        found = await house.ok("GET", "/v1/runs", key, query=query)
        return [one["run_id"] for one in found["runs"]]

    assert await page(house.agent) == await page(house.admin) == ["a", "b", "c"]
    assert await page(house.agent, app="x", limit=1) == ["a"]
    assert await page(house.agent, app="x", cursor="a") == ["b"]
    assert await page(house.agent, run_id="c") == ["c"]
    assert await page(house.agent, run_id="d") == []
    assert await page(house.agent, run_status="suspended") == []


@happy("POST", "/v1/leases")
async def _(house: House) -> None:
    asked, job = await leased(house)
    assert (job["intent_id"], job["delivery"], job["payload"]) == (asked, 1, {"rows": 9})
    assert job["decision"]["approved"]


@happy("POST", f"{I}/lease/renew")
async def _(house: House) -> None:
    asked, job = await leased(house)
    house.clock.advance(30)
    body = {"worker": "w", "epoch": 1}
    kept = await house.ok("POST", f"{I}/lease/renew", house.agent, body, intent_id=asked)
    assert kept["leased_until"] > job["leased_until"]


@happy("POST", f"{I}/lease/finish")
async def _(house: House) -> None:
    asked, _ = await leased(house)
    body = {"worker": "w", "epoch": 1}
    done = await house.ok("POST", f"{I}/lease/finish", house.agent, body, intent_id=asked)
    assert done["leased_until"] is None
    house.clock.advance(3600)
    assert await jobs(house) == []


@happy("POST", f"{I}/lease/return")
async def _(house: House) -> None:
    asked, _ = await leased(house)
    body = {"worker": "w", "epoch": 1, "seconds": 10}
    await house.ok("POST", f"{I}/lease/return", house.agent, body, intent_id=asked)
    assert await jobs(house) == []
    house.clock.advance(10)
    (again,) = await jobs(house)
    assert (again["delivery"], again["attempt_id"]) == (2, asked)


@happy("GET", f"{I}/card")
async def _(house: House) -> None:
    action = {"tool": "pay", "arguments": {"amount": 450, "to": "ACME"}}
    asked = await house.ask(action=action, payload={"why": "rent"}, description="do it")
    found = (await house.ok("GET", f"{I}/card", house.ana, intent_id=asked))["card"]
    assert found["what"] == "Run pay: amount 450, to “ACME”"
    assert (found["figure"], found["arguments"]) == ("450", action["arguments"])
    assert found["about"] == {"why": "rent"}
    assert {"name": "description", "text": "do it"} in found["words"]
    assert [one["label"] for one in found["outcomes"]] == ["Approve", "Reject"]
    assert (found["why_not"], found["can_edit"], found["open"]) == (None, True, True)
    await house.refused(404, "GET", f"{I}/card", house.bo, intent_id=asked)
    await house.refused(403, "GET", f"{I}/card", house.agent, intent_id=asked)
    await house.decide(asked)
    over = (await house.ok("GET", f"{I}/card", house.ana, intent_id=asked))["card"]
    assert (over["open"], over["why_not"]) == (False, f"{ANA} answered “approved”.")


@happy("GET", "/v1/tasks")
async def _(house: House) -> None:
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"roles": ["admin"]}, name=BO)
    mine = [await house.ask() for _ in range(3)]
    await house.decide(await house.ask())

    async def listed(key: str, **query: Any) -> list[str]:
        page = await house.ok("GET", "/v1/tasks", key, query=query)
        return [task["intent_id"] for task in page["tasks"]]

    assert await listed(house.ana) == mine
    assert await listed(house.ana, limit=2) == mine[:2]
    assert await listed(house.ana, limit=2, cursor=mine[1]) == mine[2:]
    assert await listed(house.bo) == []
    assert await listed(house.bo, all="true") == mine
    assert await listed(house.admin) == mine
    await house.refused(403, "GET", "/v1/tasks", house.ana, query={"all": "true"})


@happy("GET", "/v1/deliveries")
async def _(house: House) -> None:
    asked = await house.ask(to=[ANA, BO])
    await house.ask()
    await house.holdshort.tick()
    assert sorted(d["recipient"] for d in await house.deliveries(asked)) == [ANA, BO]
    assert [d["state"] for d in await house.deliveries(asked, limit="1")] == ["sent"]
    assert await house.deliveries(asked, state="dead") == []


@happy("POST", "/v1/deliveries/{delivery_id}/retry")
async def _(house: House) -> None:
    (sent,) = await house.deliveries(await house.ask())
    path = "/v1/deliveries/{delivery_id}/retry"
    again = await house.ok("POST", path, house.admin, delivery_id=sent["delivery_id"])
    assert (again["delivery"]["state"], again["delivery"]["attempts"]) == ("pending", 0)


@happy("GET", "/v1/audit/export")
async def _(house: House) -> None:
    asked = await house.ask()
    await house.ask()
    for query, count in ((None, 2), ({"intent_id": asked}, 1)):
        response = await house.call("GET", "/v1/audit/export", house.admin, query=query)
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert lines[-1]["intents"] == count
        assert sum("event" in line for line in lines) == count * len(await house.events(asked))


LIMITS = {
    "intents_per_hour": 10,
    "intents_per_day": None,
    "cost_per_hour": None,
    "cost_per_day": 12.5,
    "currency": "EUR",
    "on_breach": "alert",
    "approvers": [BO],
    "require_cost": True,
    "intent_types": {"allow": ["intent.data.*"], "deny": []},
    "tools": {"allow": [], "deny": ["drop_table"]},
}


@happy("PUT", "/v1/limits/{agent}")
async def _(house: House) -> None:
    path = ("PUT", "/v1/limits/{agent}", house.admin)
    done = await house.ok(*path, LIMITS, agent=AGENT)
    assert (done["agent"], done["own"], done["limits"]) == (AGENT, True, LIMITS)
    assert done["usage"]["counted"] is True
    await house.ok(*path, {"intents_per_hour": 1}, agent="*")
    for wrong in (
        {"cost_per_day": -1},
        {"cost_per_day": "NaN"},
        {"cost_per_day": 0.0000001},
        {"intents_per_day": 1.5},
        {"on_breach": "ignore"},
        {"require_cost": True},
        {"tools": {"deny": ["a*b"]}},
        {"max_intents": 1},
    ):
        await house.refused(422, *path, wrong, agent=AGENT)


@happy("GET", "/v1/limits")
async def _(house: House) -> None:
    assert (await house.ok("GET", "/v1/limits", house.admin))["limits"] == []
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, LIMITS, agent=AGENT)
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, {}, agent="*")
    every, one = (await house.ok("GET", "/v1/limits", house.admin))["limits"]
    assert one == {"agent": AGENT} | LIMITS
    assert (every["agent"], every["on_breach"], every["cost_per_day"]) == ("*", "block", None)


@happy("GET", "/v1/limits/{agent}")
async def _(house: House) -> None:
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, {"intents_per_day": 5}, agent="*")
    for key in (house.agent, house.admin):
        found = await house.ok("GET", "/v1/limits/{agent}", key, agent=AGENT)
        assert (found["own"], found["limits"]["intents_per_day"]) == (False, 5)
        assert found["usage"]["intents_today"] == 0
    await house.refused(404, "GET", "/v1/limits/{agent}", house.agent, agent="agent://x/y/other")


@happy("DELETE", "/v1/limits/{agent}")
async def _(house: House) -> None:
    await house.refused(404, "DELETE", "/v1/limits/{agent}", house.admin, agent=AGENT)
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, LIMITS, agent=AGENT)
    await house.ok("DELETE", "/v1/limits/{agent}", house.admin, agent=AGENT)
    found = await house.ok("GET", "/v1/limits/{agent}", house.admin, agent=AGENT)
    assert (found["own"], found["limits"], found["usage"]["counted"]) == (False, None, False)


@happy("POST", "/v1/intents/{intent_id}/files")
async def _(house: House) -> None:
    path = ("POST", "/v1/intents/{intent_id}/files", house.ana)
    asked = await house.ask(
        task="manual_action", human_task={"evidence_required": True, "title": "Photograph it"}
    )
    body = {"name": "C:\\photos\\../lock\u202e.jpg", "data": "AAEC/w=="}
    (one, again) = [(await house.ok(*path, body, intent_id=asked))["file"] for _ in range(2)]
    assert one == again
    assert (one["name"], one["size"], one["by"]) == ("lock_.jpg", 4, ANA)
    assert one["sha256"] == hashlib.sha256(b"\x00\x01\x02\xff").hexdigest()
    read = "/v1/intents/{intent_id}/files/{sha256}"
    found = await house.ok("GET", read, house.agent, intent_id=asked, sha256=one["sha256"])
    assert found["data"] == body["data"]
    evidence = [{"name": one["name"], "sha256": one["sha256"]}]
    await house.decide(asked, "completed", evidence=evidence)
    for wrong in ("AAEC/w=", "A A=", "ä"):
        error = await house.refused(422, *path, {"name": "x", "data": wrong}, intent_id=asked)
        assert error["details"]["problems"][0]["field"] == "data"
    other = await house.ask()
    await house.refused(403, *path[:2], house.agent, body, intent_id=other)
    await house.refused(404, *path[:2], house.bo, body, intent_id=other)


@happy("GET", "/v1/audit/administration")
async def _(house: House) -> None:
    path = ("GET", "/v1/audit/administration", house.admin)
    assert (await house.ok(*path))["entries"] == []
    for members in ([ANA], [ANA, BO]):
        await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": members}, name="pay")
    newest, older = (await house.ok(*path))["entries"]
    assert (newest["seq"], newest["event_type"], newest["about"]) == (2, "admin.team.set", "pay")
    assert (newest["actor"], newest["details"]) == ("service:admin", {"members": [ANA, BO]})
    assert newest["prev"] == older["hash"]
    found = await house.ok(*path, query={"before": 2, "limit": 1})
    assert [one["seq"] for one in found["entries"]] == [1]


@happy("GET", "/v1/settings")
async def _(house: House) -> None:
    found = await house.ok("GET", "/v1/settings", house.admin)
    assert found["settings"] == {
        "default_reviewers": ["team:admins"],
        "channels": None,
        "timezone": "UTC",
        "allow_deputies": True,
        "two_people_resume": False,
        "calendars": {},
    }


@happy("PUT", "/v1/settings")
async def _(house: House) -> None:
    settings = {
        "default_reviewers": [BO],
        "channels": ["console"],
        "timezone": "Europe/Lisbon",
        "allow_deputies": False,
        "two_people_resume": True,
        "calendars": {
            "office": {
                "timezone": "Europe/Lisbon",
                "days": ["mon", "fri"],
                "from": "09:00",
                "until": "17:30",
                "holidays": ["2026-12-25"],
            }
        },
    }
    assert await house.ok("PUT", "/v1/settings", house.admin, settings) == {
        "ok": True, "settings": settings,
    }  # fmt: skip
    filed = await house.ok("POST", "/v1/intents", house.agent, {"intent_type": TYPE})
    assert filed["assigned"] == [BO]


@happy("GET", "/v1/absences")
async def _(house: House) -> None:
    away = {"from": "2027-01-20", "until": "2027-01-22", "deputy": BO}
    await house.ok("POST", "/v1/absences", house.ana, away)
    for key in (house.ana, house.bo, house.admin):
        (found,) = (await house.ok("GET", "/v1/absences", key))["absences"]
        assert (found["person"], found["deputy"]) == (ANA, BO)
    house.clock.advance(9 * 86400)
    assert (await house.ok("GET", "/v1/absences", house.ana))["absences"] == []


@happy("POST", "/v1/absences")
async def _(house: House) -> None:
    away = {"from": "2027-01-20", "until": "2027-01-22", "deputy": BO, "note": "skiing"}
    made = (await house.ok("POST", "/v1/absences", house.ana, away))["absence"]
    assert made == {
        "absence_id": made["absence_id"],
        "person": ANA,
        "from": "2027-01-20T00:00:00.000Z",
        "until": "2027-01-23T00:00:00.000Z",
        "deputy": BO,
        "note": "skiing",
    }
    await house.refused(403, "POST", "/v1/absences", house.bo, away | {"person": ANA})
    await house.refused(422, "POST", "/v1/absences", house.admin, away)
    await house.ok("POST", "/v1/absences", house.admin, away | {"person": BO, "deputy": ANA})


@happy("DELETE", "/v1/absences/{absence_id}")
async def _(house: House) -> None:
    path = "/v1/absences/{absence_id}"
    for key in (house.ana, house.admin):
        away = {"from": "2027-01-20", "until": "2027-01-22", "deputy": BO}
        made = await house.ok("POST", "/v1/absences", house.ana, away)
        absence_id = made["absence"]["absence_id"]
        await house.refused(404, "DELETE", path, house.bo, absence_id=absence_id)
        await house.ok("DELETE", path, key, absence_id=absence_id)
        await house.refused(404, "DELETE", path, key, absence_id=absence_id)


@happy("GET", "/v1/rotas/{name}/on-call")
async def _(house: House) -> None:
    rota = {"members": [ANA, BO], "starts": "2027-01-11"}
    await house.ok("PUT", "/v1/rotas/{name}", house.admin, rota, name="ops")
    path = "/v1/rotas/{name}/on-call"
    assert await house.ok("GET", path, house.bo, name="ops") == {
        "ok": True,
        "at": "2027-01-15T08:00:00.000Z",
        "on_call": ANA,
        "turn": ANA,
        "until": "2027-01-18T09:00:00.000Z",
    }
    later = await house.ok("GET", path, house.bo, name="ops", query={"at": "2027-01-18T09:00"})
    assert later["on_call"] == BO
    await house.refused(422, "GET", path, house.bo, name="ops", query={"at": "soon"})
    await house.refused(404, "GET", path, house.bo, name="dev")


@happy("GET", "/v1/keys")
async def _(house: House) -> None:
    keys = (await house.ok("GET", "/v1/keys", house.admin))["keys"]
    assert sorted(key["role"] for key in keys) == ["agent", "person", "person", "service"]
    assert not any("token" in key or "hash" in key for key in keys)


@happy("POST", "/v1/keys")
async def _(house: House) -> None:
    body = {"role": "person", "subject": " Eve@ACME.com ", "name": "Eve"}
    made = await house.ok("POST", "/v1/keys", house.admin, body)
    assert made["key"]["subject"] == "eve@acme.com"
    assert (await house.ok("GET", "/v1/whoami", made["token"]))["subject"] == "eve@acme.com"


@happy("DELETE", "/v1/keys/{key_id}")
async def _(house: House) -> None:
    body = {"role": "agent", "subject": "agent://acme/x/y"}
    made = await house.ok("POST", "/v1/keys", house.admin, body)
    await house.ok("GET", "/v1/whoami", made["token"])
    path = "/v1/keys/{key_id}"
    await house.ok("DELETE", path, house.admin, key_id=made["key"]["key_id"])
    await house.refused(401, "GET", "/v1/whoami", made["token"])
    await house.refused(404, "DELETE", path, house.admin, key_id=made["key"]["key_id"])


ITEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "people": (
        BO,
        {
            "title": "Bo",
            "roles": ["cfo"],
            "active": True,
            "email": "bo@home.example",
            "slack": "U0BO",
            "urls": 0,
            "channels": ["slack", "email"],
            "tell": "first",
            "timezone": "Europe/Berlin",
            "quiet": {"from": "22:00", "until": "07:00", "days": ["mon", "tue"]},
        },
    ),
    "rotas": (
        "ops",
        {
            "members": [ANA, BO],
            "starts": "2026-11-16",
            "handover": {"day": "mon", "time": "09:00"},
            "timezone": "Europe/Berlin",
            "every": 2,
            "overrides": [{"from": "2026-12-24", "until": "2026-12-26", "person": BO}],
        },
    ),
    "teams": ("finance", {"members": [ANA, BO]}),
    "policies": ("intent.pay.*", {"quorum": 2, "risk": "high"}),
    "webhooks": ("ci", {"url": "https://example.com/hook", "events": ["*"], "active": True}),
}


def collection(name: str, item: str, doc: dict[str, Any]) -> None:
    # Of the addresses of services only their number is shown: none, where none were given.
    body = {
        "name" if field == "title" else field: value
        for field, value in doc.items()
        if field != "urls"
    }
    one, every = f"/v1/{name}/{{name}}", f"/v1/{name}"

    async def put(house: House) -> None:
        done = await house.ok("PUT", one, house.admin, body, name=item)
        assert done["item"] == {"name": item, **doc}
        assert ("secret" in done) == (name == "webhooks")

    async def list_(house: House) -> None:
        assert (await house.ok("GET", every, house.admin))["items"] == []
        await put(house)
        assert (await house.ok("GET", every, house.admin))["items"] == [{"name": item, **doc}]

    async def delete(house: House) -> None:
        await put(house)
        await house.ok("DELETE", one, house.admin, name=item)
        await house.refused(404, "DELETE", one, house.admin, name=item)

    happy("PUT", one)(put)
    happy("GET", every)(list_)
    happy("DELETE", one)(delete)


for _name, (_item, _doc) in ITEMS.items():
    collection(_name, _item, _doc)


async def consumed(house: House, asked: str, attempt: str = "a-1") -> Any:
    decided = await house.decide(asked)
    assert decided["decision"]["approved"]
    digest = (await house.look(asked))["digest"]
    body = {"digest": digest, "attempt_id": attempt}
    return await house.ok("POST", f"{I}/consume", house.agent, body, intent_id=asked)


async def jobs(house: House) -> list[dict[str, Any]]:
    body = {"worker": "w", "intent_types": [TYPE], "seconds": 60, "limit": 10}
    found: list[dict[str, Any]] = (await house.ok("POST", "/v1/leases", house.agent, body))["jobs"]
    return found


async def leased(house: House) -> tuple[str, dict[str, Any]]:
    asked = await house.ask(resume="worker")
    assert await jobs(house) == []
    await house.decide(asked)
    (job,) = await jobs(house)
    return asked, job
