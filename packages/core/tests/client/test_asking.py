"""What an agent's code does: ask, wait, go on. On a database embedded in this process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from holdshort import (
    AlreadyDecided,
    AsyncClient,
    AsyncReviewer,
    Client,
    ConfigurationError,
    Decision,
    InvalidRequest,
    KeyConflict,
    NotAReviewer,
    NotFound,
    NotPending,
    Reviewer,
    StaleDigest,
    WaitTimeout,
)
from holdshort.client.transports import embedded

from .live import AGENT, ANA, BO, TYPE, Later, until

ASK_AGAIN = """
import json, sys
from holdshort import Client
client = Client(sys.argv[1], agent=sys.argv[2])
decision = client.wait_for(sys.argv[3])
print(json.dumps(dict(decision)))
client.close()
"""


def test_the_four_lines(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As they stand in the README; nothing else is set up."""
    monkeypatch.chdir(tmp_path)
    client = Client()
    intent_id = client.send_intent({
        "intent_type": "intent.data.export_approval.v1",
        "to_agent": "agent://myorg/production/data-analyst",
        "payload": {
            "dataset": "customers_q1_2026",
            "pii_detected": True,
            "reviewer": "cfo@company.com",
        },
    })  # fmt: skip
    with Reviewer(person="CFO@company.com") as cfo:
        (task,) = cfo.tasks()
        assert task["intent_id"] == intent_id
        cfo.approve(intent_id, comment="go ahead")
    decision = client.wait_for(intent_id)
    assert decision.approved
    assert decision["status"] == decision.status == "COMPLETED"
    assert (decision.outcome, decision.comment) == ("approved", "go ahead")
    assert decision.decided_by == "person:cfo@company.com"
    assert decision.arguments == {
        "dataset": "customers_q1_2026", "pii_detected": True, "reviewer": "cfo@company.com",
    }  # fmt: skip
    assert (decision.timed_out, decision.edited, decision.data) == (False, False, None)
    assert abs(decision.decided_at - datetime.now(UTC)) < timedelta(minutes=1)
    client.close()
    assert (tmp_path / ".holdshort" / "holdshort.db").exists()


def test_the_keyword_form(client: Client) -> None:
    intent_id = client.send_intent(
        "intent.x.v1",
        payload={"rows": 9},
        to=[ANA, "team:finance"],
        task="review",
        title="Look at this",
        remind_after="5m",
        escalate=[("1h", BO), {"after": 7200, "to": "team:finance"}],
        deadline=timedelta(hours=8),
        fallback="reject",
        key="export-q1",
        description="more about it",
        environment="production",
    )
    found = client.get_intent(intent_id)
    (step,) = found["steps"]
    assert step["assigned"] == [ANA, "team:finance"]
    assert step["human_task"]["task_type"] == "review"
    assert (step["policy"]["remind_after"], step["policy"]["deadline"]) == (300, 28800)
    assert [(r["after"], r["to"]) for r in step["policy"]["escalate"]] == [
        (3600, [BO]), (7200, ["team:finance"]),
    ]  # fmt: skip
    assert (found["title"], found["idempotency_key"]) == ("Look at this", "export-q1")
    assert client.find("export-q1") is not None
    assert [one["intent_id"] for one in client.list_intents()] == [intent_id]


def test_a_chain_of_steps(client: Client, ana: Reviewer, database: str) -> None:
    asked = client.send_intent(
        TYPE, payload={"sum": 9}, steps=[{"name": "manager", "to": ANA}, {"name": "cfo", "to": BO}]
    )
    ana.approve(asked)
    assert client.get_intent(asked)["status"] == "WAITING"
    with Reviewer(database, person=BO) as bo:
        bo.reject(asked, comment="too much")
    decision = client.wait_for(asked)
    assert (decision.approved, decision.comment) == (False, "too much")
    assert [step["approved"] for step in decision["steps"]] == [True, False]


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"to": "nobody"}, InvalidRequest, "to"),
        ({"to": ANA, "nonsense": 1}, InvalidRequest, "nonsense"),
        ({"to": ANA, "deadline": "soon"}, InvalidRequest, "soon"),
        ({"to": ANA, "deadline": True}, InvalidRequest, "true or false"),
        ({"to": ANA, "payload": {"a": float("nan")}}, ValueError, "JSON"),
        ({"to": ANA, "payload": {"a": object()}}, TypeError, "JSON"),
        ({"to": ANA, "intent_type": TYPE}, TypeError, "intent_type"),
    ],
)
def test_a_mistake_is_named_where_it_is_made(
    client: Client, fields: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        client.send_intent(TYPE if "intent_type" not in fields else {"intent_type": TYPE}, **fields)
    assert client.list_intents() == []


def test_a_key_makes_asking_safe(client: Client, ana: Reviewer) -> None:
    first = client.send_intent(TYPE, payload={"rows": 9}, to=ANA, key="k")
    assert client.send_intent(TYPE, payload={"rows": 9}, to=ANA, key="k") == first
    ana.approve(first)
    assert client.send_intent(TYPE, payload={"rows": 9}, to=ANA, key="k") == first
    with pytest.raises(KeyConflict, match="payload") as refused:
        client.send_intent(TYPE, payload={"rows": 10}, to=ANA, key="k")
    assert refused.value.details == {"intent_id": first, "differs": ["payload"]}
    assert client.send_intent(TYPE, payload={"rows": 9}, to=ANA) != first


class Payment(BaseModel):
    account: str
    amount: int
    currency: Literal["EUR", "USD"] = "EUR"


class TestForms:
    def test_the_answer_is_typed(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, to=ANA, form=Payment)
        task = client.get_intent(asked)["human_task"]
        assert (task["task_type"], task["form_schema"]) == ("form", Payment.model_json_schema())
        for data in ({}, {"account": "x", "amount": "much"}, {"account": "x", "amount": 1,
                                                              "currency": "GBP"}):  # fmt: skip
            with pytest.raises(InvalidRequest) as refused:
                ana.submit(asked, "submitted", data=data)
            assert refused.value.details["problems"][0]["field"].startswith("data")
        ana.submit(asked, "submitted", data={"account": "x", "amount": 7})
        decision = client.wait_for(asked, form=Payment)
        assert decision.data == Payment(account="x", amount=7)
        assert decision["data"] == {"account": "x", "amount": 7}
        assert client.wait_for(asked).data == {"account": "x", "amount": 7}

    def test_a_schema_does_as_well(self, client: Client, ana: Reviewer) -> None:
        schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
        asked = client.send_intent(TYPE, to=ANA, form=schema)
        ana.submit(asked, "submitted", data={"n": 3})
        assert client.wait_for(asked, form=None).data == {"n": 3}

    def test_a_no_carries_no_form(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, to=ANA, form=Payment)
        ana.reject(asked, comment="not today")
        assert client.wait_for(asked, form=Payment).data is None


class TestWaiting:
    def test_returns_while_it_waits(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, to=ANA)
        waiting = Later(lambda: client.wait_for(asked, timeout=20))
        ana.reject(asked, comment="no")
        decision = waiting.result()
        assert isinstance(decision, Decision)
        assert (decision.approved, decision.arguments) == (False, None)

    def test_patience_ends_and_the_intent_goes_on(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, to=ANA)
        started = time.monotonic()
        with pytest.raises(WaitTimeout) as raised:
            client.wait_for(asked, timeout=0.2)
        assert 0.19 < time.monotonic() - started < 5
        assert isinstance(raised.value, TimeoutError)
        assert raised.value.details["intent_id"] == asked
        with pytest.raises(WaitTimeout):
            client.wait_for(asked, timeout=0)
        ana.approve(asked)
        assert client.wait_for(asked, timeout=0).approved

    def test_the_same_answer_in_every_process(
        self, client: Client, ana: Reviewer, database: str
    ) -> None:
        asked = client.send_intent(TYPE, to=ANA, payload={"rows": 9})
        ana.approve(asked, arguments={"rows": 3}, comment="fewer")
        here = dict(client.wait_for(asked))
        assert dict(client.wait_for(asked)) == here
        done = subprocess.run(
            [sys.executable, "-c", ASK_AGAIN, database, AGENT, asked],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == here
        assert (here["arguments"], here["edited"]) == ({"rows": 3}, True)

    def test_what_is_not_there_is_said_at_once(self, client: Client) -> None:
        with pytest.raises(NotFound):
            client.wait_for("01890a5d-ac96-774b-bcce-b302099a8057", timeout=30)

    def test_asks_and_waits_in_one(self, client: Client, ana: Reviewer) -> None:
        waiting = Later(
            lambda: client.wait_for_human(
                task="confirmation", assignee=ANA, title="Is it there?", timeout=20
            )
        )
        until(ana.tasks)
        (task,) = ana.tasks()
        assert (task["title"], task["task_type"]) == ("Is it there?", "confirmation")
        ana.approve(task["intent_id"])
        decision = waiting.result()
        assert isinstance(decision, Decision)
        assert (decision.outcome, decision.approved) == ("confirmed", True)


class TestPause:
    """The same in the words of people who know that call."""

    def test_nothing_is_pending(self, client: Client) -> None:
        started = time.monotonic()
        assert client.wait_for_resume("nothing", timeout=30) is None
        assert time.monotonic() - started < 5

    def test_pauses_and_resumes(self, client: Client, ana: Reviewer) -> None:
        with pytest.raises(WaitTimeout):
            client.pause("deploy-42", expires_in_hours=1, timeout=0.1, to=ANA)
        (task,) = ana.tasks()
        assert "deploy-42" in task["title"]
        again = Later(lambda: client.pause("deploy-42", expires_in_hours=1, timeout=20, to=ANA))
        resumed = Later(lambda: client.wait_for_resume("deploy-42", timeout=20))
        ana.approve(task["intent_id"])
        decisions = [again.result(), resumed.result(), client.wait_for_resume("deploy-42")]
        assert decisions[0] == decisions[1] == decisions[2]
        assert isinstance(decisions[0], Decision)
        assert decisions[0].approved
        assert len(client.list_intents()) == 1

    def test_expires(self, client: Client) -> None:
        decision = client.pause("soon", expires_in_hours=0.3 / 3600, to=ANA, timeout=20)
        assert (decision.approved, decision.timed_out) == (False, True)


def test_a_decision_is_a_mapping_and_a_value(client: Client, ana: Reviewer) -> None:
    asked = client.send_intent(TYPE, to=ANA)
    ana.approve(asked)
    decision = client.wait_for(asked)
    assert set(decision) >= {"status", "outcome", "approved", "decided_by", "comment", "arguments"}
    assert len(decision) == len(list(decision)) == len(decision.raw)
    assert decision.get("nothing", 5) == 5
    assert decision == client.wait_for(asked)
    assert len({decision, client.wait_for(asked)}) == 1
    with pytest.raises(KeyError):
        decision["nothing"]
    with pytest.raises(AttributeError):
        decision.approved = False  # type: ignore[misc]


class TestReviewing:
    def test_the_first_wins_and_the_other_is_told(
        self, client: Client, ana: Reviewer, database: str
    ) -> None:
        asked = client.send_intent(TYPE, to=[ANA, BO])
        with Reviewer(database, person=BO) as bo:
            bo.reject(asked, comment="no")
            with pytest.raises(AlreadyDecided, match=BO) as late:
                ana.approve(asked)
            assert late.value.details["decision"]["outcome"] == "rejected"
            bo.reject(asked, comment="no")  # once more is no harm

    def test_what_was_looked_at_is_what_is_approved(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, to=ANA)
        with pytest.raises(StaleDigest):
            ana.approve(asked, digest="0" * 64)
        assert client.get_intent(asked)["status"] == "WAITING"

    def test_hands_on_and_talks(self, client: Client, ana: Reviewer, database: str) -> None:
        asked = client.send_intent(TYPE, to=ANA)
        ana.claim(asked)
        ana.release(asked)
        ana.delegate(asked, BO, comment="yours")
        ana.comment(asked, "why so many?")
        client.comment(asked, "all of last year")
        with Reviewer(database, person=BO) as bo:
            assert [task["intent_id"] for task in bo.tasks()] == [asked]
            bo.approve(asked)
            assert bo.get(asked)["status"] == "COMPLETED"
            details = [event.get("details", {}) for event in bo.events(asked)]
            texts = [detail["text"] for detail in details if "text" in detail]
        assert texts == ["why so many?", "all of last year"]

    def test_somebody_who_is_not_asked(self, client: Client, database: str) -> None:
        asked = client.send_intent(TYPE, to=ANA)
        with Reviewer(database, person=BO) as bo, pytest.raises((NotFound, NotAReviewer)):
            bo.approve(asked)

    def test_a_reject_is_never_a_yes(self, client: Client, ana: Reviewer) -> None:
        """Of any kind; and where there is no word for *no*, nothing is sent."""
        for task in ("approval", "review", "override", "confirmation", "manual_action"):
            asked = client.send_intent(TYPE, to=ANA, task=task)
            ana.reject(asked, comment="no")
            assert client.wait_for(asked).approved is False
        odd = client.send_intent(TYPE, to=ANA, human_task={"allowed_outcomes": ["approved"]})
        with pytest.raises(InvalidRequest, match="no no"):
            ana.reject(odd)
        assert client.get_intent(odd)["status"] == "WAITING"


def test_withdrawing(client: Client) -> None:
    asked, broken = client.send_intent(TYPE, to=ANA), client.send_intent(TYPE, to=ANA)
    client.cancel(asked, "not needed")
    client.cancel(asked, "not needed")
    client.fail(broken, "it broke")
    assert client.wait_for(asked).outcome == "canceled"
    decision = client.wait_for(broken)
    assert (decision.outcome, decision.comment) == ("failed", "it broke")
    with pytest.raises(NotPending):
        client.fail(asked, "too late")


class TestRuntimes:
    def test_clients_of_one_database_share_one(self, database: str) -> None:
        threads = threading.active_count()
        clients = [Client(database, agent=f"agent://acme/x/{n}") for n in range(5)]
        with_one = threading.active_count()
        assert len({id(client._transport._runtime) for client in clients}) == 1
        asked = clients[0].send_intent(TYPE, to=ANA)
        with pytest.raises(NotFound):
            clients[1].get_intent(asked)
        for client in clients[:-1]:
            client.close()
        clients[-1].send_intent(TYPE, to=ANA)
        clients[-1].close()
        assert database not in embedded._runtimes
        assert threading.active_count() <= threads + 1 < with_one

    def test_a_closed_client_says_so(self, database: str) -> None:
        client = Client(database)
        client.close()
        client.close()
        with pytest.raises(RuntimeError, match="closed"):
            client.list_intents()
        with Client(database) as again:
            assert again.list_intents() == []

    def test_an_end_without_closing_is_clean(self, database: str) -> None:
        code = "import sys; from holdshort import Client; Client(sys.argv[1]).list_intents()"
        done = subprocess.run(
            [sys.executable, "-c", code, database], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_new_file_can_be_read_by_its_owner_alone(self, client: Client, database: str) -> None:
        path = Path(database.removeprefix("sqlite:///"))
        assert os.stat(path).st_mode & 0o077 == 0


class TestConfiguration:
    @pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://example.com"])
    def test_a_server_needs_a_key(self, database: str, url: str) -> None:
        for kind in (Client, Reviewer, AsyncClient, AsyncReviewer):
            with pytest.raises(ConfigurationError, match="API key"):
                kind(url)

    @pytest.mark.parametrize("url", ["mysql://x", "/srv/x.db", "sqlite:x", "redis://"])
    def test_what_is_no_database_is_said(self, database: str, url: str) -> None:
        with pytest.raises(ConfigurationError):
            Client(url)

    def test_a_reviewer_is_somebody(self, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigurationError, match="person="):
            Reviewer(database)
        monkeypatch.setenv("HOLDSHORT_PERSON", ANA)
        Reviewer(database).close()

    def test_the_environment_says_where(
        self, database: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOLDSHORT_DATABASE", database)
        with Client() as client:
            assert client.list_intents() == []
        monkeypatch.setenv("HOLDSHORT_URL", "http://127.0.0.1:1")
        with pytest.raises(ConfigurationError):
            Client()


@pytest.mark.anyio
async def test_the_async_clients_do_the_same(database: str) -> None:
    async with (
        AsyncClient(database, agent=AGENT) as client,
        AsyncReviewer(database, person=ANA) as ana,
    ):
        asked = [await client.send_intent(TYPE, to=ANA, payload={"n": n}) for n in range(20)]
        waiting = [asyncio.create_task(client.wait_for(one, timeout=20)) for one in asked]
        tasks = await ana.tasks()
        assert [task["intent_id"] for task in tasks] == asked
        await asyncio.gather(*(ana.approve(one, comment=one) for one in asked))
        decisions = await asyncio.gather(*waiting)
        assert [decision.comment for decision in decisions] == asked
        assert [decision.arguments for decision in decisions] == [{"n": n} for n in range(20)]
        with pytest.raises(WaitTimeout):
            await client.pause("x", timeout=0.1, to=ANA)
        assert await client.wait_for_resume("nothing") is None
        assert (await client.wait_for(asked[0])).approved


@pytest.mark.parametrize("key", ["schlüssel", "hs_agent_a b", "hs_agent_\n"])
def test_a_key_that_is_none_is_named(key: str) -> None:
    with pytest.raises(ConfigurationError, match="copy it again"):
        Client("http://127.0.0.1:9", api_key=key)
