"""The page Agents: how they are, what they may ask for, and the switch that stops one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ...server.house import AGENT, ANA, BO, TYPE, House
from ..conftest import Browser, browser
from .conftest import words

pytestmark = pytest.mark.anyio

ONE = f"/admin/agents?agent={AGENT}"
LIMITS = {
    "agent": AGENT,
    "intents_per_hour": "10",
    "intents_per_day": "",
    "cost_per_hour": "",
    "cost_per_day": "50.5",
    "currency": "USD",
    "on_breach": "block",
    "approvers": f"{ANA} team:finance",
    "require_cost": "1",
    "types_allowed": "intent.data.*\r\nintent.pay.v1\r\n",
    "types_denied": "intent.data.drop.v1",
    "tools_allowed": "",
    "tools_denied": "shell\nrm*",
}


async def two_people(house: House) -> Browser:
    """Make it take two people to let an agent go on; return the second administrator, Bo."""
    body = {"name": "Bo", "roles": ["admin"]}
    await house.ok("PUT", "/v1/people/{name}", house.admin, body, name=BO)
    settings = {"default_reviewers": [ANA], "two_people_resume": True}
    await house.ok("PUT", "/v1/settings", house.admin, settings)
    bo = browser(house)
    await bo.sign_in(house, BO)
    return bo


async def limits_of(house: House, agent: str = AGENT) -> Any:
    return await house.ok("GET", "/v1/limits/{agent}", house.admin, agent=agent)


async def beat(house: House, **metrics: Any) -> None:
    headers = {"Authorization": f"Bearer {house.agent}"}
    reply = await house.http.post("/v1/mesh/heartbeat", json={"metrics": metrics}, headers=headers)
    assert reply.status_code == 200, reply.text


async def test_how_agents_are(admin: Browser, house: House) -> None:
    said = words((await admin.get("/admin/agents")).text)
    assert f"no sign of life yet analyst {AGENT}" in said
    await beat(house, intents_total=3, intents_failed=1, cost_usd=0.25)
    assert f"healthy analyst {AGENT}; last sign of life" in words(
        (await admin.get("/admin/agents?health=healthy")).text
    )
    own = words((await admin.get(ONE)).text)
    account = "Intents 3 Of them, succeeded 0 Of them, failed 1 Cost (USD) 0.25"
    assert f"By its own account {account}" in own
    house.clock.advance(91)
    assert "degraded analyst" in words((await admin.get("/admin/agents")).text)
    house.clock.advance(300)
    page = await admin.get("/admin/agents?health=unreachable")
    assert "unreachable analyst" in words(page.text)
    assert "No agent is killed." in (await admin.get("/admin/agents?health=killed")).text
    assert (await admin.get("/admin/agents?health=lost")).status_code == 422
    assert (await admin.get("/admin/agents?agent=agent://acme/x/y")).status_code == 404


async def test_a_kill_stops_and_is_acknowledged_and_idempotent(
    admin: Browser, house: House
) -> None:
    """Attack 63: what was asked for stands still, no permit is left, killing twice is one kill."""
    waiting, allowed = await house.ask(), await house.ask()
    await house.decide(allowed)
    digest = (await house.look(allowed))["digest"]
    house.clock.advance(3600)  # no recent sign-in is needed to stop something
    for _ in range(2):
        done = await admin.post("/admin/agents/kill", {"agent": AGENT})
        assert done.status_code == 200
        assert "It is killed." in done.text
        assert "Kill it" not in done.text
    page = words(done.text)
    assert page.count(f"{ANA} killed it") == 1
    assert "intent.paused" in await house.events(waiting)
    assert (await house.look(allowed))["grant"]["state"] == "revoked"
    run = {"digest": digest, "attempt_id": "1"}
    path = "/v1/intents/{intent_id}/consume"
    await house.refused(403, "POST", path, house.agent, run, intent_id=allowed)
    body = {"intent_type": TYPE, "payload": {}, "to": ANA}
    await house.refused(403, "POST", "/v1/intents", house.agent, body)
    found = words((await admin.get(ONE)).text)
    refused = found.partition("Asked for in vain: 1 time ")[2]
    assert TYPE in refused
    assert "was killed" in refused

    card = words((await admin.get(f"/inbox/{waiting}")).text)
    assert "This stands still: its agent was killed." in card
    assert f"It was killed by {ANA}." in card
    assert "No time passes while its agent is killed." in card
    assert "Approve" not in card
    assert "stands still: its agent was killed" in words((await admin.get("/inbox")).text)
    house.clock.advance(24 * 3600)
    await house.holdshort.tick()
    assert (await house.look(waiting))["status"] == "WAITING", "no time passes for it"


async def test_going_on_needs_a_recent_sign_in(admin: Browser, house: House) -> None:
    waiting = await house.ask()
    await admin.post("/admin/agents/kill", {"agent": AGENT})
    house.clock.advance(16 * 60)
    late = await admin.post("/admin/agents/resume", {"agent": AGENT})
    assert late.status_code == 403
    assert "sign out and in again, to let an agent go on" in late.text
    assert "It stands still" in late.text
    await admin.sign_in(house)
    done = await admin.post("/admin/agents/resume", {"agent": AGENT})
    assert "It goes on." in done.text
    assert re.search(f"{ANA} let it go on .*{ANA} killed it", words(done.text))
    assert "Approve" in words((await admin.get(f"/inbox/{waiting}")).text)
    await house.decide(waiting)


async def test_two_people_let_it_go_on(admin: Browser, house: House) -> None:
    """Attack 63: un-killing takes two people; one of them alone asks as often as they like."""
    bo = await two_people(house)
    waiting = await house.ask()
    page = await admin.post("/admin/agents/kill", {"agent": AGENT})
    assert "That takes two administrators" in page.text
    for _ in range(2):
        asked = await admin.post("/admin/agents/resume", {"agent": AGENT})
        assert asked.status_code == 200
        assert "A second administrator has to say so as well." in asked.text
        assert "Let it go on" not in asked.text
    assert "This stands still" in (await admin.get(f"/inbox/{waiting}")).text
    assert f"{ANA} asks to let it go on" in words((await bo.get("/admin/agents")).text)
    seen = await bo.get(ONE)
    assert f"{ANA} asks to let it go on. If you say so as well, it does." in words(seen.text)
    assert "It goes on." in (await bo.post("/admin/agents/resume", {"agent": AGENT})).text
    assert "Approve" in words((await admin.get(f"/inbox/{waiting}")).text)
    headers = {"Authorization": f"Bearer {house.admin}"}
    await admin.post("/admin/agents/kill", {"agent": AGENT})
    reply = await house.http.post(f"/v1/mesh/agents/{AGENT}/resume", headers=headers)
    assert reply.status_code == 403, "no key is a person"


async def test_who_asked_for_it_can_be_overtaken_or_be_gone(admin: Browser, house: House) -> None:
    bo = await two_people(house)
    await admin.post("/admin/agents/kill", {"agent": AGENT})
    await admin.post("/admin/agents/resume", {"agent": AGENT})
    # Killed again, it is asked for by nobody.
    await bo.post("/admin/agents/kill", {"agent": AGENT})
    asked = await bo.post("/admin/agents/resume", {"agent": AGENT})
    assert "A second administrator" in asked.text
    # Bo has left: his word counts for nothing any more.
    await house.ok("PUT", "/v1/people/{name}", house.admin, {"active": False}, name=BO)
    again = await admin.post("/admin/agents/resume", {"agent": AGENT})
    assert "A second administrator" in again.text


async def test_limits_are_set_seen_and_taken_away(admin: Browser, house: House) -> None:
    done = await admin.post("/admin/agents/limits", LIMITS)
    assert "The limits are saved." in done.text
    assert (await limits_of(house))["limits"] == {
        "intents_per_hour": 10,
        "intents_per_day": None,
        "cost_per_hour": None,
        "cost_per_day": 50.5,
        "currency": "USD",
        "on_breach": "block",
        "approvers": [ANA, "team:finance"],
        "require_cost": True,
        "intent_types": {
            "allow": ["intent.data.*", "intent.pay.v1"],
            "deny": ["intent.data.drop.v1"],
        },
        "tools": {"allow": [], "deny": ["shell", "rm*"]},
    }
    # What the form shows is what it takes: sent as it stands, nothing changes.
    before, page = await limits_of(house), await admin.get(ONE)
    await admin.post("/admin/agents/limits", fields_of(page.text) | {"agent": AGENT})
    assert (await limits_of(house))["limits"] == before["limits"]
    for _ in range(9):
        await house.ask(cost={"amount": 5})
    page = await admin.get("/admin/agents")
    assert "Intents this hour 9 of 10 Cost today 45 of 50.50 USD" in words(page.text)
    assert 'class="near" width="90.0"' in page.text
    assert 'class="near" width="89.1"' in page.text
    gone = await admin.post("/admin/agents/limits/remove", {"agent": AGENT})
    assert "Nothing limits it." in gone.text
    assert (await limits_of(house))["own"] is False


async def test_limits_of_every_agent(admin: Browser, house: House) -> None:
    every = LIMITS | {"agent": "*", "intents_per_hour": "2"}
    done = await admin.post("/admin/agents/limits", every)
    assert "Limits of every agent" in done.text
    assert (await limits_of(house, "*"))["limits"]["intents_per_hour"] == 2
    page = await admin.get(ONE)
    assert "below stands what holds for every agent" in page.text
    assert fields_of(page.text)["intents_per_hour"] == "2"
    assert f"{ANA} set the limits" in words(done.text)
    for verb in ("kill", "resume"):
        assert (await admin.post(f"/admin/agents/{verb}", {"agent": "*"})).status_code == 404
    await house.ask(cost={"amount": 1})
    await house.ask(cost={"amount": 1})
    body = {"intent_type": TYPE, "payload": {}, "to": ANA}
    await house.refused(429, "POST", "/v1/intents", house.agent, body)
    page = await admin.get(ONE)
    assert "Intents this hour 2 of 2 used up" in words(page.text)
    assert "intents of 2 an hour, this one included" in page.text


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("intents_per_hour", "ten", "intents_per_hour: "),
        ("intents_per_hour", "-1", "intents_per_hour: "),
        ("cost_per_day", "nan", "cost_per_day: "),
        ("cost_per_day", "1.0000001", "at most six decimals"),
        ("currency", "EURO", "currency: "),
        ("on_breach", "shrug", "on_breach: "),
        ("approvers", "ana@acme.com not a reviewer", "approvers"),
        ("types_allowed", "intent.*.v1", "intent_types.allow"),
    ],
)
async def test_a_form_that_is_not_usable_comes_back_filled_in(
    admin: Browser, house: House, name: str, value: str, why: str
) -> None:
    said = LIMITS | {name: value}
    page = await admin.post("/admin/agents/limits", said)
    assert page.status_code == 422
    assert why in words(page.text)
    shown = fields_of(page.text)
    for field, text in said.items():
        if field not in ("agent", "on_breach"):
            assert shown[field].split() == text.split(), field
    assert (await limits_of(house))["limits"] is None


async def test_changing_limits_needs_a_recent_sign_in(admin: Browser, house: House) -> None:
    house.clock.advance(16 * 60)
    late = await admin.post("/admin/agents/limits", LIMITS)
    assert late.status_code == 403
    assert "sign out and in again, to change limits" in late.text
    assert fields_of(late.text)["cost_per_day"] == "50.5", "nothing is lost"
    assert (await admin.post("/admin/agents/limits/remove", LIMITS)).status_code == 403
    assert (await limits_of(house))["limits"] is None


async def test_names_that_agents_chose_are_only_shown(admin: Browser, house: House) -> None:
    """Attacks of section 3.3: markup and control characters in what agents are called."""
    evil = "agent://acme/production/<script>alert(1)</script>\u202e\x1b[31m"
    key = await house.key("agent", evil)
    await admin.post("/admin/agents/kill", {"agent": evil})
    body = {"intent_type": TYPE, "action": {"tool": "pay\u202e<b>", "arguments": {}}}
    await house.refused(403, "POST", "/v1/intents", key, body)
    for page in (
        await admin.get("/admin/agents"),
        await admin.get("/admin/agents", params={"agent": evil}),
    ):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        said = re.sub(r'<input type="hidden"[^>]*>', "", page.text.partition("<main")[2])
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "<b>" not in said
        assert "\\u202e" in said


def fields_of(page: str) -> dict[str, str]:
    """Return what stands in the limits' form."""
    form = page.partition('action="/admin/agents/limits"')[2].partition("</form>")[0]
    found = dict(re.findall(r'<input id="\w+" name="(\w+)" value="([^"]*)"', form))
    found |= dict(re.findall(r'<textarea id="\w+" name="(\w+)"[^>]*>\n([^<]*)</textarea>', form))
    chosen = re.findall(r'<option value="(\w+)" selected', form)
    checked = 'name="require_cost" value="1" checked' in form
    return found | {"on_breach": (chosen or [""])[0], "require_cost": "1" if checked else ""}
