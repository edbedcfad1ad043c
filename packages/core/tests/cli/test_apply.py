"""`holdshort apply`: what a file says comes to be, once, and is said before."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run

FILE = """
people:
  ana@acme.com: {name: Ana, roles: [finance]}
  bo@acme.com: {}
teams:
  finance: [ana@acme.com, bo@acme.com]
agents:
  - agent://acme/production/data-analyst
routes:
  intent.data.*: team:finance
policies:
  intent.data.*: {deadline: 4h, remind_after: 10m}
default_reviewers: team:finance
"""


def write(text: str, name: str = "holdshort.yaml") -> str:
    Path(name).write_text(text)
    return name


def test_a_file_is_applied_once_and_changes_nothing_the_second_time(ok: Run) -> None:
    file = write(FILE)
    said = ok("apply", file, "--dry-run", "--json").json
    assert ok("policies", "list", "--json").json == []
    done = ok("apply", file, "--json").json
    assert done["changes"] == said["changes"]
    assert [one["what"] for one in done["changes"]] == [
        "person ana@acme.com",
        "person bo@acme.com",
        "team finance",
        "policy intent.data.*",
        "agent agent://acme/production/data-analyst",
        "settings",
    ]
    assert ok("apply", file, "--json").json["changes"] == []
    assert ok("apply", file).out == "Nothing to change.\n"
    (policy,) = ok("policies", "list", "--json").json
    assert (policy["reviewers"], policy["deadline"]) == (["team:finance"], 14400.0)


def test_only_what_differs_is_written_and_what_is_not_named_stays(ok: Run) -> None:
    ok("people", "add", "cy@acme.com", "--name", "Cy", "--role", "finance")
    ok("apply", write(FILE))
    changed = FILE.replace("4h", "5h").replace("  bo@acme.com: {}\n", "  cy@acme.com: {}\n")
    said = ok("apply", write(changed)).out
    assert said == "Changed policy intent.data.*\n  deadline: 14400.0 -> 18000.0\n"
    people = {one["name"]: one for one in ok("people", "list", "--json").json}
    assert people["cy@acme.com"]["roles"] == ["finance"]
    assert "bo@acme.com" in people


def test_a_file_that_says_something_unknown_or_something_twice_is_refused(run: Run) -> None:
    for text, why in (
        ("peple: {}\n", "nothing is known of peple"),
        ("people:\n  a@b.c: {}\n  a@b.c: {}\n", "appears twice"),
        ("policies:\n  intent.a.*: {dedline: 4h}\n", "dedline"),
        ("agents: [analyst]\n", "agent://org/workspace/name"),
        ("- 1\n", "holds no object"),
        ("a: [\n", "cannot be read"),
        ("routes: {x.*: a@b.c}\npolicies: {x.*: {reviewers: [d@e.f]}}\n", "two kinds"),
    ):
        done = run("apply", write(text))
        assert done.code != 0
        assert why in done.err, done.err
    assert run("apply", "nowhere.yaml").code == 2


LIMITED = """
agents:
  - address: "*"
    limits: {intents_per_hour: 100}
  - address: agent://acme/production/buyer
    display_name: Buyer
    limits:
      cost_per_day: "500.50"
      currency: EUR
      on_breach: require_approval
      approvers: team:finance
      tools: {deny: [shell*]}
  - agent://acme/production/reader
"""
BUYER = "agent://acme/production/buyer"


def test_agents_have_the_limits_that_the_file_says(ok: Run, run: Run) -> None:
    file = write(LIMITED)
    said = ok("apply", file, "--dry-run")
    assert "Would add limits of every agent\n  intents_per_hour: nothing -> 100\n" in said.out
    assert f"Would add limits of {BUYER}\n  cost_per_day: nothing -> 500.5\n" in said.out
    assert ok("agents", "limits", BUYER, "--json").json["limits"] is None
    done = ok("apply", file, "--json").json
    assert [one["what"] for one in done["changes"]] == [
        "limits of every agent",
        f"agent {BUYER}",
        f"limits of {BUYER}",
        "agent agent://acme/production/reader",
    ]
    assert ok("apply", file).out == "Nothing to change.\n"
    found = ok("agents", "limits", BUYER, "--json").json["limits"]
    assert (found["cost_per_day"], found["approvers"]) == (500.5, ["team:finance"])
    # What a file no longer says of an agent's limits is no limit any more; who is not named in it
    # keeps theirs.
    fewer = LIMITED.replace("      currency: EUR\n", "").replace(
        "      tools: {deny: [shell*]}\n", ""
    )
    changed = ok("apply", write(fewer)).out
    assert changed.startswith(f"Changed limits of {BUYER}\n  currency: EUR -> USD\n  tools: ")
    ok("apply", write(f"agents: [{BUYER}]\n"))
    assert ok("agents", "limits", BUYER, "--json").json["limits"]["cost_per_day"] == 500.5
    for text, why in (
        ("{cost_per_dya: 5}", "cost_per_dya"),
        ("{cost_per_day: lots}", "write a number"),
        ("[5]", "are an object"),
    ):
        refused = run("apply", write(f"agents:\n  - {{address: {BUYER}, limits: {text}}}\n"))
        assert refused.code == 2
        assert why in refused.err
    assert "only its limits" in run("apply", write('agents: ["*"]\n')).err


SCENARIO = {
    "scenario_id": "demo.v1",
    "agents": [{"role": "analyst", "address": "analyst", "create_if_missing": True}],
    "humans": [{"role": "owner", "contact": "ana@acme.com"}],
    "workflow": {
        "steps": [
            {"step_id": "look", "assigned_to": "analyst", "retry": {"max_retries": 2}},
            {"step_id": "decide", "assigned_to": "owner", "requires_approval": True},
        ]
    },
    "intent": {"type": "intent.data.export.v1", "payload": {"rows": 9}},
}


def test_a_scenario_is_applied_once_and_filed_once(ok: Run, run: Run) -> None:
    file = write(json.dumps(SCENARIO), "scenario.json")
    tried = ok("apply", file, "--dry-run", "--json").json
    assert tried["new_agents"] == ["analyst"]
    assert any("retry" in one for one in tried["warnings"])
    assert ok("intents", "list", "--json").json["intents"] == []
    first = ok("apply", file, "--json").json
    assert (first["status"], first["existed"]) == ("DELIVERED", False)
    again = ok("apply", file, "--json").json
    assert (again["intent_id"], again["existed"]) == (first["intent_id"], True)
    assert again["new_agents"] == []
    assert "There already" in ok("apply", file).out
    wrong = write(json.dumps(SCENARIO | {"intent": {}}), "wrong.json")
    assert "intent.type is missing" in run("apply", wrong).err
