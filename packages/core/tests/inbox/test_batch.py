"""Equal tasks together: attack 49. Only low risk, only whole, each decided for itself."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser, browser
from .test_deciding import PAY, risk

pytestmark = pytest.mark.anyio

LOW = "intent.data.tag.v1"


@pytest.fixture
async def low(house: House) -> House:
    """A house where tagging is of low risk, and nothing else is."""
    await house.ok("PUT", "/v1/policies/{name}", house.admin, {"risk": "low"}, name=LOW)
    return house


async def tag(house: House, number: int, **more: Any) -> str:
    action = {"tool": "tag", "arguments": {"row": number, "as": "seen"}}
    return await house.ask(**{"intent_type": LOW, "action": action, **more})


async def rows(ana: Browser, like: str) -> dict[str, str]:
    """Return the digests on the page of a batch, by id."""
    page = (await ana.get("/inbox/batch", params={"like": like})).text
    return dict(re.findall(r'name="digest:([^"]+)" value="(\w+)"', page))


async def send(ana: Browser, like: str, chosen: dict[str, str], **more: Any) -> Any:
    form = {"like": like, "one": list(chosen), "outcome": "approved"}
    form |= {f"digest:{asked}": digest for asked, digest in chosen.items()}
    return await ana.post("/inbox/batch", form | more)


def complaints(text: str) -> list[str]:
    return re.findall(r'class="problem">([^<]*)<', text)


async def test_each_is_decided_for_itself(low: House, ana: Browser) -> None:
    asked = [await tag(low, number) for number in range(3)]
    other = await low.ask(**PAY)
    assert f'href="/inbox/batch?like={asked[0]}"' in (await ana.get("/inbox")).text
    page = (await ana.get("/inbox/batch", params={"like": asked[0]})).text
    assert page.count("All of it") == 3
    assert all(f"row {number}" in page for number in range(3))
    found = await rows(ana, asked[0])
    assert set(found) == set(asked)
    assert other not in found
    del found[asked[2]]
    sent = await send(ana, asked[0], found, comment="fine")
    assert (sent.status_code, complaints(sent.text)) == (200, [])
    assert "2 of 2 answered" in sent.text
    for one in asked[:2]:
        assert f'action="/inbox/{one}/undo"' in sent.text, "each can be taken back for itself"
    await ana.post(f"/inbox/{asked[1]}/undo")
    low.clock.advance(10)
    await low.engine.run_due()
    results = [(await low.look(one))["result"] for one in asked]
    assert results[1:] == [None, None]
    assert (results[0]["outcome"], results[0]["comment"]) == ("approved", "fine")
    assert results[0]["digest"] == found[asked[0]]


async def test_what_is_not_fit_for_it_is_refused_whatever_is_posted(
    low: House, ana: Browser
) -> None:
    """Attack 49: risk, dual control, forms, edits and evidence are each decided on a card."""
    like = await tag(low, 1)
    unfit = {
        "medium risk": await low.ask(**PAY),
        "more than one person": await tag(low, 2, to=[ANA, BO], quorum=2),
        "several steps": await low.ask(intent_type=LOW, to=[], steps=[{"to": ANA}, {"to": BO}]),
        "needs evidence": await tag(low, 3, human_task={"evidence_required": True}),
        "has a form": await tag(low, 4, human_task={"form_schema": {"type": "object"}}),
        "not all of it": await tag(low, 5, action={"tool": "tag", "arguments": {"x": "a\u202eb"}}),
        "not equal": await tag(low, 6, action={"tool": "untag", "arguments": {}}),
    }
    chosen = {asked: (await low.look(asked))["digest"] for asked in unfit.values()}
    assert set(await rows(ana, like)) == {like}
    sent = await send(ana, like, chosen | await rows(ana, like))
    assert "1 of 8 answered" in sent.text
    said = complaints(sent.text)
    assert len(said) == 7
    for (why, asked), text in zip(unfit.items(), said, strict=True):
        assert why in text
        assert (await low.look(asked))["steps"][0]["held"] is None
    assert (await low.look(like))["steps"][0]["held"] is not None


async def test_high_risk_is_never_in_a_batch(house: House, ana: Browser) -> None:
    """Attack 49: not even among itself."""
    await risk(house, "high")
    asked = [await house.ask(**PAY) for _ in range(2)]
    assert "/inbox/batch" not in (await ana.get("/inbox")).text
    shown = await ana.get("/inbox/batch", params={"like": asked[0]})
    assert shown.headers["location"] == f"/inbox/{asked[0]}"
    chosen = {one: (await house.look(one))["digest"] for one in asked}
    sent = await send(ana, asked[0], chosen)
    assert sent.status_code == 422
    assert all("it is of high risk" in text for text in complaints(sent.text))
    assert [(await house.look(one))["steps"][0]["held"] for one in asked] == [None, None]


async def test_long_values_are_read_on_a_card(low: House, ana: Browser) -> None:
    asked = await tag(low, 1)
    long = await tag(low, 2, action={"tool": "tag", "arguments": {"memo": "x" * 2000}})
    page = (await ana.get("/inbox/batch", params={"like": asked})).text
    assert set(re.findall(r'name="one" value="([^"]+)"', page)) == {asked}
    assert f'<a href="/inbox/{long}">' in page
    assert "not all of it can be read in a row" in page


async def test_36_what_was_refused_before_is_not_among_others(low: House, ana: Browser) -> None:
    """Attack 36: the same again after a no, in a row of harmless ones. Its card says so."""
    await low.decide(await tag(low, 1), "rejected")
    again, others = await tag(low, 1), [await tag(low, number) for number in (2, 3)]
    page = (await ana.get("/inbox/batch", params={"like": others[0]})).text
    assert set(await rows(ana, others[0])) == set(others)
    assert "exactly this was refused before" in page
    chosen = await rows(ana, others[0]) | {again: (await low.look(again))["digest"]}
    sent = await send(ana, others[0], chosen)
    assert "2 of 3 answered" in sent.text
    (said,) = complaints(sent.text)
    assert "exactly this was refused before" in said
    assert (await low.look(again))["steps"][0]["held"] is None


async def test_what_changed_meanwhile_is_not_decided(low: House, ana: Browser) -> None:
    asked = [await tag(low, number, to=[ANA, BO]) for number in range(3)]
    found = await rows(ana, asked[0])
    await low.decide(asked[1], "rejected", key=low.bo)
    wrong = found | {asked[2]: "0" * 64}
    sent = await send(ana, asked[0], wrong)
    assert "1 of 3 answered" in sent.text
    said = complaints(sent.text)
    assert "answered already" in said[0]
    assert "not what is stored any more" in said[1]


@pytest.mark.parametrize("name", ["arguments", "a:row"])
async def test_nothing_is_edited_in_a_batch(low: House, ana: Browser, name: str) -> None:
    asked = await tag(low, 1)
    sent = await send(ana, asked, await rows(ana, asked), **{name: '{"row": 2}'})
    assert sent.status_code == 422
    assert (await low.look(asked))["steps"][0]["held"] is None


async def test_without_its_digest_nothing_is_decided(low: House, ana: Browser) -> None:
    asked = await tag(low, 1)
    sent = await ana.post("/inbox/batch", {"like": asked, "one": asked, "outcome": "approved"})
    assert sent.status_code == 422
    assert (await low.look(asked))["steps"][0]["held"] is None


@pytest.mark.parametrize(("count", "says"), [(0, "Choose at least one"), (26, "At most 25")])
async def test_none_and_too_many_are_asked_again(
    low: House, ana: Browser, count: int, says: str
) -> None:
    asked = [await tag(low, number) for number in range(max(1, count))]
    chosen = {one: "0" * 64 for one in asked[:count]}
    sent = await send(ana, asked[0], chosen)
    assert sent.status_code == 422
    assert says in sent.text


async def test_other_peoples_tasks_are_not_there(low: House) -> None:
    theirs = await tag(low, 1)
    bo = browser(low)
    await bo.sign_in(low, BO)
    mine = await tag(low, 2, to=BO)
    assert (await bo.get("/inbox/batch", params={"like": theirs})).status_code == 404
    digest = (await low.look(theirs))["digest"]
    sent = await send(bo, mine, {theirs: digest})
    assert complaints(sent.text) == ["there is no such intent"]
    assert (await low.look(theirs))["steps"][0]["held"] is None


async def test_a_batch_needs_a_page_of_ours(low: House, ana: Browser) -> None:
    asked = await tag(low, 1)
    chosen = await rows(ana, asked)
    assert (await send(ana, asked, chosen, csrf="0" * 32)).status_code == 403
    assert (await low.look(asked))["steps"][0]["held"] is None


async def test_what_somebody_else_has_taken_is_left_to_them(low: House, ana: Browser) -> None:
    mine, taken = [await tag(low, number, to=[ANA, BO]) for number in range(2)]
    path = "/v1/intents/{intent_id}/claim"
    await low.ok("POST", path, low.bo, intent_id=taken)
    assert set(await rows(ana, mine)) == {mine}
    chosen = await rows(ana, mine) | {taken: (await low.look(taken))["digest"]}
    sent = await send(ana, mine, chosen)
    (said,) = complaints(sent.text)
    assert said.startswith(f"Not decided here: {BO} has taken this.")
