"""On call: turns, hand-overs to the minute, overrides, who is away (field.md 4.3, fault 35)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.models import Directory
from holdshort.people import Absence, Override, Rota

from ..unit.office import TENANT

A, B, C, D = (f"{name}@acme.com" for name in "abcd")
DAY = 86_400_000
OPS = Rota(
    members=(A, B, C),
    starts=date(2026, 11, 18),  # a Wednesday
    weekday=0,
    minute=9 * 60,
    timezone="Europe/Berlin",
)


def at(text: str, zone: str = "Europe/Berlin") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def directory(rota: Rota = OPS, *absences: Absence, **changes: object) -> Directory:
    made: dict[str, object] = {"tenant": TENANT, "rotas": {"ops": rota}, "absences": absences}
    return Directory.model_validate(made | changes)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-11-18T00:00", A),
        ("2026-11-16T09:00", A),  # the turn in which it starts began before
        ("2026-11-16T08:59", C),
        ("2026-11-23T08:59", A),
        ("2026-11-23T09:00", B),
        ("2026-11-30T09:00", C),
        ("2026-12-07T09:00", A),
        ("2027-03-29T08:59", A),  # the day after the change to summer time
        ("2027-03-29T09:00", B),
    ],
)
def test_whose_turn_it_is(moment: str, who: str) -> None:
    assert OPS.order(at(moment))[0] == who
    assert directory().at(at(moment)).on_call("ops") == who


def test_the_next_hand_over() -> None:
    turn = OPS.turn(at("2026-11-20T12:00"))
    assert turn == 0
    assert OPS.handed_over_at(turn + 1) == at("2026-11-23T09:00")
    two = OPS.but(every=2)
    assert two.handed_over_at(two.turn(at("2026-11-20T12:00")) + 1) == at("2026-11-30T09:00")


def test_overrides_and_the_last_one_said() -> None:
    christmas = Override(since=at("2026-12-24"), until=at("2026-12-27"), person=D)
    eve = Override(since=at("2026-12-24T18:00"), until=at("2026-12-25"), person=B)
    found = directory(OPS.but(overrides=(christmas, eve)))
    for moment, who in (
        ("2026-12-23T23:59", C), ("2026-12-24T00:00", D), ("2026-12-24T18:00", B),
        ("2026-12-25T00:00", D), ("2026-12-27T00:00", C),
    ):  # fmt: skip
        assert found.at(at(moment)).on_call("ops") == who, moment


@pytest.mark.parametrize("gap", ["2027-03-28T02:30", "2026-10-25T02:30"])
def test_a_hand_over_in_the_hour_that_is_not_there_or_there_twice(gap: str) -> None:
    """Once, and not back again."""
    sunday = OPS.but(weekday=6, minute=150)
    start = at(gap) - 3 * 3_600_000
    turns = [sunday.turn(start + n * 60_000) for n in range(6 * 60)]
    assert turns == sorted(turns)
    assert turns[-1] == turns[0] + 1


@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    starts=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    weekday=st.integers(0, 6),
    minute=st.integers(0, 1439),
    every=st.integers(1, 5),
    moment=st.integers(at("2019-01-01", "UTC"), at("2031-01-01", "UTC")),
)
def test_turns_follow_each_other_and_last_whole_weeks(
    zone: str, starts: date, weekday: int, minute: int, every: int, moment: int
) -> None:
    rota = Rota(
        members=(A, B), starts=starts, weekday=weekday, minute=minute, timezone=zone, every=every
    )
    turn = rota.turn(moment)
    begins, ends = rota.handed_over_at(turn), rota.handed_over_at(turn + 1)
    assert begins <= moment < ends
    assert rota.turn(begins) == rota.turn(ends - 1) == turn
    assert rota.turn(begins - 1) == turn - 1
    assert abs((ends - begins) - every * 7 * DAY) <= 3_600_000, "but for a change of clocks"
    local = datetime.fromtimestamp(begins / 1000, ZoneInfo(zone))
    assert local.weekday() == weekday
    assert rota.turn(at(f"{starts}T23:59", zone)) in (0, 1)
    assert rota.handed_over_at(0) <= at(f"{starts + timedelta(days=1)}", zone)


def test_who_is_away_is_not_on_call() -> None:
    moment = at("2026-11-18T12:00")
    a = Absence(id="1", person=A, since=0, until=moment + DAY)
    b = Absence(id="2", person=B, since=0, until=moment + DAY)
    assert directory(OPS, a).at(moment).on_call("ops") == B, "the next whose turn it is"
    assert directory(OPS, a.but(deputy=D)).at(moment).on_call("ops") == D, "their deputy"
    assert directory(OPS, a, b).at(moment).on_call("ops") == C
    c = Absence(id="3", person=C, since=0, until=moment + DAY)
    assert directory(OPS, a, b, c).at(moment).on_call("ops") == A, "rather than nobody"
    assert directory(OPS, a).at(moment + DAY).on_call("ops") == A, "back again"
    assert directory(inactive={A}).at(moment).on_call("ops") == B, "who has left"
    assert directory(inactive={A, B, C}).at(moment).on_call("ops") is None


def test_on_call_as_an_address() -> None:
    moment = at("2026-11-18T12:00")
    found = directory().at(moment)
    assert found.people_at(["oncall:ops", A]) == [A]
    assert "oncall:ops" in found.addresses_of(A)
    assert "oncall:ops" not in found.addresses_of(B)
    later = found.at(moment + 7 * DAY)
    assert later.people_at(["oncall:ops"]) == [B]
    assert "oncall:ops" in later.addresses_of(B)
    assert found.people_at(["oncall:nobody"]) == []
