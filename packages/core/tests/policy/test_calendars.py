"""Working time: what is counted by a calendar, over weekends, holidays and changes of clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdshort.errors import InvalidRequest
from holdshort.models import Directory, Intent
from holdshort.people import Hours
from holdshort.policy.calendars import MOST_DAYS, add_working, working_between
from holdshort.policy.ladder import escalate, open_step, remind
from holdshort.policy.resolve import resolve
from holdshort.requests import PolicyPatch, TenantPolicy

from ..unit.office import START, TENANT, Office, refused

OFFICE = Hours(timezone="Europe/Berlin", days=(0, 1, 2, 3, 4), opens=540, closes=1050)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def at(text: str, zone: str = "Europe/Berlin") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-18T10:00", 2, "2026-11-18T12:00"),
        ("2026-11-18T16:30", 2, "2026-11-19T10:00"),
        ("2026-11-18T03:00", 1, "2026-11-18T10:00"),
        ("2026-11-18T20:00", 1, "2026-11-19T10:00"),
        ("2026-11-20T16:30", 2, "2026-11-23T10:00"),  # over the weekend
        ("2026-11-21T12:00", 0, "2026-11-23T09:00"),  # nothing at all, on a Saturday
        ("2026-12-24T17:00", 1, "2026-12-28T09:30"),  # over a holiday and a weekend
        ("2026-11-18T09:00", 8.5, "2026-11-18T17:30"),  # the whole day ends with the day
    ],
)
def test_what_working_time_comes_to(start: str, hours: float, end: str) -> None:
    hours_of = OFFICE.but(holidays=(date(2026, 12, 25),))
    assert add_working(at(start), hours * 3600, hours_of) == at(end)


def test_changes_of_clocks_count_what_really_passes() -> None:
    """The night shift of the change to summer time is an hour short, the one back an hour long."""
    night = Hours(timezone="Europe/Berlin", days=tuple(range(7)), opens=0, closes=6 * 60)
    spring, autumn = "2027-03-28T00:00", "2026-10-25T00:00"
    assert add_working(at(spring), 5 * 3600, night) == at("2027-03-28T06:00")
    assert add_working(at(spring), 5.5 * 3600, night) == at("2027-03-29T00:30")
    assert add_working(at(autumn), 7 * 3600, night) == at("2026-10-25T06:00")


def test_what_never_comes_to_an_end_ends_in_forty_years() -> None:
    """A minute a week: nothing is computed for ever, and nothing breaks."""
    minute = OFFICE.but(days=(0,), opens=1439, closes=1440)
    end = add_working(at("2026-11-18T10:00"), 366 * 86400, minute)
    assert end == at("2026-11-18T10:00") + MOST_DAYS * 86_400_000


calendars = st.builds(
    lambda zone, days, opens, length, holidays: Hours(
        timezone=zone,
        days=tuple(sorted(days)),
        opens=opens,
        closes=min(1440, opens + length),
        holidays=tuple(date(2026, 1, 1) + timedelta(days=n) for n in holidays),
    ),
    st.sampled_from(ZONES),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 1440 - 90),
    st.integers(90, 1440),  # longer than any hour that a change of clocks takes away
    st.sets(st.integers(0, 730), max_size=20),
)
moments = st.integers(at("2026-01-01", "UTC"), at("2027-12-31", "UTC"))
durations = st.integers(0, 60 * 86400).map(float)


@given(calendars, moments, durations, durations)
@example(OFFICE, at("2026-10-23T17:00"), 3600.0, 8 * 3600.0)
def test_properties_of_working_time(hours: Hours, start: int, one: float, two: float) -> None:
    first = add_working(start, one, hours)
    assert first >= start
    assert working_between(start, first, hours) == one, "not exactly that much was worked"
    worked = [span for day in range(-1, 2) if (span := hours.on(_day(first, hours, day)))]
    assert any(opens <= first <= closes for opens, closes in worked), "it ends outside the hours"
    assert add_working(start, one + two, hours) >= first, "more time ends later"
    assert add_working(start + 1, one, hours) >= first, "what begins later ends later"
    # One after the other is both at once.
    if two:
        assert add_working(first, two, hours) == add_working(start, one + two, hours)


def _day(moment: int, hours: Hours, shift: int) -> date:
    local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(hours.timezone))
    return local.date() + timedelta(days=shift)


class TestInPolicies:
    """The calendar of a policy counts for reminders, escalation and the deadline."""

    directory = Directory(
        tenant=TENANT, default_reviewers=("team:admins",), calendars={"office": OFFICE}
    )

    def test_the_ladder(self, office: Office) -> None:
        office.directory = office.directory.but(calendars={"office": OFFICE})
        office.policies({"calendar": "office", "deadline": "8h30m", "escalate_after": "2h"})
        # A Friday, an hour before the office closes.
        office.now = at("2027-01-15T16:30")
        intent = office.file()
        step = intent.current
        assert step.remind_at == at("2027-01-15T16:35")
        assert step.escalate_at == at("2027-01-18T10:00")
        assert step.deadline_at == at("2027-01-18T16:30")
        assert Intent.model_validate_json(intent.dump()) == intent
        again = open_step(step.but(status="pending"), office.now)
        assert remind(again, step.remind_at).remind_at == at("2027-01-15T17:00")
        assert escalate(again).escalate_at is None

    def test_a_deadline_that_names_a_moment_is_that_moment(self, office: Office) -> None:
        office.directory = office.directory.but(calendars={"office": OFFICE})
        office.policies({"calendar": "office"})
        moment = "2027-01-16T03:00:00+01:00"
        intent = office.file(deadline_at=moment)
        assert intent.current.deadline_at == round(
            datetime.fromisoformat(moment).timestamp() * 1000
        )

    def test_always_takes_a_calendar_back(self) -> None:
        everything = self.directory.but(default_policy={"calendar": "office"})
        slow = TenantPolicy(calendar="office")
        assert resolve(everything, slow, PolicyPatch()).calendar == OFFICE
        always = TenantPolicy(calendar="always")
        assert resolve(everything, always, PolicyPatch()).calendar is None

    def test_an_unknown_calendar_is_refused(self) -> None:
        with refused(InvalidRequest, "there is none of this name"):
            resolve(self.directory, TenantPolicy(calendar="night"), PolicyPatch())

    def test_a_call_cannot_choose_one(self) -> None:
        with pytest.raises(ValueError, match="calendar"):
            PolicyPatch.model_validate({"calendar": "office"})

    def test_a_step_from_before_calendars_is_read(self, office: Office) -> None:
        stored = office.file().dump()
        assert "calendar" not in stored
        assert Intent.model_validate_json(stored).current.policy.calendar is None
        assert office.intent.current.deadline_at == START + 28_800_000
