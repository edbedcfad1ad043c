"""By which channels a person is told, in what order, and when not."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from holdshort.models import Directory, Intent, Notice
from holdshort.notify.routing import Reach, route
from holdshort.people import Absence, Contact, Quiet, Rota
from holdshort.store.base import Delivery

from .test_routing import POLICY, directory, ids, intent, step

ANA, BO, CY = "ana@acme.com", "bo@acme.com", "cy@acme.com"
REACH = Reach(channels=("console", "slack", "email"), updating=frozenset({"slack"}))
NIGHT = Quiet(begins=22 * 60, ends=7 * 60)
HOUR = 3_600_000


def at(text: str, zone: str = "Europe/Lisbon") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


NOON, LATE, MORNING = at("2026-11-18T12:00"), at("2026-11-18T23:30"), at("2026-11-19T07:00")


def routed(
    reason: str,
    *to: str,
    now: int = NOON,
    about: Intent | None = None,
    reach: Reach = REACH,
    **changes: Any,
) -> list[Delivery]:
    at_: Directory = directory(**({"timezone": "Europe/Lisbon"} | changes))
    return route(
        Notice(reason, to, 0),
        about or later(),
        at_,
        now=now,
        claim_until=now + 30_000,
        new_id=ids(),
        link=None,
        reach=reach,
    )


def later(deadline: int = MORNING + HOUR, **policy: Any) -> Intent:
    """An intent that ends after the night."""
    risk = POLICY.but(**policy)
    return intent(step(policy=risk, deadline_at=deadline, assigned=(ANA,)))


def told(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    return [(one.recipient.partition("@")[0], one.channel) for one in deliveries]


def contact(**said: Any) -> dict[str, Contact]:
    return {ANA: Contact(**({"known_to": frozenset({"slack"})} | said))}


class TestChannels:
    def test_what_the_server_has_and_reaches_them_by(self) -> None:
        assert told(routed("asked", ANA)) == [("ana", "console"), ("ana", "email")]
        assert told(routed("asked", ANA, contacts=contact())) == [
            ("ana", "console"), ("ana", "slack"), ("ana", "email"),
        ]  # fmt: skip

    def test_what_the_tenant_says_and_what_they_say_themselves(self) -> None:
        assert told(routed("asked", ANA, channels=("email",))) == [("ana", "email")]
        own = contact(channels=("push",))
        assert told(routed("asked", ANA, channels=("email",), contacts=own)) == [("ana", "push")]

    def test_addresses_of_services_are_used_where_there_are_some(self) -> None:
        services = contact(known_to=frozenset({"apprise"}))
        channels = told(routed("asked", ANA, channels=("email",), contacts=services))
        assert channels == [("ana", "email"), ("ana", "apprise")]

    def test_what_was_chosen_and_cannot_be_fails_where_it_is_seen(self) -> None:
        chosen = contact(channels=("apprise",), known_to=frozenset())
        assert told(routed("asked", ANA, contacts=chosen)) == [("ana", "apprise")]

    def test_the_first_with_the_others_to_fall_back_on(self) -> None:
        first = contact(tell="first", channels=("slack", "sms", "email"))
        (one,) = routed("asked", ANA, contacts=first)
        assert (one.channel, one.fallbacks) == ("slack", ("sms", "email"))

    def test_the_console_is_beside_that(self) -> None:
        """It reaches nobody, so it is no channel to be the first of."""
        found = routed("asked", ANA, contacts=contact(tell="first"))
        assert [(one.channel, one.fallbacks) for one in found] == [
            ("console", ()), ("slack", ("email",)),
        ]  # fmt: skip


class TestUpdates:
    @pytest.mark.parametrize("reason", ["decided", "claimed", "released"])
    def test_messages_that_change_are_told(self, reason: str) -> None:
        assert told(routed(reason, contacts=contact())) == [("ana", "slack")]

    @pytest.mark.parametrize("reason", ["timed_out", "canceled"])
    def test_and_the_others_are_told_of_an_end(self, reason: str) -> None:
        assert sorted(told(routed(reason, ANA, contacts=contact()))) == [
            ("ana", "console"), ("ana", "email"), ("ana", "slack"),
        ]  # fmt: skip

    def test_also_whoever_was_told_before(self) -> None:
        """The deputy whose turn is over, and those who were on call before."""
        slack = Contact(known_to=frozenset({"slack"}))
        rota = Rota(
            members=(BO, CY), starts=datetime(2026, 11, 16), weekday=0, minute=0, timezone="UTC"
        )
        gone = Absence(id="1", person=BO, since=0, until=1, deputy=ANA)
        found = routed(
            "decided",
            about=intent(step(assigned=("oncall:ops",))),
            contacts={ANA: slack, BO: slack, CY: slack},
            rotas={"ops": rota},
            absences=(gone,),
        )
        assert sorted(told(found)) == [("ana", "slack"), ("bo", "slack"), ("cy", "slack")]


class TestQuietHours:
    def when(self, reason: str = "asked", now: int = LATE, **changes: Any) -> int:
        quiet = contact(channels=("email",), quiet=NIGHT)
        changes = {"contacts": quiet} | changes
        to = changes.pop("to", ANA)
        (one,) = routed(reason, to, now=now, **changes)
        return one.next_at

    @pytest.mark.parametrize("reason", ["asked", "reminded", "timed_out", "mentioned"])
    def test_what_can_wait_waits(self, reason: str) -> None:
        assert self.when(reason) == MORNING
        assert self.when(reason, NOON) == NOON + 30_000

    def test_it_ends_when_their_morning_begins(self) -> None:
        away = contact(channels=("email",), quiet=NIGHT, timezone="America/New_York")
        assert self.when(contacts=away) == LATE + 30_000, "it is half past six there"

    def test_an_escalation_does_not_wait(self) -> None:
        assert self.when("escalated") == LATE + 30_000

    def test_high_risk_does_not_wait(self) -> None:
        assert self.when(about=later(risk="high")) == LATE + 30_000

    def test_what_ends_or_escalates_before_does_not_wait(self) -> None:
        assert self.when(about=later(MORNING)) == LATE + 30_000
        one = later()
        soon = one.but(steps=(one.current.but(escalate_at=MORNING - 1),))
        assert self.when(about=soon) == LATE + 30_000
        assert self.when("timed_out", about=later(MORNING)) == MORNING, "it is over anyway"

    def test_who_is_on_call_is_woken(self) -> None:
        rota = Rota(
            members=(ANA,), starts=datetime(2026, 11, 16), weekday=0, minute=0, timezone="UTC"
        )
        assert self.when(to="oncall:ops", rotas={"ops": rota}) == LATE + 30_000

    def test_the_console_does_not_sleep(self) -> None:
        quiet = contact(quiet=NIGHT)
        found = {d.channel: d.next_at for d in routed("asked", ANA, now=LATE, contacts=quiet)}
        assert found == {"console": LATE + 30_000, "slack": MORNING, "email": MORNING}

    @pytest.mark.parametrize(
        ("quiet", "now", "over"),
        [
            (NIGHT, "2026-11-19T06:59", "2026-11-19T07:00"),
            (NIGHT, "2026-11-19T07:00", None),
            (NIGHT, "2026-11-18T21:59", None),
            (NIGHT.but(days=(4, 5)), "2026-11-21T03:00", "2026-11-21T07:00"),  # Friday's night
            (NIGHT.but(days=(4, 5)), "2026-11-20T03:00", None),  # Thursday's
            (Quiet(begins=720, ends=780), "2026-11-19T12:30", "2026-11-19T13:00"),
            (Quiet(begins=0, ends=1440, days=(5, 6)), "2026-11-21T15:00", "2026-11-22T00:00"),
            (NIGHT, "2027-03-28T03:30", "2027-03-28T07:00"),  # the clocks have changed
        ],
    )
    def test_when_they_are_over(self, quiet: Quiet, now: str, over: str | None) -> None:
        expected = None if over is None else at(over)
        assert quiet.over_at(at(now), "Europe/Lisbon") == expected


class TestAway:
    def absences(self, *pairs: tuple[str, str | None]) -> tuple[Absence, ...]:
        return tuple(
            Absence(id=who, person=who, since=0, until=NOON + HOUR, deputy=deputy)
            for who, deputy in pairs
        )

    def test_the_deputy_is_told_and_for_whom(self) -> None:
        found = routed("asked", ANA, channels=("email",), absences=self.absences((ANA, BO)))
        assert told(found) == [("bo", "email")]
        assert json.loads(found[0].body)["data"]["on_behalf_of"] == ANA

    def test_the_owner_is_not_told_in_somebodys_place(self) -> None:
        """They could not decide, and then nobody would know."""
        about = intent(step(assigned=(ANA,)), owner=BO)
        gone = self.absences((ANA, BO))
        assert told(routed("asked", ANA, about=about, channels=("email",), absences=gone)) == [
            ("ana", "email")
        ]

    def test_who_is_back_is_told_again(self) -> None:
        gone = self.absences((ANA, BO))
        found = routed("asked", ANA, now=NOON + HOUR, channels=("email",), absences=gone)
        assert told(found) == [("ana", "email")]
        assert "on_behalf_of" not in json.loads(found[0].body)["data"]
