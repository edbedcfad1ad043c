"""What a person does with a task, on the embedded database and against a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdshort.client import Client

from .conftest import ADMIN, Run

pytestmark = pytest.mark.usefixtures("place")
Send = Callable[..., str]

FORM = {
    "type": "object",
    "properties": {
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "paid": {"type": "boolean"},
        "zip": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "ship": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
    "required": ["amount"],
}


def result(ok: Run, intent_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ok("intents", "get", intent_id, "--json").json["result"]
    return found


def test_approve(ok: Run, send: Send) -> None:
    intent_id = send("--payload", '{"rows": 9}')
    done = ok("tasks", "approve", intent_id, "-c", "fine")
    assert done.out == f"approved by person:{ADMIN}: {intent_id}\n"
    answer = result(ok, intent_id)
    assert (answer["approved"], answer["comment"]) == (True, "fine")
    assert answer["decided_by"] == f"person:{ADMIN}"


def test_approve_with_edited_arguments_keeps_their_types(ok: Run, send: Send) -> None:
    intent_id = send(
        "--payload", '{"columns": ["name", "city"], "limit": 9, "zip": "0123", "x": 1}'
    )
    done = ok(
        "tasks", "approve", intent_id, "--json",
        "--set", "columns=city", "--set", "limit=5", "--set", "zip=0456",
    )  # fmt: skip
    assert done.json["decision"]["edited"] is True
    assert result(ok, intent_id)["arguments"] == {
        "columns": ["city"], "limit": 5, "zip": "0456", "x": 1,
    }  # fmt: skip


def test_approve_with_arguments_from_a_file(ok: Run, send: Send, tmp_path: Path) -> None:
    intent_id = send("--payload", "rows=9")
    (tmp_path / "edited.json").write_text('{"rows": 3}')
    ok("tasks", "approve", intent_id, "--arguments", "@edited.json")
    assert result(ok, intent_id)["arguments"] == {"rows": 3}


def test_an_unknown_argument_is_named_and_nothing_is_decided(ok: Run, run: Run, send: Send) -> None:
    intent_id = send("--payload", "rows=9")
    done = run("tasks", "approve", intent_id, "--set", "rwos=3")
    assert done.code == 2
    assert "no field 'rwos'" in done.err
    assert "the fields are: rows" in done.err
    assert result(ok, intent_id) is None


def test_a_digest_that_is_not_the_stored_one_is_refused(ok: Run, run: Run, send: Send) -> None:
    intent_id = send()
    done = run("tasks", "approve", intent_id, "--digest", "0" * 64)
    assert (done.code, done.out) == (1, "")
    assert "(stale_digest)" in done.err
    assert result(ok, intent_id) is None


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ([], "rejected"),
        (["--task", "form", "--form", json.dumps(FORM)], "declined"),
        (["--task", "confirmation"], "denied"),
        (["--task", "assignment"], "declined"),
    ],
)
def test_reject_sends_the_negative_outcome(
    ok: Run, send: Send, options: list[str], outcome: str
) -> None:
    intent_id = send(*options)
    ok("tasks", "reject", intent_id, "-c", "no")
    answer = result(ok, intent_id)
    assert (answer["outcome"], answer["approved"]) == (outcome, False)


@pytest.mark.parametrize(
    "more",
    [
        ["--outcome", "approved"],
        ["--data", "approved=true"],
        ["--set", "rows=1"],
        ["--arguments", "{}"],
        ["--data-json", '{"outcome": "approved"}'],
    ],
)
def test_reject_takes_nothing_that_could_make_it_a_yes(
    ok: Run, run: Run, send: Send, more: list[str]
) -> None:
    intent_id = send("--payload", "rows=9")
    assert run("tasks", "reject", intent_id, *more).code == 2
    assert result(ok, intent_id) is None


def test_reject_of_a_task_without_a_no_decides_nothing(ok: Run, run: Run) -> None:
    with Client() as client:
        intent_id = client.send_intent(
            "intent.test.v1",
            to=ADMIN,
            human_task={"task_type": "approval", "allowed_outcomes": ["approved"]},
        )
    done = run("tasks", "reject", intent_id)
    assert done.code == 1
    assert "has no no" in done.err
    assert result(ok, intent_id) is None


def test_submit_types_values_by_the_form(ok: Run, send: Send) -> None:
    intent_id = send("--task", "form", "--form", json.dumps(FORM))
    ok(
        "tasks", "submit", intent_id, "--outcome", "submitted",
        "--data", "amount=12.50", "--data", "count=3", "--data", "paid=true",
        "--data", "zip=01234", "--data", "tags=a,b", "--data", "note=null",
        "--data", "ship.city=Porto",
    )  # fmt: skip
    assert result(ok, intent_id)["data"] == {
        "amount": 12.5, "count": 3, "paid": True, "zip": "01234", "tags": ["a", "b"],
        "note": None, "ship": {"city": "Porto"},
    }  # fmt: skip


def test_submit_takes_json_and_single_fields_together(ok: Run, send: Send) -> None:
    intent_id = send("--task", "form", "--form", json.dumps(FORM))
    ok(
        "tasks", "submit", intent_id, "--outcome", "submitted",
        "--data-json", '{"amount": 1, "count": 2}', "--data", "count=3",
    )  # fmt: skip
    assert result(ok, intent_id)["data"] == {"amount": 1, "count": 3}


def test_submit_names_the_fields_where_one_is_unknown(ok: Run, run: Run, send: Send) -> None:
    intent_id = send("--task", "form", "--form", json.dumps(FORM))
    done = run("tasks", "submit", intent_id, "--outcome", "submitted", "--data", "amonut=1")
    assert done.code == 2
    assert "no field 'amonut'" in done.err
    for field in FORM["properties"]:  # type: ignore[attr-defined]
        assert field in done.err
    assert result(ok, intent_id) is None


def test_what_the_server_refuses_is_said_in_full(run: Run, send: Send) -> None:
    intent_id = send("--task", "form", "--form", json.dumps(FORM))
    done = run("tasks", "submit", intent_id, "--outcome", "submitted", "--data", "count=1")
    assert (done.code, done.out) == (1, "")
    assert "amount" in done.err
    assert "(schema_invalid)" in done.err


def test_assign(ok: Run, run: Run, send: Send) -> None:
    intent_id = send("--task", "assignment")
    ok("tasks", "assign", intent_id, "team:support")
    assert result(ok, intent_id)["data"] == {"assignee": "team:support"}
    other = send()
    done = run("tasks", "assign", other, "ben@acme.com")
    assert done.code == 1
    assert f"holdshort tasks delegate {other} ben@acme.com" in done.err


def test_claim_release_comment_and_delegate_are_in_the_log(ok: Run, send: Send) -> None:
    intent_id = send()
    ok("tasks", "claim", intent_id)
    assert ADMIN in ok("tasks", "show", intent_id).out.splitlines()[0]
    ok("tasks", "release", intent_id)
    ok("tasks", "comment", intent_id, "asked legal")
    ok("tasks", "delegate", intent_id, "ben@acme.com", "-c", "yours")
    log = ok("intents", "log", intent_id, "--json").json
    types = [event["event_type"].removeprefix("intent.") for event in log]
    assert types[-4:] == ["claimed", "released", "commented", "delegated"]
    assert {event["actor"] for event in log[-4:]} == {f"person:{ADMIN}"}


def test_a_second_decision_is_told_who_was_first(ok: Run, run: Run, send: Send) -> None:
    intent_id = send()
    ok("tasks", "reject", intent_id, "-c", "no")
    done = run("tasks", "approve", intent_id)
    assert done.code == 1
    assert f"rejected by person:{ADMIN}" in done.err
    assert result(ok, intent_id)["approved"] is False


def test_a_vote_that_does_not_decide_says_so(ok: Run) -> None:
    with Client() as client:
        intent_id = client.send_intent("intent.test.v1", to=[ADMIN, "ben@acme.com"], quorum=2)
    assert "Recorded: 1 of 2" in ok("tasks", "approve", intent_id).out
    assert result(ok, intent_id) is None


def test_a_step_of_a_chain_says_what_comes_next(ok: Run) -> None:
    with Client() as client:
        intent_id = client.send_intent(
            "intent.test.v1", steps=[{"name": "manager", "to": ADMIN}, {"to": "ben@acme.com"}]
        )
    assert "step 2 is asked now" in ok("tasks", "approve", intent_id).out


def test_ids_may_be_given_by_their_end(ok: Run, run: Run, send: Send) -> None:
    first, second = send(), send()
    ok("tasks", "approve", first[-12:])
    assert result(ok, first[-12:])["approved"] is True
    assert result(ok, second) is None
    ambiguous = run("tasks", "approve", second[:4])
    if ambiguous.code:  # on the shared server other tests' tasks begin alike
        assert second[:4] in ambiguous.err
    assert "begins or ends with 'ffffffff'" in run("tasks", "approve", "ffffffff").err
    assert run("tasks", "approve", "nothing").code == 2


def test_cancel(ok: Run, run: Run, send: Send) -> None:
    intent_id = send()
    ok("intents", "cancel", intent_id, "--reason", "not needed")
    assert result(ok, intent_id)["outcome"] == "canceled"
    assert run("tasks", "approve", intent_id).code == 1


def test_asking_again_under_a_key(ok: Run, run: Run, send: Send, tmp_path: Path) -> None:
    key = f"key-{tmp_path}"[:128]
    first = send("--key", key, "--payload", "rows=1")
    assert send("--key", key, "--payload", "rows=1") == first
    done = run("intents", "send", "intent.test.v1", "--to", ADMIN, "--key", key)
    assert done.code == 1
    assert "(idempotency_conflict)" in done.err


def test_a_file_or_a_link_as_evidence(ok: Run, run: Run, send: Send, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\x00\xff jpg")
    asked = send("--task", "manual_action")
    missing = ("--evidence", f"photo=@{tmp_path / 'none.jpg'}")
    refused = run("tasks", "submit", asked, "--outcome", "completed", *missing)
    assert refused.code == 2
    assert "cannot read" in refused.err
    given = ("--evidence", f"photo=@{photo}", "--evidence", "ticket=https://example.com/1")
    ok("tasks", "submit", asked, "--outcome", "completed", *given)
    one, other = result(ok, asked)["evidence"]
    assert (one["name"], len(one["sha256"])) == ("photo", 64)
    assert other["url"] == "https://example.com/1"
    (file,) = ok("intents", "get", asked, "--json").json["files"]
    assert (file["sha256"], file["size"], file["by"]) == (one["sha256"], 6, ADMIN)
