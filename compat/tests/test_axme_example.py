"""`examples/axme` as its README has it: the initiator, the agent, and the workflow of both."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from holdshort.testing.adapter.live import PATIENCE, LiveServer, environment, until

EXAMPLE = Path(__file__).parents[2] / "examples" / "axme"


def start(server: LiveServer, script: str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLE / script)],
        env=environment() | {"HOLDSHORT_URL": server.url} | variables,
        stdout=subprocess.PIPE,
        text=True,
    )


def holdshort(server: LiveServer, *words: str) -> str:
    keys = {
        "HOLDSHORT_PERSON_KEY": server.keys["person"],
        "HOLDSHORT_SERVICE_KEY": server.keys["service"],
    }
    done = subprocess.run(
        [sys.executable, "-m", "holdshort.cli", *words],
        env=environment() | {"HOLDSHORT_URL": server.url} | keys,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_initiator_exits_by_what_was_decided(server: LiveServer) -> None:
    for verb, code in (("approve", 0), ("reject", 1)):
        with start(server, "initiator.py", HOLDSHORT_API_KEY=server.keys["agent"]) as asking:
            assert asking.stdout is not None
            intent_id = asking.stdout.readline().removeprefix("asked: ").strip()
            holdshort(server, "tasks", verb, intent_id, "--comment", "seen")
            assert asking.wait(PATIENCE) == code
            assert " by person:" in asking.stdout.read()


def test_the_scenario_goes_through_the_agent_to_a_person(server: LiveServer) -> None:
    file = str(EXAMPLE / "scenario.json")
    applied = json.loads(holdshort(server, "apply", file, "--json"))
    made = holdshort(
        server, "keys", "create", "--agent", "agent://myorg/production/data-analyst", "--json"
    )
    with start(server, "agent.py", AGENT_KEY=json.loads(made)["token"]) as agent:
        try:
            assert agent.stdout is not None
            assert agent.stdout.readline().strip() == f"done: {applied['intent_id']}"
        finally:
            agent.terminate()
            agent.wait(PATIENCE)
    tasks = until(lambda: json.loads(holdshort(server, "tasks", "list", "--json")), "a task")
    rows = tasks["tasks"] if isinstance(tasks, dict) else tasks
    assert [one["title"] for one in rows] == ["Export the customers?"]
    holdshort(server, "tasks", "approve", applied["intent_id"])
    again = json.loads(holdshort(server, "apply", file, "--json"))
    assert (again["existed"], again["status"]) == (True, "COMPLETED")
