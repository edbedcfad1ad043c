"""Deciding in Slack: what is a press, what opens a dialog, and what is only done in the inbox."""

from __future__ import annotations

from typing import Any

import pytest

from ..server.house import ANA, BO
from .conftest import PAY, UANA, UBO, Office, until

pytestmark = pytest.mark.anyio


async def test_a_press_is_held_and_then_counts(office: Office) -> None:
    asked, card = await office.ask()
    await office.press(card, "Approve")
    assert (await office.house.look(asked))["grant"] is None
    assert "ana@acme.com answered “approved”." in card.shown
    assert list(card.buttons) == ["Undo"]
    result = await office.settled(asked)
    assert (result["outcome"], result["decided_by"]) == ("approved", f"person:{ANA}")
    assert result["via"] == "slack"


async def test_it_can_be_taken_back(office: Office) -> None:
    asked, card = await office.ask()
    await office.press(card, "Approve")
    await office.press(card, "Undo")
    assert "Approve" in card.buttons
    assert await office.settled(asked) is None
    assert "intent.answer_undone" in await office.house.events(asked)


async def test_too_late_to_take_back(office: Office) -> None:
    asked, card = await office.ask()
    await office.press(card, "Approve")
    undo = office.slack.press(card, "Undo", UANA)
    await office.settled(asked)
    await office.post(undo)
    assert "it has taken effect" in office.slack.whispered(UANA)[-1]
    assert "Undo" not in card.buttons


async def test_what_is_of_medium_risk_is_confirmed(office: Office) -> None:
    _, card = await office.ask("medium")
    assert "confirm" in card.buttons["Approve"]
    assert "confirm" not in card.buttons["Reject"]


async def test_what_is_of_high_risk_is_approved_in_the_inbox(office: Office) -> None:
    asked, card = await office.ask("high")
    assert list(card.buttons) == ["Reject", "Answer with a comment…", "Open the card"]
    assert card.buttons["Open the card"]["url"] == f"https://hold.acme.com/inbox/{asked}"
    await office.press(card, "Reject")
    assert (await office.settled(asked))["outcome"] == "rejected"


async def test_no_old_button_approves_what_is_of_high_risk_now(office: Office) -> None:
    """The buttons are only a look; the server asks again."""
    asked, card = await office.ask("high")
    found = card.buttons["Reject"]
    found["value"] = found["value"].replace("rejected", "approved")
    await office.press(card, "Reject")
    assert "given in the inbox" in office.slack.whispered(UANA)[-1]
    assert await office.settled(asked) is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "x" * 3000},
        {"text": "a" + "\n" * 10_000},
        {f"n{n}": n for n in range(200)},
        {"api_key": "sk-live-abcdefghijklmnop"},
    ],
    ids=["long", "blank", "many", "secret"],
)
async def test_what_is_not_there_whole_has_no_buttons(office: Office, arguments: Any) -> None:
    """Attack 43: no approve where Slack's limits hide something."""
    _, card = await office.ask(action={"tool": "pay", "arguments": arguments})
    assert list(card.buttons) == ["Open the card"]
    assert "sk-live" not in str(card.now)


async def test_a_press_with_a_comment(office: Office) -> None:
    asked, card = await office.ask()
    await office.press(card, "Answer with a comment…")
    choice = {"selected_option": {"value": "rejected"}}
    assert await office.submit(outcome=choice, comment="too much") is None
    result = await office.settled(asked)
    assert (result["outcome"], result["comment"]) == ("rejected", "too much")


async def test_a_comment_alone_decides_nothing(office: Office) -> None:
    asked, card = await office.ask()
    await office.press(card, "Answer with a comment…")
    choice = {"selected_option": {"value": "hs:say"}}
    wrong = await office.submit(outcome=choice)
    assert "comment" in wrong["errors"]
    assert await office.submit(outcome=choice, comment="Which invoice?") is None
    assert (await office.house.events(asked))[-1] == "intent.commented"
    assert await office.settled(asked) is None
    form, card = await office.ask(task="review")
    await office.press(card, "Say something…")
    assert await office.submit(comment="Which one?") is None
    assert (await office.house.events(form))[-1] == "intent.commented"


async def test_no_dialog_opens_for_what_is_over(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO])
    payloads = [
        office.slack.press(card, label, UANA)
        for label in ("Answer with a comment…", "Change it first…")
    ]
    await office.house.decide(asked, key=office.house.bo)
    for payload in payloads:
        await office.post(payload)
        assert "bo@acme.com answered" in office.slack.whispered(UANA)[-1]
    assert office.slack.views == []


async def test_a_comment_that_is_needed_is_asked_for(office: Office) -> None:
    await office.risk("low")
    asked, card = await office.ask(human_task={"required_comment": True})
    await office.press(card, "Approve…")
    answer = await office.submit()
    assert answer["response_action"] == "errors"
    assert "needs a comment" in answer["errors"]["comment"]
    assert await office.submit(comment="yes") is None
    assert (await office.settled(asked))["comment"] == "yes"


KINDS: list[tuple[str, str, dict[str, Any], str]] = [
    ("review", "Request changes…", {"comment": "do x"}, "changes_requested"),
    ("manual_action", "Done…", {}, "completed"),
    ("override", "Override…", {"comment": "because"}, "override_approved"),
    ("confirmation", "Deny…", {}, "denied"),
    ("assignment", "Assign…", {"d/assignee": BO}, "assigned"),
    ("clarification", "Send answer…", {"comment": "so"}, "provided"),
]


@pytest.mark.parametrize(("task", "label", "values", "outcome"), KINDS, ids=[k[0] for k in KINDS])
async def test_every_kind_has_its_dialog(
    office: Office, task: str, label: str, values: Any, outcome: str
) -> None:
    asked, card = await office.ask(task=task)
    await office.press(card, label)
    assert await office.submit(**values) is None
    assert (await office.settled(asked))["outcome"] == outcome


SCHEMA = {
    "type": "object",
    "required": ["city", "n"],
    "properties": {
        "city": {"type": "string", "description": "Where to"},
        "n": {"type": "integer", "minimum": 3},
        "way": {"enum": ["by air", "by sea", 7]},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "safe": {"type": "boolean", "default": True},
        "who": {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}},
    },
}


async def test_a_form_has_its_fields(office: Office) -> None:
    asked, card = await office.ask(task="form", human_task={"form_schema": SCHEMA})
    await office.press(card, "Submit…")
    values: dict[str, Any] = {
        "d/city": "Rome",
        "d/way": {"selected_option": {"value": "2"}},
        "d/tags": {"selected_options": [{"value": "1"}]},
        "d/day": {"selected_date": "2027-02-01"},
        "d/at": {"selected_date_time": 1_800_000_000},
        "d/safe": {"selected_options": [{"value": "true"}]},
        "d/who/mail": "bo@acme.com",
    }
    wrong = await office.submit(**values, **{"d/n": "2"})
    assert list(wrong["errors"]) == ["d/n"]
    assert "minimum" in wrong["errors"]["d/n"]
    assert await office.submit(**values, **{"d/n": "3"}) is None
    assert (await office.settled(asked))["data"] == {
        "city": "Rome",
        "n": 3,
        "way": 7,
        "tags": ["b"],
        "day": "2027-02-01",
        "at": "2027-01-15T08:00:00Z",
        "safe": True,
        "who": {"mail": "bo@acme.com"},
    }


async def test_a_form_that_is_too_rich_is_filled_in_in_the_inbox(office: Office) -> None:
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": {"type": "object"}}},
    }
    asked, card = await office.ask(task="form", human_task={"form_schema": schema})
    await office.press(card, "Submit…")
    (view,) = office.slack.views
    assert "submit" not in view
    assert view["blocks"][1]["elements"][0]["url"].endswith(asked)
    assert await office.settled(asked) is None


async def test_a_change_is_shown_before_it_counts(office: Office) -> None:
    asked, card = await office.ask("medium")
    await office.press(card, "Change it first…")
    text = '{"amount": 400, "to": "ACME", "note": "x"}'
    answer = await office.submit(arguments=text)
    assert answer["response_action"] == "push"
    shown = str(answer["view"]["blocks"])
    assert "450" in shown
    assert "400" in shown
    assert (await office.house.look(asked))["steps"][0]["held"] is None
    assert await office.submit(view=answer["view"]) == {"response_action": "clear"}
    result = await office.settled(asked)
    assert result["arguments"] == {"amount": 400, "to": "ACME", "note": "x"}
    assert result["edited"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "JSON"),
        ("[]", "arguments are an object"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"amount": 450, "to": "ACME", "note": "x"}', "Nothing was changed"),
        ('{"note": "' + "x" * 2900 + '"}', "too long"),
    ],
)
async def test_a_change_that_is_none_says_so(office: Office, text: str, says: str) -> None:
    _, card = await office.ask()
    await office.press(card, "Change it first…")
    answer = await office.submit(arguments=text)
    assert says in answer["errors"]["arguments"]


async def test_two_people_are_needed(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO], quorum=2)
    await office.tell("asked", asked, BO)
    (his,) = office.slack.said_to(UBO)
    assert "nobody has said yes yet" in card.shown
    await office.press(card, "Approve")
    await office.settled(asked)
    await until(lambda: "others have to answer as well" in card.shown)
    assert list(card.buttons) == ["Open the card"]
    await office.press(his, "Approve", UBO)
    assert (await office.settled(asked))["approved"]


async def test_who_was_asked_before_is_not_asked_now(office: Office) -> None:
    await office.risk("low")
    steps = [{"name": "first", "to": [ANA]}, {"name": "second", "to": [BO]}]
    asked = await office.house.ask(to=(), steps=steps)
    await office.tell("asked", asked)
    (card,) = office.slack.said_to(UANA)
    await office.press(card, "Approve")
    await office.settled(asked)
    await until(lambda: "asked are: bo@acme.com" in card.shown)
    assert list(card.buttons) == ["Open the card"]


async def test_a_link_is_only_a_link(office: Office) -> None:
    asked, card = await office.ask()
    before = await office.house.events(asked)
    await office.press(card, "Open the card")
    assert await office.house.events(asked) == before


async def test_nothing_of_it_is_on_a_lock_screen(office: Office) -> None:
    """Attack 46."""
    _, card = await office.ask(title="Pay ACME", description="because of the merger")
    assert card.body["text"] == "Holdshort: A decision waits for you (low risk)."
    assert "merger" in card.shown
    assert "450" in card.shown
    assert PAY["action"]["tool"] in card.shown
