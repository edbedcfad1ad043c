"""`holdshort agents`: on a server and in an embedded database."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .conftest import ADMIN, Done, Run, Server

BUYER = "agent://acme/prod/buyer"
NONE = {"allow": [], "deny": []}


@dataclass(frozen=True)
class Agent:
    """An agent of one test: who else lives on that server is left alone."""

    address: str
    run: Run
    by: tuple[str, str]

    def send(self, intent_type: str = "intent.agents_test.v1") -> Done:
        return self.run("intents", "send", intent_type, "--to", ADMIN, *self.by)

    def ask(self, intent_type: str = "intent.agents_test.v1") -> str:
        done = self.send(intent_type)
        assert done.code == 0, done.err
        return done.out.strip()


@pytest.fixture
def agent(place: str, ok: Run, run: Run, request: pytest.FixtureRequest) -> Agent:
    address = f"agent://acme/prod/{request.node.originalname.replace('_', '-')}"
    if place == "on_database":
        return Agent(address, run, ("--agent", address))
    key = ok("keys", "create", "--agent", address).out.partition("=")[2].strip()
    return Agent(address, run, ("--api-key", key))


def test_one_is_killed_and_goes_on(ok: Run, run: Run, agent: Agent) -> None:
    waiting, address = agent.ask(), agent.address
    killed = ok("agents", "kill", address)
    assert killed.out == f"Killed: {address}\n"
    assert ok("agents", "kill", address, "--json").json["health_status"] == "killed"
    refused = agent.send()
    assert refused.code == 1
    assert "was killed" in refused.err
    assert "stands still" in run("tasks", "approve", waiting).err
    listed = ok("agents", "list", "--health", "killed", "--json").json
    assert [one["address"] for one in listed["agents"]] == [address]
    assert address in ok("agents", "list").out
    shown = ok("agents", "show", address)
    assert f"{address}: killed" in shown.out
    assert "refused: 1 times" in shown.out
    assert "intent.agents_test.v1: " in shown.out
    assert shown.out.count("agent.killed by service:") == 1
    assert ok("agents", "resume", address).out == f"Goes on: {address}\n"
    ok("tasks", "approve", waiting)
    assert "No agent is like that." in ok("agents", "list", "--health", "killed").out


@pytest.mark.usefixtures("place")
def test_limits_are_set_one_by_one(ok: Run, run: Run) -> None:
    assert ok("agents", "limits", BUYER).out == f"{BUYER}\nlimits: none\n"
    ok("agents", "limits", BUYER, "--cost-per-day", "500.5", "--require-cost", "--currency", "EUR")
    ok("agents", "limits", BUYER, "--deny-tool", "shell*", "--deny-tool", "rm")
    ok("agents", "limits", BUYER, "--allow-tool", "pay", "--on-breach", "require-approval")
    changed = ok("agents", "limits", BUYER, "--approver", ADMIN, "--intents-per-hour", "9")
    assert changed.out == (
        f"{BUYER}\nintents_per_hour: 0 of 9\ncost_per_day: 0 of 500.5 EUR\n"
        f"on_breach: require_approval\napprovers: {ADMIN}\nrequire_cost: yes\n"
        "tools.allow: pay\ntools.deny: shell*, rm\n"
    )
    found = ok("agents", "limits", BUYER, "--json").json
    assert found["own"] is True
    assert found["limits"] == {
        "intents_per_hour": 9,
        "intents_per_day": None,
        "cost_per_hour": None,
        "cost_per_day": 500.5,
        "currency": "EUR",
        "on_breach": "require_approval",
        "approvers": [ADMIN],
        "require_cost": True,
        "intent_types": NONE,
        "tools": {"allow": ["pay"], "deny": ["shell*", "rm"]},
    }
    # By its last part, now that it is known; and `-` takes a limit or a list away.
    ok("agents", "limits", "buyer", "--no-require-cost", "--cost-per-day", "-", "--allow-tool", "-")
    ok("agents", "limits", BUYER, "--intents-per-hour", "-", "--intents-per-day", "0")
    found = ok("agents", "limits", BUYER, "--json").json["limits"]
    assert (found["intents_per_hour"], found["intents_per_day"]) == (None, 0)
    assert (found["cost_per_day"], found["require_cost"]) == (None, False)
    assert found["tools"] == {"allow": [], "deny": ["shell*", "rm"]}
    assert ok("agents", "limits", BUYER, "--clear").out == f"{BUYER}\nlimits: none\n"
    assert ok("agents", "limits", BUYER, "--clear", "--intents-per-day", "1").code == 0
    ok("agents", "limits", BUYER, "--clear")


def test_limits_of_every_agent_hold_where_there_are_no_others(ok: Run, agent: Agent) -> None:
    address, denied = agent.address, "intent.denied_test.v1"
    ok("agents", "limits", "--every", "--deny-type", "intent.denied_test.*")
    refused = agent.send(denied)
    assert refused.code == 1
    assert f"may not ask for {denied}" in refused.err
    assert ok("agents", "limits", address).out.startswith(f"{address} (those for every agent)\n")
    ok("agents", "limits", address, "--intents-per-day", "1000", "--cost-per-day", "2500000")
    assert ok("agents", "limits", address, "--json").json["limits"]["intent_types"] == NONE
    agent.ask(denied)
    assert "intents_per_day: 1 of 1,000" in ok("agents", "show", address).out
    assert "1 of 1,000 intents, 0 of 2,500,000 USD" in ok("agents", "list").out
    ok("agents", "limits", address, "--clear")
    assert ok("agents", "limits", "*", "--clear").out == "every agent\nlimits: none\n"


@pytest.mark.usefixtures("place")
def test_what_is_not_usable_is_refused_with_what_to_do(ok: Run, run: Run) -> None:
    for arguments, code, why in (
        (("limits",), 2, "say which agent, or --every"),
        (("limits", BUYER, "--every"), 2, "not both"),
        (("limits", BUYER, "--cost-per-day", "lots"), 1, "write a number, such as 12.5"),
        (("limits", BUYER, "--intents-per-day", "ten"), 1, "intents_per_day: "),
        (("limits", BUYER, "--currency", "euro"), 1, "currency: "),
        (("limits", BUYER, "--on-breach", "shrug"), 2, "require-approval"),
        (("limits", BUYER, "--require-cost"), 1, "no meaning without cost_per_hour"),
        (("limits", "nobody-here", "--intents-per-day", "1"), 1, "there is no agent"),
        (("kill", "agent://acme/prod/nobody-here"), 1, "holdshort agents list"),
        (("list", "--health", "lost"), 2, "unreachable"),
    ):
        done = run("agents", *arguments)
        assert done.code == code, (arguments, done)
        assert why in done.err, (arguments, done.err)
    assert "Examples:" in ok("agents", "limits", "--help").out


def test_two_people_let_an_agent_go_on(ok: Run, run: Run, agent: Agent) -> None:
    """Attack 63: no key lets it go on where two people have to."""
    agent.ask()
    shown = ok("settings", "set", "--two-people-resume", "--json").json
    assert shown["two_people_resume"] is True
    ok("agents", "kill", agent.address)
    refused = run("agents", "resume", agent.address)
    assert refused.code == 1
    assert "two people" in refused.err
    found = ok("agents", "show", agent.address, "--json").json
    assert found["agent"]["health_status"] == "killed"
    ok("settings", "set", "--no-two-people-resume")
    ok("agents", "resume", agent.address)


@pytest.mark.usefixtures("place")
def test_a_policy_says_where_the_cost_stands(ok: Run) -> None:
    ok("policies", "set", "intent.pay.*", "--cost-from", "order.total", "quorum=2")
    found = ok("policies", "list", "--json").json
    (policy,) = (one for one in found if one["name"] == "intent.pay.*")
    assert (policy["cost_from"], policy["quorum"]) == ("order.total", 2)
    ok("policies", "remove", "intent.pay.*")


def test_an_agents_key_stops_nobody(run: Run, on_server: Server) -> None:
    key = on_server.ready["keys"]["agent"]
    for command in (
        ("agents", "kill", BUYER),
        ("agents", "resume", BUYER),
        ("agents", "list"),
        ("agents", "limits", "agent://local/default/agent", "--intents-per-day", "1000"),
    ):
        done = run(*command, "--api-key", key)
        assert done.code == 1, command
        assert "(forbidden)" in done.err, command
