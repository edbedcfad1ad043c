"""The numbered attacks on Slack's side of the adversarial list: 9 to 13, and 43."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from typing import Any
from urllib.parse import urlencode

import pytest

from holdshort.store.base import Entry

from ..server.house import ANA, BO
from . import rules
from .conftest import PAY, UANA, UBO, Office
from .fake import SECRET, signed

pytestmark = pytest.mark.anyio


async def untouched(office: Office, asked: str, before: list[str]) -> None:
    assert await office.house.events(asked) == before
    assert office.slack.whispers == []


async def test_9_what_is_not_signed_is_refused(office: Office) -> None:
    asked, card = await office.ask()
    before = await office.house.events(asked)
    payload = office.slack.press(card, "Approve", UANA)
    now = office.house.clock.now() / 1000
    body, good = signed(payload, now)
    _, forged = signed(payload, now, secret="another-secret")
    spaced = urlencode({"payload": json.dumps(payload, indent=1)}).encode()
    stamp, mark = "x-slack-request-timestamp", "x-slack-signature"
    tries: list[tuple[bytes, dict[str, str]]] = [
        (body, forged),
        (spaced, good),
        (body + b"&x=1", good),
        (body, {k: v for k, v in good.items() if k != mark}),
        (body, {k: v for k, v in good.items() if k != stamp}),
        (body, {**good, mark: good[mark].upper()}),
        (body, {**good, mark: good[mark][3:]}),
        (body, {**good, mark: good[mark][:-1]}),
        (body, {**good, stamp: str(int(now) + 1)}),
        (body, {**good, stamp: f"{int(now)}.0"}),
        (body, {**good, stamp: "now"}),
        (body, {**good, stamp: "9" * 400}),
        signed(payload, now - 301),
        signed(payload, now + 301),
    ]
    for content, headers in tries:
        sent = await office.send(content, headers)
        assert sent.status_code == 401, headers
        assert card.updates == []
    await untouched(office, asked, before)
    for at in (now - 299, now + 299):
        assert (
            await office.send(*signed(office.slack.press(card, "Open the card", UANA), at))
        ).is_success


@pytest.mark.parametrize(
    "body",
    [
        b"", b"payload=", b"payload=[]", b"payload={}", b"payload=%7B", b"x=1", b"\xff",
        b"payload=%7B%22type%22%3A%22block_actions%22%7D",
        b"payload={\"type\":\"view_submission\",\"user\":{\"id\":1},\"team\":{\"id\":2}}",
    ],
)  # fmt: skip
async def test_what_is_signed_and_senseless_does_nothing(office: Office, body: bytes) -> None:
    now = int(office.house.clock.now() / 1000)
    mark = hmac.new(SECRET.encode(), b"v0:%d:%s" % (now, body), hashlib.sha256).hexdigest()
    headers = {"x-slack-request-timestamp": str(now), "x-slack-signature": f"v0={mark}"}
    assert (await office.send(body, headers)).status_code in (200, 400, 401)
    assert office.slack.whispers == []


async def test_10_a_replayed_press_decides_once(office: Office) -> None:
    asked, card = await office.ask()
    payload = office.slack.press(card, "Approve", UANA)
    body, headers = signed(payload, office.house.clock.now() / 1000)
    for _ in range(3):
        assert (await office.send(body, headers)).status_code == 200
    events = await office.house.events(asked)
    assert events.count("intent.answer_held") == 1
    await office.settled(asked)
    assert (await office.send(body, headers)).status_code == 200
    assert (await office.house.events(asked)).count("intent.decided") == 1


async def test_10_the_same_press_at_once_decides_once(office: Office) -> None:
    asked, card = await office.ask()
    body, headers = signed(
        office.slack.press(card, "Approve", UANA), office.house.clock.now() / 1000
    )
    sent = await asyncio.gather(*(office.send(body, headers) for _ in range(8)))
    assert [one.status_code for one in sent] == [200] * 8
    assert (await office.house.events(asked)).count("intent.answer_held") == 1
    assert office.slack.whispers == []


async def test_10_a_replayed_press_does_not_undo_the_undo(office: Office) -> None:
    asked, card = await office.ask()
    body, headers = signed(
        office.slack.press(card, "Approve", UANA), office.house.clock.now() / 1000
    )
    await office.send(body, headers)
    await office.press(card, "Undo")
    assert (await office.send(body, headers)).status_code == 200
    assert await office.settled(asked) is None


async def test_11_slacks_retry_decides_once(office: Office) -> None:
    asked, card = await office.ask()
    payload = office.slack.press(card, "Approve", UANA)
    await office.post(payload)
    office.house.clock.advance(2)
    more = {"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}
    assert (await office.post(payload, **more)).status_code == 200
    assert (await office.house.events(asked)).count("intent.answer_held") == 1


async def test_11_of_two_people_at_once_one_wins(office: Office) -> None:
    asked, hers = await office.ask(to=[ANA, BO])
    await office.tell("asked", asked, BO)
    (his,) = office.slack.said_to(UBO)
    await asyncio.gather(office.press(hers, "Approve", UANA), office.press(his, "Reject", UBO))
    events = await office.house.events(asked)
    assert events.count("intent.answer_held") == 1
    (told,) = office.slack.whispers
    winner = (await office.house.look(asked))["steps"][0]["held"]["by"]
    assert told[0] == (UBO if winner == ANA else UANA)
    assert f"{winner} has answered" in told[1]


async def test_11_a_late_press_is_told_the_outcome(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO])
    late = office.slack.press(card, "Approve", UANA)
    await office.house.decide(asked, "rejected", key=office.house.bo)
    await office.post(late)
    assert "already decided: rejected by person:bo@acme.com" in office.slack.whispered(UANA)[-1]
    assert "bo@acme.com answered “rejected”." in card.shown
    assert list(card.buttons) == ["Look at it"]


async def refused(office: Office, asked: str, payload: Any, user: str, says: str) -> None:
    before = await office.house.events(asked)
    assert (await office.post(payload)).status_code == 200
    assert says in office.slack.whispered(user)[-1]
    assert await office.house.events(asked) == before


async def test_12_strangers_are_refused(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    asked, card = await office.ask()
    slack = office.slack
    with caplog.at_level(logging.WARNING, "holdshort.slack"):
        slack.join("U0EVE")
        await refused(
            office, asked, slack.press(card, "Approve", "U0EVE"), "U0EVE", "does not know"
        )
        assert "refused an answer" in caplog.text
        assert "U0EVE" in caplog.text
        for marks in ("deleted", "is_restricted", "is_ultra_restricted", "is_bot", "is_stranger"):
            slack.join(UANA, **{marks: True})
            payload = slack.press(card, "Approve", UANA)
            await refused(office, asked, payload, UANA, "Only members")
        slack.join(UANA)
        elsewhere = slack.press(card, "Approve", UANA, team={"id": "T0EVIL", "domain": "acme"})
        await refused(office, asked, elsewhere, UANA, "Only members")
        outside = slack.press(card, "Approve", UANA, user={"id": UANA, "team_id": "T0EVIL"})
        await refused(office, asked, outside, UANA, "Only members")
        await office.is_member(ANA, UANA, active=False)
        await refused(office, asked, slack.press(card, "Approve", UANA), UANA, "not decide here")
        await office.is_member(ANA, "T0EVIL/" + UANA)
        await refused(office, asked, slack.press(card, "Approve", UANA), UANA, "does not know")
        await office.is_member(ANA, UANA)
        await office.is_member(BO, UANA)
        await refused(office, asked, slack.press(card, "Approve", UANA), UANA, "does not know")
        assert "several people" in caplog.text
    await office.is_member(BO, UBO)
    await refused(office, asked, slack.press(card, "Approve", UBO), UBO, "no such intent")


async def test_57_each_tenant_has_its_own_people(office: Office) -> None:
    """The same member may be somebody else elsewhere; that changes nothing here."""
    house = office.house
    await house.key("service", "admin", tenant="globex")
    entry = Entry(kind="person", name="eve@globex.com", doc={"slack": UANA})
    await house.engine.write_directory(lambda tx: tx.put_entry("globex", entry))
    asked, card = await office.ask()
    button = card.buttons["Approve"]
    button["value"] = button["value"].replace('"default"', '"globex"')
    await refused(office, asked, office.slack.press(card, "Approve", UANA), UANA, "no such intent")
    button["value"] = button["value"].replace('"globex"', '"default"')
    await office.press(card, "Approve")
    assert (await office.settled(asked))["decided_by"] == f"person:{ANA}"


async def test_12_who_slack_cannot_name_is_refused(office: Office) -> None:
    asked, card = await office.ask()
    payload = office.slack.press(card, "Approve", UANA)
    office.slack.fail("users.info", "missing_scope")
    await refused(office, asked, payload, UANA, "did not say who you are")


async def test_12_a_stranger_sends_no_dialog(office: Office) -> None:
    asked, card = await office.ask(human_task={"required_comment": True})
    await office.press(card, "Approve…")
    office.slack.join("U0EVE")
    answer = await office.submit("U0EVE", comment="yes")
    assert "does not know you" in answer["errors"]["comment"]
    assert await office.settled(asked) is None


async def test_13_a_name_is_not_who_somebody_is(office: Office) -> None:
    asked, card = await office.ask()
    office.slack.join("U0EVE", name="ana", real_name="Ana", profile={"email": ANA})
    eve = {"id": "U0EVE", "username": "ana", "name": "ana@acme.com", "team_id": "T0ACME"}
    payload = office.slack.press(card, "Approve", "U0EVE", user=eve)
    await refused(office, asked, payload, "U0EVE", "does not know you")


async def test_20_the_agents_owner_does_not_decide_in_slack_either(office: Office) -> None:
    key = await office.house.key("agent", "agent://acme/x/owned", owner=ANA)
    await office.risk("low")
    asked = await office.house.ask(key, to=[ANA, BO], **PAY)
    await office.tell("asked", asked)
    (card,) = office.slack.said_to(UANA)
    await refused(office, asked, office.slack.press(card, "Approve", UANA), UANA, "owns the agent")


async def test_26_what_was_shown_is_what_is_decided(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO], quorum=2)
    payload = office.slack.press(card, "Approve", UANA)
    changed = {"amount": 1, "to": "EVIL", "note": "x"}
    await office.house.decide(asked, key=office.house.bo, arguments=changed)
    await refused(office, asked, payload, UANA, "not what is stored any more")
    assert "EVIL" in card.shown


EVIL = (
    "<!channel> <!here> <@U0BO> <#C1> <https://evil.example|https://acme.com> *b* ```x``` "
    ":white_check_mark: & &lt;!channel&gt; \u202egnp @channel"
)


async def test_43_what_an_agent_writes_does_nothing(office: Office) -> None:
    tool = "pay <!channel>"
    asked, card = await office.ask(
        title=EVIL,
        description=f"{EVIL}\n> quoted\n```",
        environment="<@U0BO>",
        action={"tool": tool, "arguments": {EVIL: EVIL, "text": "<!channel>"}},
    )
    await office.press(card, "Answer with a comment…")
    await office.tell("reminded", asked)
    await office.house.ok(
        "POST", "/v1/intents/{intent_id}/cancel", office.house.agent,
        {"reason": EVIL}, intent_id=asked,
    )  # fmt: skip
    await office.tell("canceled", asked)
    for method, body in office.slack.calls:
        if method.startswith(("chat.", "views.")):
            texts = [*rules.parsed(body.get("blocks")), *rules.parsed(body.get("view"))]
            texts += [body.get("text", "")]
            assert not any("<" in text or "@" in text for text in texts), texts
            assert "\u202e" not in json.dumps(body, ensure_ascii=False)
    first = next(body for method, body in office.slack.calls if method == "chat.postMessage")
    assert (first["parse"], first["unfurl_links"]) == ("none", False)
    assert "The agent says" in card.body["blocks"][3]["elements"][0]["elements"][0]["text"]


async def test_43_what_the_agent_adds_stands_there_as_well(office: Office) -> None:
    """What is sent beside the action is for whoever decides: nothing of it is left out where they
    do, and what does not fit is decided where it does."""
    more = {"reason": "<!channel> the invoice is *due*", "invoice": 77}
    _, card = await office.ask(payload=more)
    assert "The agent says" in card.shown
    assert '"invoice": 77' in card.shown
    assert "<!channel> the invoice is *due*" in card.shown
    assert "Approve" in card.buttons
    _, long = await office.ask(payload={"reason": "y" * 3000})
    assert "too long to stand here whole" in long.shown
    assert "Approve" not in long.buttons
    _, secret = await office.ask(payload={"password": "hunter2"})
    assert "Approve" not in secret.buttons
    assert "hunter2" not in str(office.slack.calls)


async def test_36_a_yes_to_what_was_refused_before_is_given_in_the_inbox(office: Office) -> None:
    """Attack 36: the same again, after a no. Slack does not show who said no."""
    first, _ = await office.ask()
    await office.house.decide(first, "rejected")
    again, card = await office.ask()
    before = await office.house.events(again)
    await office.press(card, "Approve")
    assert "Exactly this was refused before" in office.slack.whispered(UANA)[-1]
    assert await office.house.events(again) == before
    await office.press(card, "Reject")
    assert (await office.settled(again))["outcome"] == "rejected"
