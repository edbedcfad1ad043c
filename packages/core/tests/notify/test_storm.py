"""One storm is one message: pure rules (field.md 3.3, case 48)."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdshort.notify.storm import FREE, MOST_LISTED, WAITED, WINDOW, digest, plan, stream_of
from holdshort.store.base import Delivery
from holdshort.testing.notifier import delivery

NOW = 1_800_000_000_000


def asked(number: int = 0, *, age: int = 0, **changes: Any) -> Delivery:
    one = delivery("email", recipient="cfo@company.com")
    body = json.loads(one.body)
    body["data"] |= {"risk": "low", "url": f"https://hs.example/inbox/{number}"}
    body["data"] |= changes.pop("data", {})
    made = {"id": f"d{number}", "intent_id": f"i{number}", "created_at": NOW - age}
    changed: Delivery = one.but(body=json.dumps(body), **(made | changes))
    return changed


def test_the_first_three_go_at_once_and_the_rest_waits_for_the_minute() -> None:
    due = [asked(n) for n in range(10)]
    found = plan(due, [], NOW)
    assert found.send == tuple(due[:3])
    assert found.hold == tuple(due[3:])
    assert found.until == NOW + WINDOW
    assert found.together == ()


def test_the_minute_begins_with_its_first_message() -> None:
    found = plan([asked(), asked(1)], [NOW - 50_000, NOW - 10_000], NOW)
    assert len(found.send) == 1
    assert (len(found.hold), found.until) == (1, NOW - 50_000 + WINDOW)


def test_what_has_waited_goes_together() -> None:
    due = [asked(n, age=WINDOW) for n in range(7)]
    found = plan(due, [NOW - WINDOW, NOW - WINDOW + 1, NOW - WINDOW + 2], NOW)
    assert found.together == tuple(due)
    assert found.send == found.hold == ()


def test_few_that_have_waited_go_one_by_one() -> None:
    due = [asked(n, age=WINDOW) for n in range(3)]
    assert plan(due, [], NOW).send == tuple(due)


def test_new_ones_beside_those_that_go_together() -> None:
    old, new = [asked(n, age=WAITED) for n in range(4)], [asked(n) for n in range(4, 8)]
    found = plan([*old, *new], [], NOW)
    assert found.together == tuple(old)
    assert found.send == tuple(new[:2]), "three messages, and the digest is one of them"
    assert found.hold == tuple(new[2:])


@given(
    ages=st.lists(st.integers(0, 3 * WINDOW), max_size=40),
    sent=st.lists(st.integers(0, 2 * WINDOW), max_size=FREE).map(
        lambda ages: sorted(NOW - age for age in ages)
    ),
)
def test_never_more_than_three_a_minute_and_nothing_is_lost(
    ages: list[int], sent: list[int]
) -> None:
    due = [asked(n, age=age) for n, age in enumerate(ages)]
    found = plan(due, sent, NOW)
    recent = [at for at in sent if at > NOW - WINDOW]
    assert len(recent) + len(found.send) + bool(found.together) <= max(FREE, len(recent))
    assert sorted([*found.send, *found.together, *found.hold], key=lambda d: d.id) == sorted(
        due, key=lambda d: d.id
    )
    assert not found.hold or NOW < found.until <= NOW + WINDOW


def test_what_is_limited() -> None:
    stream = stream_of(asked())
    assert stream is not None
    assert (stream.recipient, stream.agent) == (
        "cfo@company.com", "agent://acme/production/analyst",
    )  # fmt: skip
    for free in (
        asked(channel="console"),
        asked(reason="decided"),
        asked(reason="digest"),
        asked(attempts=1),
        asked(data={"recipient": None}),
        asked(data={"after_failure_of": "d0"}),
    ):
        assert stream_of(free) is None


def test_the_one_message() -> None:
    tasks = [
        asked(1, data={"risk": "low", "title": "token hs_agent_aaaaaaaaaaaaaaaa"}),
        asked(2, data={"risk": "high", "deadline_at": "2027-01-15T18:00:00.000Z"}),
        asked(3, data={"risk": "high", "deadline_at": "2027-01-15T17:00:00.000Z"}),
        asked(3, data={"risk": "high", "deadline_at": "2027-01-15T17:00:00.000Z"}),
    ]
    one = digest(tasks, "new", NOW, NOW + 30_000)
    assert (one.reason, one.channel, one.recipient) == ("digest", "email", "cfo@company.com")
    body = json.loads(one.body)
    assert (body["id"], body["type"]) == ("new", "intent.digest")
    data = body["data"]
    assert data["agent"] == "agent://acme/production/analyst"
    assert data["count"] == 3
    assert [task["intent_id"] for task in data["tasks"]] == ["i3", "i2", "i1"]
    assert "masked" in data["tasks"][2]["title"], "field.md 3.3, case 47"
    assert data["url"] == "https://hs.example/inbox"
    assert data["tasks"][0]["url"] == "https://hs.example/inbox/3"


def test_a_very_long_list_says_how_many_there_are() -> None:
    many = digest([asked(n) for n in range(1000)], "new", NOW, NOW)
    data = json.loads(many.body)["data"]
    assert (data["count"], len(data["tasks"])) == (1000, MOST_LISTED)
