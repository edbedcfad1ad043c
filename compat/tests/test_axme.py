"""PyPI's `axme`, unmodified: its four lines, its initiator and its agent run against a real
`holdshort up`, and people decide with Holdshort's own tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import httpx
import pytest
from axme import AxmeClient
from axme_sdk.exceptions import (
    AxmeAuthError,
    AxmeHttpError,
    AxmeRateLimitError,
    AxmeValidationError,
)

from holdshort.testing.adapter.live import PATIENCE, LiveServer, environment

from .conftest import client, registered

TYPE = "intent.data.export_approval.v1"
WORK = "intent.data.scan.v1"
ANALYST = "agent://acme/production/data-analyst"
OFFICE = "agent://acme/production/back-office"


@pytest.fixture
def axme(server: LiveServer) -> Iterator[AxmeClient]:
    """The SDK with an agent's key, as the four lines have it."""
    with client(server, server.keys["agent"]) as found:
        yield found


@pytest.fixture
def ana(server: LiveServer) -> Iterator[AxmeClient]:
    """A person's key in the same SDK."""
    with client(server, server.keys["person"]) as found:
        yield found


def ask(axme: AxmeClient, **more: Any) -> str:
    """The four lines' request."""
    payload = {"dataset": "customers_q1", "pii_detected": True}
    return axme.send_intent({"intent_type": TYPE, "to_agent": ANALYST, "payload": payload} | more)


def approve(server: LiveServer, intent_id: str) -> None:
    with server.reviewer() as person:
        person.approve(intent_id)


def first_heard(agent: AxmeClient, address: str, seconds: float = PATIENCE) -> dict[str, Any]:
    with closing(agent.listen(address, timeout_seconds=seconds)) as heard:
        return next(heard)


def in_thread(call: Callable[[], Any]) -> Callable[[], Any]:
    """Begin a call that waits; return how to get its answer."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()), daemon=True)
    thread.start()

    def answer() -> Any:
        thread.join(PATIENCE)
        assert answers, "it still waits"
        return answers[0]

    return answer


def command(server: LiveServer, *words: str) -> subprocess.CompletedProcess[str]:
    """Run our command line as the person."""
    return subprocess.run(
        [sys.executable, "-m", "holdshort.cli", *words],
        env=environment()
        | {"HOLDSHORT_URL": server.url, "HOLDSHORT_PERSON_KEY": server.keys["person"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def approve_in_the_inbox(server: LiveServer, intent_id: str, outcome: str = "approved") -> None:
    """Sign in by a link and press the button, as a browser does."""
    person = httpx.get(f"{server.url}/v1/whoami", headers=key(server.keys["person"])).json()
    link = server.admin("POST", "/v1/sign-in-links", {"person": person["subject"]})["url"]
    with httpx.Client(base_url=server.url, follow_redirects=True, timeout=PATIENCE) as browser:
        page = browser.get(link)
        browser.post(link, data=fields(page.text)).raise_for_status()
        card = browser.get(f"/inbox/{intent_id}")
        form = card.text.split(f'action="/inbox/{intent_id}/decide"')[1].split("</form>")[0]
        sent = fields(form) | {"outcome": outcome, "held": "1"}
        answered = browser.post(
            f"/inbox/{intent_id}/decide", data=sent, headers={"Origin": server.url}
        )
        assert answered.status_code == 200, answered.text[:2000]


def fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input[^>]*type="hidden"[^>]*>', page)
    names = [
        (re.search(r'name="([^"]*)"', one), re.search(r'value="([^"]*)"', one)) for one in found
    ]
    return {name[1]: value[1] for name, value in names if name and value}


def key(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_the_four_lines_wait_for_a_person_who_decides_with_our_command_line(
    server: LiveServer, axme: AxmeClient
) -> None:
    intent_id = ask(axme)
    waiting = in_thread(lambda: axme.wait_for(intent_id))
    said = command(server, "tasks", "approve", intent_id, "--comment", "masked, fine")
    assert said.returncode == 0, said.stderr
    event = waiting()
    assert event["event_type"] == "intent.completed"
    assert event["status"] == "COMPLETED"
    result = event["details"]["result"]
    assert (result["outcome"], result["approved"]) == ("approved", True)
    assert result["decided_by"].startswith("person:")
    assert result["comment"] == "masked, fine"


def test_the_four_lines_wait_for_a_person_who_decides_in_the_inbox(
    server: LiveServer, axme: AxmeClient
) -> None:
    intent_id = ask(axme)
    waiting = in_thread(lambda: axme.wait_for(intent_id))
    approve_in_the_inbox(server, intent_id)
    assert waiting()["details"]["result"]["approved"] is True


def test_a_no_is_an_answer_and_says_so(server: LiveServer, axme: AxmeClient) -> None:
    intent_id = ask(axme)
    assert command(server, "tasks", "reject", intent_id, "--comment", "no").returncode == 0
    result = axme.wait_for(intent_id)["details"]["result"]
    assert (result["outcome"], result["approved"]) == ("rejected", False)


def test_the_initiator_sees_every_event_and_the_result_at_the_top(
    server: LiveServer, axme: AxmeClient
) -> None:
    """The shape of initiator.py: send, observe, get; it reads `status` and `result` at the top."""
    intent_id = ask(axme)
    seen: list[dict[str, Any]] = []
    for event in axme.observe(intent_id):
        seen.append(event)
        if event["event_type"] == "intent.waiting":
            assert event["waiting_reason"] == "WAITING_FOR_HUMAN"
            approve(server, intent_id)
    assert [one["event_type"] for one in seen[:3]] == [
        "intent.created",
        "intent.submitted",
        "intent.delivered",
    ]
    assert [one["seq"] for one in seen] == list(range(1, len(seen) + 1))
    found = axme.get_intent(intent_id)
    assert found["status"] == found["intent"]["status"] == "COMPLETED"
    assert found["intent"]["lifecycle_status"] == "COMPLETED"
    assert found["result"]["approved"] is True
    assert found["payload"]["dataset"] == found["intent"]["payload"]["dataset"] == "customers_q1"
    listed = axme.list_intent_events(intent_id, since=2)["events"]
    assert [one["seq"] for one in listed] == [one["seq"] for one in seen[2:]]


def test_waiting_goes_on_after_the_server_was_killed_where_the_caller_asks_again(
    server: LiveServer, axme: AxmeClient
) -> None:
    """The SDK itself gives up on a lost line; the intent does not."""
    intent_id = ask(axme)
    server.restart()
    approve(server, intent_id)
    assert axme.wait_for(intent_id)["status"] == "COMPLETED"


def test_the_agent_listens_works_and_resumes(
    server: LiveServer, axme: AxmeClient, admin: AxmeClient
) -> None:
    """The shape of agent.py: listen by the bare name, get, work, resume with `action: complete`."""
    secret = registered(server, admin, ANALYST)
    with client(server, secret) as agent:
        heard = in_thread(lambda: first_heard(agent, "data-analyst"))
        intent_id = axme.send_intent(
            {"intent_type": WORK, "to_agent": ANALYST, "payload": {"table": "customers"}}
        )
        delivery = heard()
        assert delivery["intent_id"] == intent_id
        assert delivery["status"] == "DELIVERED"
        assert delivery["event_type"] == "intent.delivered"
        intent = agent.get_intent(intent_id)["intent"]
        assert intent["payload"] == {"table": "customers"}
        assert intent["pending_with"]["type"] == "agent"
        done = agent.resume_intent(
            intent_id, {"action": "complete", "rows": 7}, owner_agent=ANALYST
        )
        assert (done["ok"], done["applied"]) == (True, True)
        result = axme.wait_for(intent_id)["details"]["result"]
        assert (result["outcome"], result["data"]) == ("completed", {"rows": 7})
        assert result["approved"] is False, "an agent's work is nobody's yes"
        with pytest.raises(AxmeValidationError) as refused:
            agent.resume_intent(intent_id, {"action": "complete", "rows": 8})
        assert refused.value.status_code == 409
        with pytest.raises(TimeoutError):
            first_heard(agent, ANALYST, 1.2)


def test_a_scenario_goes_from_the_agent_to_the_person(
    server: LiveServer, admin: AxmeClient
) -> None:
    secret = registered(server, admin, ANALYST)
    applied = admin.apply_scenario(SCENARIO)
    assert applied["compile_id"].startswith("wf_")
    intent_id = applied["intent_id"]
    with client(server, secret) as agent:
        delivery = first_heard(agent, ANALYST)
        assert delivery["intent_id"] == intent_id
        found = {"recommendation": "mask_before_export"}
        agent.resume_intent(intent_id, {"action": "complete", **found})
        events = [one["event_type"] for one in agent.list_intent_events(intent_id)["events"]]
        assert events[:3] == ["intent.created", "intent.submitted", "intent.delivered"]
        assert events[3:] == ["intent.in_progress", "intent.human_task_assigned", "intent.waiting"]
        with pytest.raises(AxmeAuthError) as refused:
            agent.resume_intent(intent_id, {"approve_current_step": True})
        assert "people" in str(refused.value)
    approve_in_the_inbox(server, intent_id)
    result = admin.wait_for(intent_id)["details"]["result"]
    assert (result["outcome"], result["approved"]) == ("approved", True)
    assert result["steps"]["analyze_data"] == found


SCENARIO: dict[str, Any] = {
    "scenario_id": "async-human-approval.demo.v1",
    "title": "Approve an export",
    "description": "An agent looks at the data, its owner decides.",
    "agents": [
        {
            "role": "data_analyst",
            "address": "data-analyst",
            "display_name": "Data Analyst",
            "delivery_mode": "stream",
            "create_if_missing": True,
        }
    ],
    "humans": [{"role": "data_owner", "display_name": "Data Owner", "contact": ""}],
    "workflow": {
        "steps": [
            {
                "step_id": "analyze_data",
                "tool_id": "tool.agent.task.v1",
                "assigned_to": "data_analyst",
                "step_deadline_seconds": 120,
            },
            {
                "step_id": "owner_approval",
                "tool_id": "tool.approval.human_signoff",
                "assigned_to": "data_owner",
                "requires_approval": True,
                "remind_after_seconds": 300,
                "step_deadline_seconds": 28800,
                "human_task": {"title": "Export the data?", "description": "See the findings."},
            },
        ]
    },
    "intent": {
        "type": TYPE,
        "payload": {"dataset": "customers_q1"},
        "max_delivery_attempts": 3,
    },
}


def test_a_scenario_is_validated_without_doing_anything(admin: AxmeClient) -> None:
    said = admin.validate_scenario(SCENARIO)
    assert said["errors"] == []
    assert any("no contact" in one for one in said["warnings"])
    wrong = admin.validate_scenario({"scenario_id": "x", "workflow": {"macro_id": "m"}})
    assert len(wrong["errors"]) == 2
    assert admin.list_service_accounts(org_id="default")["service_accounts"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"task_result": {"outcome": "approved"}},
        {"outcome": "approved", "task_result": {"approved": True}},
        {"approve_current_step": True, "actor": "ana@acme.com", "internal_scheduler": True},
        {"action": "complete", "outcome": "approved"},
        {"anything": "at all"},
    ],
)
@pytest.mark.parametrize("whose", ["agent", "service"])
def test_no_agents_or_admins_key_answers_a_human_step_in_any_dialect_of_resume(
    server: LiveServer, body: dict[str, Any], whose: str
) -> None:
    with client(server, server.keys["agent"]) as asking:
        intent_id = ask(asking)
    with client(server, server.keys[whose]) as other, pytest.raises(AxmeAuthError) as refused:
        other.resume_intent(intent_id, body)
    assert refused.value.status_code == 403
    with client(server, server.keys["agent"]) as asking:
        assert asking.get_intent(intent_id)["status"] == "WAITING"


def test_no_agents_key_resolves_a_human_step(server: LiveServer, axme: AxmeClient) -> None:
    intent_id = ask(axme)
    with pytest.raises(AxmeAuthError):
        axme.resolve_intent(intent_id, {"status": "COMPLETED", "result": {"outcome": "approved"}})
    canceled = axme.resolve_intent(intent_id, {"status": "CANCELED", "reason": "not needed"})
    assert canceled["intent"]["status"] == canceled["event"]["status"] == "CANCELED"
    with pytest.raises(AxmeValidationError) as refused:
        axme.resolve_intent(intent_id, {"status": "FAILED", "error": {"message": "x"}})
    assert refused.value.status_code == 409


def test_an_agent_resolves_its_own_work_once(
    server: LiveServer, axme: AxmeClient, admin: AxmeClient
) -> None:
    with client(server, registered(server, admin, ANALYST)) as agent:
        intent_id = axme.send_intent(
            {"intent_type": WORK, "to_agent": ANALYST, "payload": {}, "reply_to": OFFICE}
        )
        done = agent.resolve_intent(
            intent_id, {"status": "COMPLETED", "result": {"rows": 1}}, owner_agent=ANALYST
        )
        assert done["event"]["event_type"] == "intent.completed"
        assert done["completion_delivery"]["delivered"] is True
        assert done["completion_delivery"]["thread_id"] == intent_id
        with pytest.raises(AxmeValidationError) as refused:
            agent.resolve_intent(intent_id, {"status": "COMPLETED", "result": {}})
        assert refused.value.status_code == 409
    with client(server, registered(server, admin, OFFICE)) as office:
        (thread,) = office.list_inbox(owner_agent=OFFICE)["threads"]
        assert (thread["thread_id"], thread["status"]) == (intent_id, "done")


def test_a_persons_key_decides_by_resume_and_a_body_that_says_two_things_is_refused(
    server: LiveServer, axme: AxmeClient, ana: AxmeClient
) -> None:
    intent_id = ask(axme)
    for body in (
        {"outcome": "approved", "task_result": {"outcome": "rejected"}},
        {"task_result": {"outcome": "rejected", "approved": True}},
        {"approve_current_step": True, "task_result": {"outcome": "rejected"}},
        {"comment": "fine by me"},
    ):
        with pytest.raises(AxmeValidationError) as refused:
            ana.resume_intent(intent_id, body)
        assert refused.value.status_code == 422
    done = ana.resume_intent(intent_id, {"task_result": {"outcome": "rejected", "comment": "no"}})
    assert done["status"] == "COMPLETED"
    result = axme.wait_for(intent_id)["details"]["result"]
    assert (result["outcome"], result["approved"], result["comment"]) == ("rejected", False, "no")


def test_inbox_and_approvals(
    server: LiveServer, axme: AxmeClient, ana: AxmeClient, admin: AxmeClient
) -> None:
    first, second = ask(axme), ask(axme)
    assert {one["thread_id"] for one in ana.list_inbox()["threads"]} == {first, second}
    thread = ana.get_inbox_thread(first)["thread"]
    assert thread["status"] == "pending"
    assert thread["timeline"][0]["event_type"] == "intent.created"
    said = ana.reply_inbox_thread(first, message="Which customers?")["thread"]
    assert said["timeline"][-1]["details"]["text"] == "Which customers?"
    assert ana.delegate_inbox_thread(first, {"delegate_to": "bo@acme.com", "note": "you know"})
    assert ana.approve_inbox_thread(first, {"comment": "ok"})["thread"]["status"] == "done"
    decided = ana.decide_approval(second, decision="reject", comment="no")["approval"]
    assert (decided["approval_id"], decided["decision"]) == (second, "reject")
    with pytest.raises(AxmeHttpError) as unknown:
        ana.decide_approval(str(uuid4()), decision="approve")
    assert unknown.value.status_code == 404
    page = admin.list_inbox_changes(limit=1)
    assert page["has_more"] is True
    rest = admin.list_inbox_changes(cursor=page["next_cursor"], limit=1)
    assert page["changes"][0]["thread"]["thread_id"] != rest["changes"][0]["thread"]["thread_id"]
    hidden = ana.delete_inbox_messages(first, {"mode": "self", "limit": 1})
    assert hidden["deleted_count"] == 1
    assert ana.get_capabilities()["supported_intent_types"][0].endswith(".v1")


def test_agents_decide_nothing_in_inbox_and_approvals(server: LiveServer, axme: AxmeClient) -> None:
    intent_id = ask(axme, to_agent=None)
    with pytest.raises(AxmeAuthError):
        axme.decide_approval(intent_id, decision="approve")
    with pytest.raises(AxmeHttpError) as hidden:
        axme.approve_inbox_thread(intent_id, {})
    assert hidden.value.status_code == 404, "what it asked is in somebody else's inbox"
    with pytest.raises(AxmeAuthError):
        axme.list_inbox(owner_agent="agent://acme/production/somebody-else")


def test_a_killed_agent_files_nothing_hears_nothing_and_runs_nothing(
    server: LiveServer, axme: AxmeClient, admin: AxmeClient
) -> None:
    secret = registered(server, admin, ANALYST)
    with client(server, secret) as agent:
        assert agent.mesh.heartbeat(metrics={"intents_total": 2, "cost_usd": 0.5})["ok"] is True
        (seen,) = admin.mesh.list_agents(health="healthy")["agents"]
        assert (seen["address"], seen["intents_period"]) == (ANALYST, 2)
        asked = ask(agent)
        approve(server, asked)
        digest = agent.get_intent(asked)["intent"]["digest"]
        killed = admin.mesh.kill(ANALYST)
        assert killed["health_status"] == "killed"
        assert agent.mesh.heartbeat()["health_status"] == "killed"
        for call in (
            lambda: ask(agent),
            lambda: first_heard(agent, ANALYST, 5),
            lambda: axme.send_intent({"intent_type": WORK, "to_agent": ANALYST, "payload": {}}),
        ):
            with pytest.raises(AxmeAuthError) as refused:
                call()
            assert "killed" in str(refused.value)
        consume = {"digest": digest, "attempt_id": "1"}
        path = f"{server.url}/v1/intents/{asked}/consume"
        refused_run = httpx.post(path, json=consume, headers=key(secret))
        assert refused_run.status_code == 403
        with pytest.raises(AxmeAuthError):
            agent.mesh.resume(ANALYST)
        assert admin.mesh.resume(seen["address_id"])["health_status"] == "healthy"
        # It may work again; what it was permitted before is not permitted any more.
        revoked = httpx.post(path, json=consume, headers=key(secret))
        assert revoked.status_code == 409
        assert "revoked" in revoked.json()["detail"]
        events = [one["event_type"] for one in admin.mesh.list_events()["events"]]
        assert [one for one in events if one != "agent.refused"] == [
            "agent.resumed",
            "agent.killed",
        ]
        detail = admin.mesh.get_agent(seen["address_id"])
        assert detail["metrics"]["cost_usd"] == 0.5


def test_a_cap_of_the_mesh_is_a_rate_limit_to_the_sdk(
    server: LiveServer, admin: AxmeClient
) -> None:
    secret = registered(server, admin, ANALYST)
    path = f"{server.url}/v1/mesh/agents/acme/production/data-analyst/policies/cost"
    caps = {"max_intents_per_day": 1, "max_cost_per_day_usd": 5, "action_on_breach": "block"}
    done = httpx.put(path, json=caps, headers=key(server.keys["service"]))
    assert done.status_code == 200
    assert done.json()["policy"]["max_cost_per_day_usd"] == 5
    with client(server, secret) as agent:
        assert httpx.put(path, json={}, headers=key(secret)).status_code == 403
        ask(agent)
        with pytest.raises(AxmeRateLimitError) as refused:
            ask(agent)
        assert "2 intents of 1 a day" in str(refused.value)
        assert refused.value.retry_after > 0
        agent.mesh.heartbeat(metrics={"cost_usd": 4.5})
    used = httpx.get(path, headers=key(server.keys["service"])).json()["usage"]
    assert (used["intents_today"], used["cost_today"]) == (1, 4.5)


def test_errors_carry_what_the_sdk_reads(axme: AxmeClient, server: LiveServer) -> None:
    with pytest.raises(AxmeHttpError) as missing:
        axme.get_intent(str(uuid4()))
    assert missing.value.status_code == 404
    with pytest.raises(AxmeValidationError) as invalid:
        axme.send_intent({"intent_type": "no", "payload": {}})
    assert "intent_type" in str(invalid.value)
    body = invalid.value.body
    assert body["detail"] == body["error"]["message"]
    with client(server, "axme_sa_wrong") as stranger, pytest.raises(AxmeAuthError):
        stranger.get_intent(str(uuid4()))
    made = axme.create_intent(
        {"intent_type": TYPE, "payload": {"a": 1}}, correlation_id=str(uuid4()),
        idempotency_key="export-0001",
    )  # fmt: skip
    again = axme.create_intent(
        {"intent_type": TYPE, "payload": {"a": 1}}, correlation_id=str(uuid4()),
        idempotency_key="export-0001",
    )  # fmt: skip
    assert made["intent_id"] == again["intent_id"]
    with pytest.raises(AxmeValidationError) as reused:
        axme.create_intent(
            {"intent_type": TYPE, "payload": {"a": 2}}, correlation_id=str(uuid4()),
            idempotency_key="export-0001",
        )  # fmt: skip
    assert reused.value.status_code == 409
    assert json.dumps(reused.value.body)
