"""Bodies that say how people are reached: their channels and hours, rotas, calendars, absences."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator

from holdshort import localtime
from holdshort.people import Tell
from holdshort.requests import Request as Body
from holdshort.requests import address


def person(text: str) -> str:
    """Return a person's address. Raises ValueError for what is none, teams and roles included: who
    holds a key or belongs to a team is somebody."""
    found = address(text)
    if "@" not in found:
        raise ValueError(f"{text!r} is no person: write ana@acme.com")
    return found


def _zone(text: str) -> str:
    return localtime.zone(text).key


def _time(text: str) -> str:
    localtime.minutes(text)
    return text


def _in_order(days: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(localtime.DAYS[day] for day in localtime.weekdays(days))


Person = Annotated[str, AfterValidator(person)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]
Time = Annotated[str, Field(pattern=r"^\d\d:\d\d$"), AfterValidator(_time)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Days = Annotated[tuple[Day, ...], Field(min_length=1, max_length=7), AfterValidator(_in_order)]
When = Annotated[
    str,
    Field(
        min_length=10,
        max_length=40,
        description="a date, or a time as 2026-12-24T18:00:00+01:00",
        examples=["2026-12-24"],
    ),
]
Channel = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Channels = Annotated[tuple[Channel, ...], Field(max_length=20)]
ServiceUrl = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$", max_length=2048)]


class QuietBody(Body):
    """Hours in which a person is not told of what can wait; they may go over midnight."""

    since: Time = Field(alias="from")
    until: Time
    days: Days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

    @model_validator(mode="after")
    def _some(self) -> QuietBody:
        if self.since == self.until or self.since == "24:00":
            raise ValueError("quiet hours begin at one time of day and end at another")
        return self


class ContactBody(Body):
    """How a person is reached. What is left out stays as it was; null takes it back."""

    email: Person | None = Field(None, description="where mail goes; null is the address itself")
    slack: (
        Annotated[str, Field(pattern=r"^[A-Za-z0-9]+(/[A-Za-z0-9]+)?$", max_length=64)] | None
    ) = Field(None, description="the member id in Slack")
    urls: Annotated[tuple[ServiceUrl, ...], Field(max_length=10)] | None = Field(
        None, description="addresses for apprise; secret, so only their number is shown"
    )
    channels: Channels | None = Field(
        None, description="by which they are told, in order; null is what holds for everybody"
    )
    tell: Tell = Field("all", description="by every channel, or by the first that takes it")
    timezone: Zone | None = Field(None, description="an IANA name; null is the tenant's")
    quiet: QuietBody | None = None


#: What a person's document keeps where it is written without.
CONTACT = frozenset(ContactBody.model_fields)


def with_contact(
    doc: dict[str, Any], said: frozenset[str], before: dict[str, Any]
) -> dict[str, Any]:
    """Return a person's document with what was known of how to reach them, where nothing else was
    said."""
    kept = {name: one for name, one in before.items() if name in CONTACT - said}
    return doc | kept


class HandoverBody(Body):
    """When in the week one person hands over to the next."""

    day: Day = "mon"
    time: Time = "09:00"

    @model_validator(mode="after")
    def _in_the_day(self) -> HandoverBody:
        if self.time == "24:00":
            raise ValueError("write 00:00 of the next day")
        return self


class OverrideBody(Body):
    """Somebody takes a part of other people's turns. Dates are whole days where the rota is."""

    since: When = Field(alias="from")
    until: When
    person: Person


class RotaBody(Body):
    """People who take turns in being on call, asked as oncall:NAME."""

    members: Annotated[tuple[Person, ...], Field(min_length=1, max_length=100)]
    starts: date = Field(description="a day in the first member's first turn")
    handover: HandoverBody = HandoverBody()
    timezone: Zone = "UTC"
    every: Annotated[StrictInt, Field(ge=1, le=52, description="weeks that a turn has")] = 1
    overrides: Annotated[tuple[OverrideBody, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _some_time(self) -> RotaBody:
        where = localtime.zone(self.timezone)
        for one in self.overrides:
            since = localtime.parsed(one.since, where)
            if localtime.parsed(one.until, where, end=True) <= since:
                raise ValueError(f"the override from {one.since} ends before it begins")
        return self


class HoursBody(Body):
    """A calendar: when an office works."""

    timezone: Zone
    days: Days = ("mon", "tue", "wed", "thu", "fri")
    since: Time = Field("09:00", alias="from")
    until: Time = "17:30"
    holidays: Annotated[tuple[date, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _some(self) -> HoursBody:
        if localtime.minutes(self.since) >= localtime.minutes(self.until):
            raise ValueError("a calendar's hours end later on the day than they begin")
        return self


class AbsenceBody(Body):
    """Somebody is away. Dates are whole days where they live, the last one included."""

    person: Person | None = Field(None, description="who; with a person's key they themselves")
    since: When = Field(alias="from")
    until: When
    deputy: Person | None = Field(None, description="who is asked in their place")
    note: Annotated[str, Field(max_length=500)] = ""


class CalendarSettings(Body):
    """What of a tenant's settings is about time and absence."""

    timezone: Zone = Field("UTC", description="where people live who do not say otherwise")
    allow_deputies: StrictBool = Field(
        True, description="whether somebody who is away may be stood in for"
    )
    calendars: Annotated[
        dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")], HoursBody],
        Field(max_length=50, default_factory=dict),
    ]
