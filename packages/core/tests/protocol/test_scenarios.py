"""Scenarios as the protocol's command line sends them, and as people write them."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import ANA, ANALYST, TYPE, Wire

pytestmark = pytest.mark.anyio

#: What the command line makes of the seed's own file: empty texts for what is not said.
SEED: dict[str, Any] = {
    "agents": [
        {
            "address": "data-analyst-demo",
            "create_if_missing": True,
            "delivery_mode": "stream",
            "display_name": "Data Analyst Agent",
            "role": "data_analyst",
        }
    ],
    "description": "An agent looks, a person decides.",
    "humans": [{"contact": "", "display_name": "Data Owner", "role": "data_owner"}],
    "intent": {"max_delivery_attempts": 3, "payload": {"dataset": "q1"}, "type": TYPE},
    "scenario_id": "async-human-approval.demo.v1",
    "title": "Approve an export",
    "workflow": {
        "steps": [
            {
                "assigned_to": "data_analyst",
                "step_deadline_seconds": 120,
                "step_id": "analyze_data",
                "tool_id": "tool.agent.task.v1",
            },
            {
                "assigned_to": "data_owner",
                "human_task": {"description": "Look at it.", "title": "Export?"},
                "remind_after_seconds": 300,
                "requires_approval": True,
                "step_deadline_seconds": 28800,
                "step_id": "owner_approval",
                "tool_id": "tool.approval.human_signoff",
            },
        ]
    },
}


def person(contact: str) -> dict[str, Any]:
    return SEED | {"humans": [{"role": "data_owner", "contact": contact}]}


async def provisioned(wire: Wire) -> tuple[str, str]:
    """Do what the command line does before it applies; return the account and its key."""
    where = "?org_id=acme&workspace_id=demo"
    found = await wire.ok("GET", f"/v1/service-accounts{where}", wire.admin)
    assert found["service_accounts"] == []
    body = {"name": "data-analyst-demo", "org_id": "acme", "workspace_id": "demo"}
    made = await wire.ok("POST", "/v1/service-accounts", wire.admin, body | {"display_name": "D"})
    account = made["service_account"]
    assert account["address"] == "agent://acme/demo/data-analyst-demo"
    path = f"/v1/service-accounts/{account['service_account_id']}/keys"
    return account["service_account_id"], (await wire.ok("POST", path, wire.admin, {}))["key"][
        "token"
    ]


async def test_the_seeds_scenario_from_end_to_end(wire: Wire) -> None:
    _, agent = await provisioned(wire)
    applied = await wire.ok("POST", "/v1/scenarios/apply", wire.admin, person(ANA))
    intent_id = applied["intent_id"]
    assert applied["agents_provisioned"] == []
    found = await wire.look(intent_id, agent)
    assert (found["title"], found["payload"]) == ("Approve an export", {"dataset": "q1"})
    assert found["steps"][0]["agent"] == "agent://acme/demo/data-analyst-demo"
    await wire.resume(intent_id, agent, {"action": "complete", "rows": 1})
    (task,) = (await wire.ok("GET", "/v1/me/tasks", wire.ana))["tasks"]
    assert task["human_task"]["title"] == "Export?"
    done = await wire.resume(intent_id, wire.ana, {"task_result": {"outcome": "approved"}})
    assert done["result"]["approved"] is True
    assert done["from_agent"] == "service:admin"


async def test_missing_agents_are_registered_and_an_idempotency_key_finds_the_intent(
    wire: Wire,
) -> None:
    body = person(ANA) | {"idempotency_key": "seed-0001"}
    first = await wire.ok("POST", "/v1/scenarios/apply", wire.admin, body)
    (made,) = first["agents_provisioned"]
    assert made["address"] == "agent://default/default/data-analyst-demo"
    again = await wire.ok("POST", "/v1/scenarios/apply", wire.admin, body)
    assert (again["intent_id"], again["existed"]) == (first["intent_id"], True)
    assert again["agents_provisioned"] == []
    assert again["compile_id"] == first["compile_id"]


async def test_an_agents_key_registers_nobody(wire: Wire) -> None:
    reason = await wire.refused(422, "POST", "/v1/scenarios/apply", wire.asking, person(ANA))
    assert "register it" in reason
    await wire.refused(403, "POST", "/v1/scenarios/apply", wire.ana, person(ANA))
    await wire.refused(403, "POST", "/v1/service-accounts", wire.asking, {"name": "x"})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"scenario_id": ""}, "scenario_id is missing"),
        ({"intent": {"payload": {}}}, "intent.type is missing"),
        ({"workflow": {"macro_id": "m"}}, "macros"),
        ({"workflow": {"entry_step": "second", "steps": SEED["workflow"]["steps"]}}, "entry_step"),
        ({"workflow": {"steps": [{"tool_id": "tool.internal.delay"}]}}, "tool.internal.delay"),
        ({"workflow": {"steps": [{"assigned_to": "nobody"}]}}, "nobody's role"),
        ({"workflow": []}, "workflow is an object"),
        ({"agents": ["data-analyst"]}, "agents is a list of objects"),
    ],
)
async def test_what_cannot_be_understood_is_refused_with_the_reason(
    wire: Wire, change: dict[str, Any], why: str
) -> None:
    bundle = SEED | change
    said = await wire.ok("POST", "/v1/scenarios/validate", wire.admin, bundle)
    assert any(why in one for one in said["errors"]), said
    reason = await wire.refused(422, "POST", "/v1/scenarios/apply", wire.admin, bundle)
    assert why in reason
    listed = await wire.ok("GET", "/v1/intents", wire.admin)
    assert listed["intents"] == []


async def test_what_has_no_effect_is_said(wire: Wire) -> None:
    steps = [one | {"retry": {"max_retries": 3}} for one in SEED["workflow"]["steps"]]
    bundle = SEED | {"workflow": {"steps": steps}, "unheard_of": 1}
    bundle["agents"] = [SEED["agents"][0] | {"delivery_mode": "http"}]
    said = await wire.ok("POST", "/v1/scenarios/validate", wire.admin, bundle)
    assert said["errors"] == []
    text = " ".join(said["warnings"])
    for name in ("unheard_of", "steps[0].retry", "delivery_mode 'http'", "has no contact"):
        assert name in text


async def test_roles_stand_for_people_in_escalation_and_for_chains(wire: Wire) -> None:
    bundle: dict[str, Any] = {
        "scenario_id": "chain.v1",
        "humans": [
            {"role": "manager", "contact": ANA},
            {"role": "finance", "contact": "bo@acme.com"},
        ],
        "intent": {"type": TYPE, "payload": {"amount": 12}},
        "workflow": {
            "steps": [
                {
                    "step_id": "manager",
                    "assigned_to": "manager",
                    "requires_approval": True,
                    "escalate_to": "finance",
                    "remind_after_seconds": 60,
                    "remind_interval_seconds": 60,
                    "max_reminders": 1,
                    "on_failure": "tell",
                },
                {"step_id": "finance", "assigned_to": "finance", "requires_approval": True},
                {"step_id": "tell", "assigned_to": ANALYST, "tool_id": "tool.agent.task.v1"},
            ]
        },
    }
    applied = await wire.ok("POST", "/v1/scenarios/apply", wire.admin, bundle)
    intent_id = applied["intent_id"]
    await wire.after(61)
    events = await wire.ok("GET", f"/v1/intents/{intent_id}/events", wire.admin)
    assert events["events"][-1]["event_type"] == "intent.reminder"
    await wire.after(1800)
    found = await wire.look(intent_id, wire.admin)
    assert set(found["assigned"]) == {ANA, "bo@acme.com"}
    after = await wire.resume(intent_id, wire.ana, {"task_result": {"outcome": "rejected"}})
    assert after["pending_with"]["ref"] == ANALYST
    done = await wire.resume(intent_id, wire.analyst, {"told": True})
    assert (done["status"], done["result"]["outcome"]) == ("COMPLETED", "rejected")


async def test_keys_of_an_account_end_when_they_are_revoked_or_it_is_deleted(wire: Wire) -> None:
    account, token = await provisioned(wire)
    path = f"/v1/service-accounts/{account}"
    (key,) = (await wire.ok("GET", path, wire.admin))["service_account"]["keys"]
    assert "token" not in key
    second = (await wire.ok("POST", f"{path}/keys", wire.admin, {}))["key"]
    await wire.ok("POST", f"{path}/keys/{key['key_id']}/revoke", wire.admin)
    assert (await wire.call("GET", "/v1/agents", token)).status_code == 401
    listed = await wire.ok("GET", "/v1/agents", second["token"])
    assert [one["status"] for one in listed["agents"]] == ["active", "active"]
    one = await wire.ok("GET", "/v1/agents/acme/demo/data-analyst-demo", second["token"])
    assert one["agent"]["service_account_id"] == account
    assert (await wire.ok("DELETE", path, wire.admin))["service_account"]["status"] == "deleted"
    assert (await wire.call("GET", "/v1/agents", second["token"])).status_code == 401
    await wire.refused(404, "GET", path, wire.admin)
    await wire.refused(422, "POST", "/v1/service-accounts", wire.admin, {"name": "a b"})
