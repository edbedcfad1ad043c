"""The channel: cards, what is said below them, their changes, and what goes wrong in Slack."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from holdshort.clock import FakeClock
from holdshort.models import HumanTask, Intent, Policy, Step
from holdshort.notify.card import Card, card_of
from holdshort.notify.slack import SlackNotifier
from holdshort.notify.slack_web import SlackWeb
from holdshort.testing.notifier import Message, NotifierContract

from ..server.house import ANA, BO
from .conftest import UANA, UBO, Office
from .fake import TEAM, TOKEN, FakeSlack, channel_of

pytestmark = pytest.mark.anyio


async def test_a_card_says_everything(office: Office) -> None:
    _, card = await office.ask(
        environment="production", description="the invoice is due", deadline=3600, to=[ANA, BO]
    )
    for part in (
        "low risk · approval · production",
        "Run pay in production: amount 450",
        '"note": "x"',
        "The agent says",
        "the invoice is due",
        "agent://acme/production/analyst",
        "If nobody decides in time, it does not run.",
        "By when: ",
    ):
        assert part in card.shown, part
    assert list(card.buttons) == [
        "Approve",
        "Reject",
        "Answer with a comment…",
        "Change it first…",
        "Open the card",
    ]


async def test_it_can_be_found_again(office: Office) -> None:
    asked = await office.house.ask()
    told = await office.tell("asked", asked)
    (card,) = office.slack.said_to(UANA)
    assert (told.state, told.receipt) == ("sent", f"{channel_of(UANA)}/{card.ts}")
    about = card.body["metadata"]["event_payload"]
    assert about == {"delivery": told.id, "intent": asked}


@pytest.mark.parametrize("reason", ["reminded", "escalated"])
async def test_who_has_the_card_is_told_below_it(office: Office, reason: str) -> None:
    asked, card = await office.ask()
    told = await office.tell(reason, asked)
    assert (told.state, told.receipt) == ("sent", None)
    (reply,) = office.slack.replies(card)
    assert reply.body["reply_broadcast"] is True
    assert "still waits for a decision" in reply.shown
    assert "450" not in str(reply.body)
    assert len(office.slack.said_to(UANA)) == 1


@pytest.mark.parametrize(
    ("reason", "says"), [("mentioned", "named you in a comment"), ("answered", "has answered")]
)
async def test_news_of_a_card_are_told_below_it(office: Office, reason: str, says: str) -> None:
    asked, card = await office.ask(to=[ANA, BO])
    await office.tell(reason, asked)
    await office.tell(reason, asked, BO)
    assert says in office.slack.replies(card)[0].shown
    assert "Approve" in office.slack.said_to(UBO)[0].buttons
    await office.house.decide(asked, key=office.house.bo)
    await office.tell(reason, asked)
    assert len(office.slack.replies(card)) == 2


async def test_whom_it_is_escalated_to_gets_a_card(office: Office) -> None:
    asked, _ = await office.ask(to=[ANA, BO])
    await office.tell("escalated", asked, BO)
    (card,) = office.slack.said_to(UBO)
    assert "Approve" in card.buttons
    assert card.body["text"].startswith("Holdshort: Escalated")


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("decided", "bo@acme.com answered “rejected”."),
        ("canceled", "This was withdrawn."),
        ("timed_out", "Nobody decided in time."),
    ],
)
async def test_a_card_changes_when_it_ends(office: Office, reason: str, says: str) -> None:
    house = office.house
    asked, card = await office.ask(to=[ANA, BO], deadline=60)
    if reason == "decided":
        await house.decide(asked, "rejected", key=house.bo)
    elif reason == "canceled":
        path = "/v1/intents/{intent_id}/cancel"
        await house.ok("POST", path, house.agent, {"reason": "x"}, intent_id=asked)
    else:
        house.clock.advance(61)
        await house.engine.run_due()
    told = await office.tell(reason, asked)
    assert told.state == "sent"
    assert says in card.shown
    assert list(card.buttons) == ["Look at it"]
    assert card.now["text"] == "Holdshort: this is over, nothing is to be decided any more."


async def test_it_ends_while_the_card_is_posted(office: Office) -> None:
    """Nobody else knows of this message yet, so whoever posts it looks once more."""
    house = office.house
    await office.risk("low")
    asked = await house.ask(to=[ANA, BO])
    during = _During(office, asked, asyncio.get_running_loop())
    office.slack.before["chat.postMessage"] = during.decide
    await office.tell("asked", asked)
    (card,) = office.slack.said_to(UANA)
    assert "bo@acme.com answered" in card.shown
    assert list(card.buttons) == ["Look at it"]


async def test_what_fails_after_the_card_does_not_bring_it_twice(office: Office) -> None:
    asked = await office.house.ask(to=[ANA, BO])
    during = _During(office, asked, asyncio.get_running_loop())
    office.slack.before["chat.postMessage"] = during.decide
    office.slack.fail("chat.update", "ratelimited", status=429, Retry_After="1")
    told = await office.tell("asked", asked)
    assert told.state == "sent"
    assert len(office.slack.said_to(UANA)) == 1


@dataclass
class _During:
    office: Office
    asked: str
    loop: asyncio.AbstractEventLoop

    def decide(self) -> None:
        """Called on Slack's thread: let Bo decide on the loop, and wait for it."""
        house = self.office.house
        work = house.decide(self.asked, key=house.bo)
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)


async def test_the_next_step_is_a_card_of_its_own(office: Office) -> None:
    await office.risk("low")
    steps = [{"name": "first", "to": [ANA]}, {"name": "second", "to": [ANA]}]
    body = {"to": (), "steps": steps}
    asked = await office.house.ask(**body)
    await office.tell("asked", asked)
    (first,) = office.slack.said_to(UANA)
    await office.press(first, "Approve")
    await office.settled(asked)
    await office.tell("asked", asked)
    _, second = office.slack.said_to(UANA)
    assert "step 2 of 2: second" in second.shown
    assert "There is a newer card of this" in first.shown
    assert first.buttons == {}
    await office.press(second, "Reject")
    assert (await office.settled(asked))["outcome"] == "rejected"


async def test_a_card_that_cannot_be_changed_loses_nothing(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO])
    await office.house.decide(asked, key=office.house.bo)
    office.slack.fail("chat.update", "cant_update_message")
    assert (await office.tell("decided", asked)).state == "sent"
    (reply,) = office.slack.replies(card)
    assert "bo@acme.com answered “approved”." in reply.shown


async def test_a_card_that_was_deleted_is_left_alone(office: Office) -> None:
    asked, _ = await office.ask(to=[ANA, BO])
    office.slack.messages.clear()
    await office.house.decide(asked, key=office.house.bo)
    assert (await office.tell("decided", asked)).state == "sent"
    assert office.slack.messages == []


async def test_a_change_is_tried_until_it_is_made(office: Office) -> None:
    asked, card = await office.ask(to=[ANA, BO])
    await office.house.decide(asked, key=office.house.bo)
    office.slack.fail("chat.update", "ratelimited", status=429, Retry_After="7")
    told = await office.tell("decided", asked)
    assert (told.state, told.last_error) == ("pending", "Slack wants us to wait (ratelimited)")
    office.house.clock.advance(7)
    await office.house.holdshort.outbox.tick()
    assert "bo@acme.com answered" in card.shown


async def test_slack_says_when_to_come_again(office: Office) -> None:
    asked = await office.house.ask()
    office.slack.fail("chat.postMessage", "ratelimited", status=429, Retry_After="120")
    told = await office.tell("asked", asked)
    assert (told.state, told.attempts) == ("pending", 1)
    assert told.next_at == office.house.clock.now() + 120_000
    office.house.clock.advance(120)
    await office.house.holdshort.outbox.tick()
    assert len(office.slack.said_to(UANA)) == 1


@pytest.mark.parametrize("status", [500, 503, 404])
async def test_a_slack_that_is_down_is_tried_again(office: Office, status: int) -> None:
    asked = await office.house.ask()
    office.slack.fail("chat.postMessage", status=status)
    told = await office.tell("asked", asked)
    assert (told.state, told.last_error) == (
        "pending",
        f"Slack could not be reached: status {status}",
    )


@pytest.mark.parametrize(
    "code", ["token_revoked", "invalid_auth", "account_inactive", "missing_scope"]
)
async def test_a_token_that_does_not_count_any_more_is_for_an_operator(
    office: Office, code: str
) -> None:
    asked = await office.house.ask()
    office.slack.fail("conversations.open", code)
    told = await office.tell("asked", asked)
    assert told.state == "pending"
    assert told.last_error is not None
    assert code in told.last_error
    assert "administrator" in told.last_error
    assert TOKEN not in told.last_error
    assert told.next_at >= office.house.clock.now() + 300_000


async def test_an_archived_conversation_is_given_up(office: Office) -> None:
    asked = await office.house.ask()
    office.slack.archived.add(channel_of(UANA))
    told = await office.tell("asked", asked)
    assert (told.state, told.last_error) == ("dead", "Slack does not take it: is_archived")
    office.slack.archived.clear()
    again = await office.tell("asked", asked)
    assert again.state == "sent", "it is opened anew"


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (None, "this person has no Slack member id"),
        ("ana", "'ana' is no Slack member id"),
        ("U0NOBODY", "Slack does not take it: user_not_found"),
        (f"T0OTHER/{UANA}", "this person is in another Slack workspace"),
    ],
)
async def test_who_cannot_be_reached_here_is_told_elsewhere(
    office: Office, member: str | None, says: str
) -> None:
    await office.is_member(ANA, member)
    told = await office.tell("asked", await office.house.ask())
    assert (told.state, told.last_error) == ("dead", says)


async def test_a_member_id_may_name_its_workspace(office: Office) -> None:
    await office.is_member(ANA, f"{TEAM}/{UANA}")
    asked, card = await office.ask()
    await office.press(card, "Approve")
    assert (await office.settled(asked))["approved"]


async def test_a_card_that_slack_does_not_take_is_announced_all_the_same(office: Office) -> None:
    office.slack.fail("chat.postMessage", "msg_blocks_too_long")
    _, card = await office.ask()
    assert "Open it in the inbox to decide" in card.shown
    assert list(card.buttons) == ["Open the card"]


async def test_48_a_storm_is_one_message(office: Office) -> None:
    asked = await office.house.ask()
    tasks = [
        {"intent_id": asked, "title": f"<!channel> pay {n}", "risk": "low", "url": f"https://h/{n}"}
        for n in range(30)
    ]
    told = await office.tell("digest", asked, count=40, tasks=tasks, url="https://h")
    assert (told.state, told.receipt) == ("sent", None)
    (message,) = office.slack.said_to(UANA)
    assert message.body["text"] == "Holdshort: 40 decisions wait for you."
    assert "pay 19" in message.shown
    assert "and 20 more, in the inbox" in message.shown
    assert list(message.buttons) == ["Open the inbox"]
    broken = await office.tell("digest", asked, tasks=7)
    assert (broken.state, broken.last_error) == ("dead", "the digest cannot be read")


async def test_47_secrets_do_not_leave(office: Office) -> None:
    """Attack 47; masked is not whole, so nothing is approved beside it."""
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    arguments = {"password": "hunter2hunter2", "note": key, "n": 1}
    asked, card = await office.ask(
        action={"tool": "pay", "arguments": arguments},
        description="use Bearer abcdefghijklmnopqrstuvwxyz",
    )
    await office.tell("reminded", asked)
    everything = str(office.slack.calls)
    for secret in ("hunter2", "AKIAABC", "abcdefghijklmnop"):
        assert secret not in everything
    assert "masked here" in card.shown


class Desk:
    """A desk with one card, and no receipts."""

    async def card(self, tenant: str, intent_id: str) -> Card | None:
        task = HumanTask()
        policy = Policy(
            remind_after=None, remind_every=0, max_reminders=0, escalate=(), deadline=60,
            fallback="reject", quorum=1, reject_quorum=1, risk="low", allow_edit=True,
            require_comment=False, separation_of_duties=True, grant_ttl=60, execution_timeout=60,
        )  # fmt: skip
        intent = Intent(
            tenant=tenant, id=intent_id, agent="agent://a", intent_type="intent.a.b.v1",
            correlation_id="c", key="k", body_hash="h", title="t", tool="pay", digest="0" * 64,
            status="WAITING", created_at=0, updated_at=0,
            steps=(Step(name="s", task=task, policy=policy, reviewers=(ANA,), status="open"),),
        )  # fmt: skip
        return card_of(intent, '{"payload": {"n": 1}}', now=0, url=None)

    async def receipts(self, *_: str) -> list[str]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the channel asks for {name}")


class Inbox:
    """The far end of the contract's channel: one member's conversation."""

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack
        self.endpoint: dict[str, Any] | None = {"person": ANA, "slack": slack.join(UANA)}

    def received(self) -> list[Message]:
        return [
            Message(text=str(one.body), body=str(one.body)) for one in self._slack.said_to(UANA)
        ]

    def fail(self) -> None:
        for _ in range(20):
            self._slack.fail("chat.postMessage", status=503)


class TestContract(NotifierContract):
    def notifier(self) -> SlackNotifier:
        return SlackNotifier(SlackWeb(TOKEN, url=self.url), Desk(), FakeClock())

    @contextmanager
    def receiver(self) -> Iterator[Inbox]:
        with FakeSlack() as slack:
            self.url = slack.url
            yield Inbox(slack)

    url = "http://127.0.0.1:9/api/"
