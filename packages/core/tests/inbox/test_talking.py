"""Conversation on a card: remarks, questions to the agent and answers, people who are named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..server.house import AGENT, ANA, BO, House
from .conftest import Browser, browser

pytestmark = pytest.mark.anyio

CY = "cy@acme.com"


async def said(house: House, asked: str, kind: str) -> list[dict[str, Any]]:
    found = await house.ok("GET", "/v1/intents/{intent_id}/events", house.admin, intent_id=asked)
    return [e for e in found["events"] if e["event_type"] == f"intent.{kind}"]


async def told(house: House, asked: str, reason: str) -> list[str]:
    found = await house.deliveries(asked)
    return sorted(one["recipient"] for one in found if one["reason"] == reason)


async def comment(house: House, key: str, asked: str, text: str, **more: Any) -> Any:
    path = "/v1/intents/{intent_id}/comments"
    return await house.call("POST", path, key, {"text": text, **more}, intent_id=asked)


async def test_the_agent_is_asked_back_and_answers(house: House, ana: Browser) -> None:
    asked = await house.ask()
    due = (await house.look(asked))["deadline_at"]
    sent = await ana.post(f"/inbox/{asked}/comment", {"text": "Why 9 rows?", "ask": "1"})
    assert sent.headers["location"] == f"/inbox/{asked}#talk"
    page = (await ana.get(f"/inbox/{asked}")).text
    assert f"{ANA} asks the agent" in page
    assert f"{ANA} asked the agent and waits for its answer. The time runs on" in page
    assert (await house.look(asked))["deadline_at"] == due, "the timer runs on"
    (event,) = await said(house, asked, "asked_agent")
    assert (event["details"]["text"], event["actor"]) == ("Why 9 rows?", f"person:{ANA}")

    await comment(house, house.agent, asked, "Those of <b>May</b>.")
    assert await told(house, asked, "answered") == [ANA]
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "waits for its answer" not in page
    assert "Those of &lt;b&gt;May&lt;/b&gt;." in page
    theirs = page.partition('<li class="theirs">')[2].partition("</li>")[0]
    assert "The agent says" in theirs
    assert "May" in theirs
    assert (await house.look(asked))["status"] == "WAITING"


async def test_an_answer_is_told_once(house: House, ana: Browser) -> None:
    asked = await house.ask()
    for _ in range(2):
        await ana.post(f"/inbox/{asked}/comment", {"text": "Why?", "ask": "1"})
    await comment(house, house.agent, asked, "Because.")
    await comment(house, house.agent, asked, "Also because.")
    assert await told(house, asked, "answered") == [ANA]


async def test_webhooks_hear_that_the_agent_is_asked(house: House, ana: Browser) -> None:
    await house.ok(
        "PUT",
        "/v1/webhooks/{name}",
        house.admin,
        {"url": "https://agent.example/hook", "events": ["intent.asked_agent"]},
        name="agent",
    )
    asked = await house.ask()
    await ana.post(f"/inbox/{asked}/comment", {"text": "Why?", "ask": "1"})
    found = await house.deliveries(asked)
    assert ("asked_agent", "webhook") in {(one["reason"], one["channel"]) for one in found}


async def test_only_people_ask_the_agent(house: House) -> None:
    asked = await house.ask()
    assert (await comment(house, house.agent, asked, "me?", ask=True)).status_code == 403
    assert (await comment(house, house.bo, asked, "me?", ask=True)).status_code == 404
    assert await said(house, asked, "asked_agent") == []


async def test_after_the_end_nobody_is_asked(house: House, ana: Browser) -> None:
    asked = await house.ask()
    await house.decide(asked)
    sent = await ana.post(f"/inbox/{asked}/comment", {"text": "Why?", "ask": "1"})
    assert sent.status_code == 409
    assert (await ana.post(f"/inbox/{asked}/comment", {"text": "Thanks"})).status_code == 303
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "Thanks" in page
    assert "Ask the agent</button>" not in page


async def test_who_is_named_is_told(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    await ana.post(f"/inbox/{asked}/comment", {"text": f"@bo and @{BO}: see a@bo.com, @{ANA}"})
    assert await told(house, asked, "mentioned") == [BO]
    assert f"Told: {BO}." in (await ana.get(f"/inbox/{asked}")).text


async def test_a_mention_gives_nobody_a_right(house: House, ana: Browser) -> None:
    """Who may not look at it is not told, and nothing says whether they exist."""
    await house.ok("PUT", "/v1/people/{name}", house.admin, {}, name=CY)
    asked = await house.ask()
    await ana.post(f"/inbox/{asked}/comment", {"text": "@cy @nobody @bo"})
    assert await told(house, asked, "mentioned") == []
    page = (await ana.get(f"/inbox/{asked}")).text
    for name in ("cy", "nobody", "bo"):
        assert f"Not told: @{name}: nobody of this name may look at this." in page
    cy = browser(house)
    await cy.sign_in(house, CY)
    assert (await cy.get(f"/inbox/{asked}")).status_code == 404


async def test_two_of_a_name_are_told_apart(house: House, ana: Browser) -> None:
    other = "bo@globex.com"
    asked = await house.ask(to=[ANA, BO, other])
    await ana.post(f"/inbox/{asked}/comment", {"text": "@bo?"})
    assert await told(house, asked, "mentioned") == []
    assert "2 people of this name" in (await ana.get(f"/inbox/{asked}")).text
    await ana.post(f"/inbox/{asked}/comment", {"text": f"@{other}?"})
    assert await told(house, asked, "mentioned") == [other]


async def test_an_agent_calls_nobody(house: House) -> None:
    asked = await house.ask(to=[ANA, BO])
    await comment(house, house.agent, asked, "@bo @ana approve!")
    assert await told(house, asked, "mentioned") == []


async def test_one_remark_tells_ten_at_most(house: House, ana: Browser) -> None:
    people = [f"p{n:02}@acme.com" for n in range(15)]
    asked = await house.ask(to=[ANA, *people])
    await ana.post(f"/inbox/{asked}/comment", {"text": " ".join(f"@{one}" for one in people)})
    assert await told(house, asked, "mentioned") == sorted(people[:10])


async def test_the_record_holds_what_was_said(house: House, ana: Browser) -> None:
    asked = await house.ask()
    text = "line\n\u202eevil <script>"
    await ana.post(f"/inbox/{asked}/comment", {"text": text, "ask": "1"})
    (event,) = await said(house, asked, "asked_agent")
    assert event["details"]["text"] == text
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "\u202e" not in page
    assert "<script>" not in page.partition("<main")[2]
    assert AGENT in json.dumps(await house.look(asked))
