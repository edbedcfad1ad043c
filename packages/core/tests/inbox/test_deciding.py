"""Deciding on the pages: every kind, the friction of each risk, edits, and who may."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ..server.house import AGENT, ANA, BO, House
from .conftest import Browser, browser

pytestmark = pytest.mark.anyio

PAY = {"action": {"tool": "pay", "arguments": {"amount": 450, "to": "ACME", "note": "x"}}}


async def risk(house: House, risk: str, **more: Any) -> None:
    await house.ok("PUT", "/v1/policies/{name}", house.admin, {"risk": risk, **more}, name="*")


def form(outcome: str = "approved", **more: Any) -> dict[str, Any]:
    return {"outcome": outcome, "step": "0", "held": "1", **more}


async def settled(house: House, asked: str) -> Any:
    """Let the held answer take effect; return the result."""
    house.clock.advance(10)
    await house.engine.run_due()
    return (await house.look(asked))["result"]


async def test_a_yes_is_held_and_then_counts(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    sent = await ana.post(f"/inbox/{asked}/decide", form(comment="fine"))
    assert sent.headers["location"] == f"/inbox?undo={asked}"
    assert (await house.look(asked))["grant"] is None
    assert "It takes effect in" in (await ana.get(sent.headers["location"])).text
    result = await settled(house, asked)
    assert (result["outcome"], result["decided_by"]) == ("approved", f"person:{ANA}")
    assert (result["via"], result["comment"]) == ("web", "fine")


async def test_it_can_be_taken_back(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    await ana.post(f"/inbox/{asked}/decide", form())
    sent = await ana.post(f"/inbox/{asked}/undo")
    assert sent.headers["location"] == f"/inbox/{asked}"
    assert await settled(house, asked) is None
    assert "answer undone" in (await ana.get(f"/inbox/{asked}")).text


async def test_the_next_card_comes_by_itself(house: House, ana: Browser) -> None:
    first, second = await house.ask(), await house.ask()
    sent = await ana.post(f"/inbox/{first}/decide", form())
    assert sent.headers["location"] == f"/inbox/{second}?undo={first}"
    page = (await ana.get(sent.headers["location"])).text
    assert f'action="/inbox/{first}/undo"' in page


async def test_low_risk_is_one_press(house: House, ana: Browser) -> None:
    await risk(house, "low")
    asked = await house.ask(**PAY)
    assert (await ana.post(f"/inbox/{asked}/decide", form(held=""))).status_code == 303


async def test_medium_risk_is_confirmed(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    shown = await ana.post(f"/inbox/{asked}/decide", form(held="", comment="kept"))
    assert shown.status_code == 422
    assert "Yes, approve" in shown.text
    assert "kept" in shown.text
    assert (await house.look(asked))["steps"][0]["held"] is None
    assert (await ana.post(f"/inbox/{asked}/decide", form("rejected", held=""))).status_code == 303


async def test_high_risk_is_typed_back(house: House, ana: Browser) -> None:
    await risk(house, "high")
    asked = await house.ask(**PAY)
    assert '<strong class="figure">450</strong>' in (await ana.get(f"/inbox/{asked}")).text
    for typed in ("", "45", "approve"):
        sent = await ana.post(f"/inbox/{asked}/decide", form(typed=typed))
        assert sent.status_code == 422
    assert (await ana.post(f"/inbox/{asked}/decide", form(typed=" 450 "))).status_code == 303
    assert (await settled(house, asked))["approved"]


async def test_an_edit_is_shown_before_it_counts(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    assert 'name="a:amount"' in (await ana.get(f"/inbox/{asked}/edit")).text
    shown = (await ana.post(f"/inbox/{asked}/preview", {"a:amount": "400", "use": "fields"})).text
    assert "What you change" in shown
    kept = re.search(r'name="arguments" value="([^"]*)"', shown)
    assert kept is not None
    assert (await house.look(asked))["digest"] == (await house.look(asked))["digest"]
    arguments = kept[1].replace("&#34;", '"')
    await ana.post(f"/inbox/{asked}/decide", form(arguments=arguments))
    result = await settled(house, asked)
    assert result["arguments"] == {"amount": 400, "to": "ACME", "note": "x"}
    assert result["edited"]


async def test_a_high_risk_edit_is_typed_back_as_edited(house: House, ana: Browser) -> None:
    await risk(house, "high")
    asked = await house.ask(**PAY)
    arguments = '{"amount": 400, "to": "ACME", "note": "x"}'
    for typed, status in (("450", 422), ("400", 303)):
        sent = await ana.post(f"/inbox/{asked}/decide", form(typed=typed, arguments=arguments))
        assert sent.status_code == status


@pytest.mark.parametrize(
    ("posted", "says"),
    [
        ({"a:amount": "much", "use": "fields"}, "amount is no number"),
        ({"use": "fields"}, "Nothing was changed"),
        ({"raw": "{", "use": "raw"}, "JSON"),
        ({"raw": "[]", "use": "raw"}, "arguments are an object"),
        ({"raw": '{"a": 1, "a": 2}', "use": "raw"}, "a"),
    ],
)
async def test_an_edit_that_is_none_says_so(
    house: House, ana: Browser, posted: dict[str, str], says: str
) -> None:
    asked = await house.ask(**PAY)
    shown = await ana.post(f"/inbox/{asked}/preview", posted)
    assert shown.status_code == 422
    assert says in shown.text


async def test_what_was_shown_is_what_is_decided(house: House, ana: Browser) -> None:
    """Somebody else has edited it since this page was loaded."""
    asked = await house.ask(**PAY, to=[ANA, BO], quorum=2)
    digest = (await house.look(asked))["digest"]
    await house.decide(asked, key=house.bo, arguments={"amount": 1, "to": "EVIL", "note": "x"})
    sent = await ana.post(f"/inbox/{asked}/decide", form(digest=digest))
    assert sent.status_code == 422
    assert "not what is stored any more" in sent.text
    assert "EVIL" in sent.text


async def test_a_form_is_checked_before_it_is_taken(house: House, ana: Browser) -> None:
    schema = {
        "type": "object",
        "required": ["city"],
        "properties": {"city": {"type": "string"}, "n": {"type": "integer", "minimum": 3}},
    }
    asked = await house.ask(task="form", human_task={"form_schema": schema})
    sent = await ana.post(f"/inbox/{asked}/decide", form("submitted", **{"d/n": "2"}))
    assert sent.status_code == 422
    assert "less than the minimum" in sent.text
    assert 'value="2"' in sent.text
    good = form("submitted", **{"d/n": "3", "d/city": "Rome"})
    assert (await ana.post(f"/inbox/{asked}/decide", good)).status_code == 303
    assert (await settled(house, asked))["data"] == {"n": 3, "city": "Rome"}


KINDS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("approval", {}, form(), "approved"),
    ("review", {}, form("changes_requested", comment="do x"), "changes_requested"),
    ("manual_action", {}, form("completed"), "completed"),
    ("override", {}, form("override_approved", comment="because"), "override_approved"),
    ("confirmation", {}, form("denied"), "denied"),
    ("assignment", {}, form("assigned", **{"d/assignee": BO}), "assigned"),
    ("clarification", {}, form("provided", comment="so"), "provided"),
]


@pytest.mark.parametrize(("task", "more", "answer", "outcome"), KINDS, ids=[k[0] for k in KINDS])
async def test_every_kind_has_its_controls(
    house: House, ana: Browser, task: str, more: Any, answer: Any, outcome: str
) -> None:
    asked = await house.ask(task=task, **more)
    page = (await ana.get(f"/inbox/{asked}")).text
    words = (await house.look(asked))["human_task"]["allowed_outcomes"]
    assert all(f'value="{word}"' in page for word in words)
    assert outcome in words, words
    sent = await ana.post(f"/inbox/{asked}/decide", answer)
    assert sent.status_code == 303, re.findall(r'class="problem"[^>]*>([^<]*)', sent.text)
    assert (await settled(house, asked))["outcome"] == outcome


async def test_evidence_is_kept(house: House, ana: Browser) -> None:
    asked = await house.ask(human_task={"evidence_required": True})
    assert (await ana.post(f"/inbox/{asked}/decide", form())).status_code == 422
    proof = {"evidence_name": "receipt.pdf", "evidence_place": "a" * 64}
    assert (await ana.post(f"/inbox/{asked}/decide", form(**proof))).status_code == 303
    result = await settled(house, asked)
    assert result["evidence"] == [{"name": "receipt.pdf", "sha256": "a" * 64}]


async def test_a_late_answer_is_told_the_outcome(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    await house.decide(asked, "rejected", key=house.bo)
    sent = await ana.post(f"/inbox/{asked}/decide", form())
    assert sent.status_code == 409
    assert f"Already answered: {BO} said “rejected”" in sent.text
    assert 'id="decide"' not in sent.text


async def test_a_timeout_is_nobodys_answer(house: House, ana: Browser) -> None:
    asked = await house.ask(deadline=60)
    house.clock.advance(61)
    await house.engine.run_due()
    assert "Nobody decided in time, so it did not run" in (await ana.get(f"/inbox/{asked}")).text


async def test_who_is_not_asked_sees_nothing(house: House) -> None:
    asked = await house.ask()
    bo = browser(house)
    await bo.sign_in(house, BO)
    assert (await bo.get(f"/inbox/{asked}")).status_code == 404
    assert (await bo.post(f"/inbox/{asked}/decide", form())).status_code == 404
    assert (await bo.get(f"/inbox/{asked}/state")).status_code == 404


async def test_the_agents_owner_is_told_why_not(house: House, ana: Browser) -> None:
    key = await house.key("agent", "agent://acme/x/owned", owner=ANA)
    asked = await house.ask(key, to=[ANA, BO])
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "owns the agent" in page
    assert 'id="decide"' not in page
    assert (await ana.post(f"/inbox/{asked}/decide", form())).status_code == 422
    assert (await house.look(asked))["status"] == "WAITING"


async def test_another_tenant_is_another_world(house: House) -> None:
    asked = await house.ask()
    await house.key("service", "admin", tenant="globex")
    service = await house.key("service", "root", tenant="globex")
    made = await house.ok("POST", "/v1/sign-in-links", service, {"person": ANA})
    other = browser(house)
    await other.http.post(made["url"], data={})
    assert (await other.get(f"/inbox/{asked}")).status_code == 404
    assert "Nothing waits for you" in (await other.get("/inbox")).text


async def test_an_answer_that_is_held_says_whose_it_is(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    await ana.post(f"/inbox/{asked}/decide", form())
    bo = browser(house)
    await bo.sign_in(house, BO)
    for who, can in ((ana, True), (bo, False)):
        page = (await who.get(f"/inbox/{asked}")).text
        assert f">{ANA} answered “approved”. It takes effect at" in page
        assert (f'action="/inbox/{asked}/undo"' in page) is can
        assert f">{ANA} answered “approved”<" in (await who.get("/inbox")).text


async def test_claim_delegate_comment(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    await ana.post(f"/inbox/{asked}/claim")
    assert "Give it back" in (await ana.get(f"/inbox/{asked}")).text
    bo = browser(house)
    await bo.sign_in(house, BO)
    assert "has taken this" in (await bo.get(f"/inbox/{asked}")).text
    await ana.post(f"/inbox/{asked}/release")
    await ana.post(f"/inbox/{asked}/comment", {"text": "Which invoice?"})
    assert "Which invoice?" in (await bo.get(f"/inbox/{asked}")).text
    await ana.post(f"/inbox/{asked}/delegate", {"to": "cy@acme.com", "comment": "yours"})
    assert "cy@acme.com" in (await house.look(asked))["assigned"]
    wrong = await ana.post(f"/inbox/{asked}/delegate", {"to": "nobody"})
    assert wrong.status_code == 422


async def test_filters_count_what_they_show(house: House, ana: Browser) -> None:
    await house.ok("PUT", "/v1/teams/{name}", house.admin, {"members": [ANA]}, name="finance")
    await house.ask(title="Pay the bill")
    await house.ask(to="team:finance", title="Team thing", deadline=600)

    async def titles(query: str) -> list[str]:
        return re.findall(r"<strong>([^<]*)</strong>", (await ana.get(f"/inbox?{query}")).text)

    assert await titles("") == ["Team thing", "Pay the bill"], "what ends first comes first"
    assert await titles("filter=mine") == ["Pay the bill"]
    assert await titles("filter=teams") == ["Team thing"]
    assert await titles("filter=expiring") == ["Team thing"]
    assert await titles("filter=high") == []
    assert await titles("q=bill") == ["Pay the bill"]
    page = (await ana.get("/inbox")).text
    assert re.findall(r'class="count">(\d+)', page) == ["2", "1", "1", "1", "0"]


async def test_the_agents_words_stand_apart_and_do_nothing(house: House, ana: Browser) -> None:
    """Attacks 40 to 42."""
    text = "✅ Pre-approved <script>alert(1)</script> [x](http://evil) \u202egnp"
    asked = await house.ask(**PAY, title=text, description=f"{text} ![i](http://evil/i.png)")
    page = (await ana.get(f"/inbox/{asked}")).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "<img" not in page.partition("<main")[2]
    heading = re.search(r"<h1>(.*?)</h1>", page, re.DOTALL)
    assert heading is not None
    assert "Run pay" in heading[1]
    assert "Pre-approved" not in heading[1]
    assert "The agent says" in page
    assert AGENT in page


async def test_how_it_stands_is_told(house: House, ana: Browser) -> None:
    asked = await house.ask(to=[ANA, BO])
    path = f"/inbox/{asked}/state"
    first = (await ana.get(path)).json()
    assert first["open"]
    await house.decide(asked, key=house.bo)
    told = (await ana.get(path, params={"version": first["version"], "wait_seconds": 20})).json()
    assert (told["open"], told["text"]) == (False, f"{BO} answered “approved”.")
