"""Directory, keys, deliveries: what those who run it do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import ADMIN, Run, Server

Send = Callable[..., str]


@pytest.mark.usefixtures("place")
def test_people_and_teams(ok: Run, run: Run) -> None:
    ok("people", "add", "Ben@Acme.com", "--name", "Ben", "--role", "cfo", "--role", "admin")
    ok("teams", "set", "team:finance", "ben@acme.com", ADMIN)
    people = {one["name"]: one for one in ok("people", "list", "--json").json}
    assert people["ben@acme.com"]["roles"] == ["cfo", "admin"]
    assert people["ben@acme.com"]["title"] == "Ben"
    assert "ben@acme.com, ana@acme.com" in ok("teams", "list").out
    ok("teams", "remove", "finance")
    ok("people", "remove", "ben@acme.com")
    gone = run("people", "remove", "ben@acme.com")
    assert gone.code == 1
    assert "(not_found)" in gone.err
    assert "is no reviewer" in run("people", "add", "nobody").err
    ok("people", "link", "ben@acme.com")
    assert "holdshort people link ben@acme.com" in ok("people", "reset", "ben@acme.com").out
    assert "nowhere signed in" in run("people", "reset", "ben@acme.com").err
    ok("people", "link", "ben@acme.com")
    assert ok("people", "reset", "ben@acme.com", "--json").json == {"ok": True}


@pytest.mark.usefixtures("place")
def test_policies_are_typed_and_checked(ok: Run, run: Run, send: Send) -> None:
    ok(
        "policies", "set", "intent.cautious.*",
        f"reviewers={ADMIN},ben@acme.com", "quorum=2", "deadline=2h", "allow_edit=false",
    )  # fmt: skip
    found = {one["name"]: one for one in ok("policies", "list", "--json").json}
    policy = found["intent.cautious.*"]
    assert policy["quorum"] == 2
    assert policy["deadline"] == 7200
    assert policy["allow_edit"] is False
    intent_id = send(intent_type="intent.cautious.test.v1")
    intent = ok("intents", "get", intent_id, "--json").json
    assert intent["assigned"] == [ADMIN, "ben@acme.com"]
    assert intent["steps"][0]["policy"]["quorum"] == 2
    unknown = run("policies", "set", "intent.x.v1", "qourum=2")
    assert unknown.code == 2
    assert "quorum" in unknown.err
    assert run("policies", "set", "intent.x.v1").code == 2
    ok("policies", "remove", "intent.cautious.*")


@pytest.mark.usefixtures("place")
def test_webhooks_show_their_secret_once(ok: Run) -> None:
    added = ok("webhooks", "add", "ops", "https://ops.acme.com/h", "--event", "intent.decided")
    secret = added.out.splitlines()[-1]
    assert secret.startswith("whsec_")
    again = ok("webhooks", "add", "ops", "https://ops.acme.com/h")
    assert "whsec_" not in again.out
    rotated = ok("webhooks", "add", "ops", "https://ops.acme.com/h", "--rotate", "--json").json
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != secret
    assert "whsec_" not in ok("webhooks", "list").out
    ok("webhooks", "remove", "ops")


def test_keys_are_made_used_and_revoked(ok: Run, run: Run, on_server: Server) -> None:
    made = ok("keys", "create", "--person", "ben@acme.com", "--name", "phone")
    key = made.out.strip().removeprefix("export HOLDSHORT_PERSON_KEY=")
    assert run("tasks", "list", "--api-key", key).code == 0
    listed = {one["subject"]: one for one in ok("keys", "list", "--json").json}
    assert key not in ok("keys", "list").out
    ok("keys", "revoke", listed["ben@acme.com"]["key_id"])
    done = run("tasks", "list", "--api-key", key)
    assert done.code == 1
    assert "(invalid_api_key)" in done.err


def test_an_agents_key_decides_nothing_and_administers_nothing(
    ok: Run, run: Run, on_server: Server, send: Send
) -> None:
    agent = on_server.ready["keys"]["agent"]
    intent_id = send()
    for command in (
        ("tasks", "approve", intent_id),
        ("tasks", "submit", intent_id, "--outcome", "approved"),
        ("tasks", "claim", intent_id),
        ("keys", "create", "--person", ADMIN),
        ("people", "add", "eve@acme.com"),
        ("policies", "set", "*", "fallback=approve"),
    ):
        done = run(*command, "--api-key", agent)
        assert done.code == 1, command
        assert "(forbidden)" in done.err, command
    assert ok("intents", "get", intent_id, "--json").json["status"] == "WAITING"


@pytest.mark.usefixtures("place")
def test_deliveries_are_listed_and_sent_again(ok: Run, run: Run, send: Send) -> None:
    intent_id = send()
    page = ok("deliveries", "list", "--intent", intent_id, "--json").json
    [delivery] = page["deliveries"]
    assert (delivery["reason"], delivery["recipient"]) == ("asked", ADMIN)
    again = ok("deliveries", "retry", delivery["delivery_id"], "--json").json
    assert (again["delivery_id"], again["state"]) == (delivery["delivery_id"], "pending")
    assert run("deliveries", "retry", "nothing").code == 1
