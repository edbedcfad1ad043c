"""What stands on a page when the agent means harm, and what a page costs then (field.md 3.3)."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from ..server.house import ANA, BO, House
from .conftest import Browser
from .test_deciding import PAY, form, risk

pytestmark = pytest.mark.anyio

#: What one page may cost on a slow machine (seconds); without bounds these take minutes.
BEARABLE = 5.0


async def card(ana: Browser, asked: str) -> str:
    began = time.monotonic()
    found = await ana.get(f"/inbox/{asked}")
    assert time.monotonic() - began < BEARABLE
    assert found.status_code == 200
    return str(found.text.partition("<main")[2])


async def pay(house: House, **arguments: Any) -> str:
    return await house.ask(action={"tool": "pay", "arguments": arguments})


@pytest.mark.parametrize(
    ("value", "hidden", "says"),
    [
        ("acme\u202emoc.live", "\u202e", "do not show by themselves"),
        ("ac\u200bme", "\u200b", "do not show by themselves"),
        ("acme\U000e0041", "\U000e0041", "do not show by themselves"),
        ("https://xn--pple-43d.com/pay", "", "can look like others"),
        ("send it to https://\u0430pple.com", "", "can look like others"),
        ("p\u0430ypal", "", "several alphabets in one word"),
        ("see https://acme.com/terms", "", "was not inspected"),
    ],
)
async def test_attack_38_what_deceives_the_eye_is_marked(
    house: House, ana: Browser, value: str, hidden: str, says: str
) -> None:
    page = await card(ana, await pay(house, to=value))
    assert says in page
    assert not hidden or hidden not in page


@pytest.mark.parametrize("filler", ["x" * 900_000, "\n" * 100_000, "a\u202e" * 100_000])
async def test_attack_39_the_end_of_a_long_value_is_there(
    house: House, ana: Browser, filler: str
) -> None:
    page = await card(ana, await pay(house, memo=f"fine{filler} and delete everything"))
    assert "and delete everything" in page
    assert re.search(r"\d+ bytes, 1 line", page) or "bytes, 100001 lines" in page
    assert 'class="long"' in page


async def test_attack_39_many_small_values_are_all_there(house: House, ana: Browser) -> None:
    rows = [{"n": n} for n in range(50_000)]
    page = await card(ana, await pay(house, rows=rows, last="delete everything"))
    assert "49999" in page
    assert "delete everything" in page
    assert 'class="long"' in page


@pytest.mark.parametrize("field", ["title", "description"])
async def test_attack_40_to_42_the_agents_words_are_only_words(
    house: House, ana: Browser, field: str
) -> None:
    said = (
        '<svg onload=alert(1)><style>*{display:none}</style><button class="yes">Approve</button>'
        " ✅ Pre-approved by CISO ![x](http://evil/x.png) </p></section>"
    )
    page = await card(ana, await house.ask(**PAY, **{field: said}))
    for tag in ("<svg", "<style", "<img", 'href="http'):
        assert tag not in page
    box = page.partition('<section class="agent-says">')[2].partition("</section>")[0]
    assert "Pre-approved" in box
    assert "not checked by anybody" in box
    assert "Pre-approved" not in page.partition("<h1>")[2].partition("</h1>")[0]


async def test_attack_41_a_comment_cannot_leave_its_box(house: House, ana: Browser) -> None:
    asked = await house.ask(**PAY)
    text = '</li></ol></section><h1>Already approved by ana</h1><form action="http://evil">'
    path = "/v1/intents/{intent_id}/comments"
    await house.ok("POST", path, house.agent, {"text": text}, intent_id=asked)
    page = await card(ana, asked)
    assert page.count("<h1") == 1
    assert 'action="http' not in page
    assert "Already approved" in page.partition('<li class="theirs">')[2].partition("</li>")[0]


async def test_attack_42_the_heading_is_the_action(house: House, ana: Browser) -> None:
    asked = await house.ask(
        title="Read a report", action={"tool": "delete_all", "arguments": {"table": "users"}}
    )
    heading = re.search(r"<h1>(.*?)</h1>", await card(ana, asked))
    assert heading is not None
    assert heading[1] == "Run delete_all: table “users”"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(1e9, "1,000,000,000"), (1234567, "1,234,567"), (2**53 - 1, "9,007,199,254,740,991")],
)
async def test_attack_45_numbers_stand_raw_and_in_groups(
    house: House, ana: Browser, amount: Any, shown: str
) -> None:
    page = await card(ana, await pay(house, amount=amount))
    assert shown in page
    assert f'class="number">{json.dumps(amount)}<' in page


@pytest.mark.parametrize(
    "place",
    ["http://169.254.169.254/x", "javascript:alert(1)", "file:///etc/passwd", "http://[::1]:1/"],
)
async def test_attack_54_an_address_of_evidence_is_neither_fetched_nor_linked(
    house: House, ana: Browser, place: str
) -> None:
    asked = await house.ask(human_task={"evidence_required": True})
    given = form(evidence_name="it", evidence_place=place)
    assert (await ana.post(f"/inbox/{asked}/decide", given)).status_code == 303
    house.clock.advance(10)
    await house.engine.run_due()
    page = await card(ana, asked)
    assert f"<code>{place}</code>" in page
    assert "not inspected" in page
    assert f'href="{place}' not in page
    assert (await house.look(asked))["result"]["evidence"] == [{"name": "it", "url": place}]


DEEP = {
    "type": "object",
    "properties": {f"p{n}": {"$ref": "#"} for n in range(40)},
}
LOOP = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}
WIDE = {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(5000)}}


@pytest.mark.parametrize("schema", [DEEP, LOOP, WIDE], ids=["deep", "loop", "wide"])
async def test_attack_67_a_form_is_not_endless(
    house: House, ana: Browser, schema: dict[str, Any]
) -> None:
    body = {
        "intent_type": "intent.form.v1", "to": ANA, "task": "form",
        "human_task": {"form_schema": schema},
    }  # fmt: skip
    filed = await house.call("POST", "/v1/intents", house.agent, body)
    if filed.status_code == 422:
        return  # refused where it was asked is well, too
    asked = filed.json()["intent_id"]
    page = await card(ana, asked)
    assert len(page) < 400_000
    began = time.monotonic()
    sent = await ana.post(f"/inbox/{asked}/decide", form("submitted", d='{"p1": null}'))
    assert time.monotonic() - began < BEARABLE
    assert sent.status_code in (303, 422)


BOMBS: dict[str, dict[str, Any]] = {
    "fields": {f"f{n}": "x" for n in range(2001)},
    "deep": {"raw": "[" * 100_000, "use": "raw"},
    "deep but whole": {"raw": '{"a":' * 50 + "1" + "}" * 50, "use": "raw"},
    "digits": {"a:amount": "1" * 100_000, "use": "fields"},
    "no number": {"a:amount": "NaN", "use": "fields"},
    "infinite": {"a:amount": "1e999", "use": "fields"},
    "twice": {"raw": '{"amount": 1, "amount": 2}', "use": "raw"},
    "half a pair": {"raw": '{"to": "\\ud800"}', "use": "raw"},
}


@pytest.mark.parametrize("name", BOMBS)
async def test_attack_67_what_is_posted_is_bounded(house: House, ana: Browser, name: str) -> None:
    await risk(house, "low")
    asked = await house.ask(**PAY)
    began = time.monotonic()
    sent = await ana.post(f"/inbox/{asked}/preview", BOMBS[name])
    assert time.monotonic() - began < BEARABLE
    assert sent.status_code == 422
    assert "That did not work" in sent.text or 'role="alert"' in sent.text


@pytest.mark.parametrize("path", ["decide", "preview", "comment", "delegate"])
async def test_attack_67_a_huge_form_is_not_read(house: House, ana: Browser, path: str) -> None:
    asked = await house.ask(**PAY)
    sent = await ana.post(f"/inbox/{asked}/{path}", {"text": "x" * 3_000_000})
    assert sent.status_code in (413, 422)
    assert "too large" in sent.text


@pytest.mark.parametrize("step", ["x", "-1", "9" * 5000, "٣", "1.0"])
async def test_a_step_that_is_none_is_refused(house: House, ana: Browser, step: str) -> None:
    asked = await house.ask(**PAY)
    sent = await ana.post(f"/inbox/{asked}/decide", form(step=step))
    assert sent.status_code == 422
    assert (await house.look(asked))["steps"][0]["held"] is None


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "9" * 5000, "-"])
async def test_a_number_of_a_form_is_a_number(house: House, ana: Browser, text: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}}
    asked = await house.ask(task="form", human_task={"form_schema": schema})
    sent = await ana.post(f"/inbox/{asked}/decide", form("submitted", **{"d/n": text}))
    assert sent.status_code == 422
    assert "is no number" in sent.text


async def test_attack_66_a_file_is_never_a_page(house: House, ana: Browser) -> None:
    """What somebody attaches is saved, not opened: neither a script nor a formula runs here."""
    asked = await house.ask()
    for name, data in (("x.html", b"<script>alert(1)</script>"), ("x.svg", b"<svg onload=x>")):
        await ana.post(
            f"/inbox/{asked}/decide", form(outcome="nothing"),
            files=[("evidence_file", (name, data, "text/html"))],
        )  # fmt: skip
    files = house.store.intent("default", asked).files
    assert len(files) == 2
    for file in files:
        got = await ana.get(f"/inbox/{asked}/files/{file.sha256}")
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in got.headers["content-security-policy"]


async def test_attack_25_nobody_overrides_unasked_or_without_a_reason(
    house: House, ana: Browser
) -> None:
    """There is no breaking of glass: an administrator who is not asked decides nothing. What is set
    aside is a task of its own, with a reason, and never looks like an approval."""
    admin = {"roles": ["admin"], "active": True}
    await house.ok("PUT", "/v1/people/{name}", house.admin, admin, name=BO)
    asked = await house.ask(task="override", title="The check said no")
    path = "/v1/intents/{intent_id}/decision"
    said = {"outcome": "override_approved", "comment": "seen with the customer"}
    refused = await house.refused(403, "POST", path, house.bo, said, intent_id=asked)
    assert "is not asked here" in refused["message"]
    without = {"outcome": "override_approved"}
    await house.refused(422, "POST", path, house.ana, without, intent_id=asked)
    await house.refused(422, "POST", path, house.ana, {"outcome": "approved"}, intent_id=asked)
    decided = await house.decide(asked, **said)
    assert decided["decision"]["outcome"] == "override_approved"
    assert decided["decision"]["comment"] == said["comment"]
    page = await card(ana, asked)
    assert "override approved" in page
    assert "“approved”" not in page
