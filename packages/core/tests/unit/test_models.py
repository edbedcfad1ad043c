from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from holdshort.models import Directory, Intent, Principal, iso

from .office import START, Office, person

DIRECTORY = Directory(
    tenant="acme",
    people={"ana@acme.com": ("cfo", "auditor"), "bo@acme.com": (), "gone@acme.com": ("cfo",)},
    inactive=frozenset({"gone@acme.com"}),
    teams={"finance": ("ana@acme.com", "gone@acme.com", "bo@acme.com"), "empty": ()},
)


@given(st.integers(0, 253_402_300_799_999))
def test_a_time_is_written_exactly(moment: int) -> None:
    text = iso(moment)
    assert len(text) == 24
    assert text.endswith("Z")
    back = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    assert back // timedelta(milliseconds=1) == moment


def test_times_sort_as_they_are_written() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(START) == "2027-01-15T08:00:00.000Z"
    assert iso(START + 1) == "2027-01-15T08:00:00.001Z"


def test_addresses_of_a_person() -> None:
    assert DIRECTORY.addresses_of("ana@acme.com") == {
        "ana@acme.com",
        "team:finance",
        "role:cfo",
        "role:auditor",
    }
    assert DIRECTORY.addresses_of("new@acme.com") == {"new@acme.com"}
    assert DIRECTORY.addresses_of("gone@acme.com") == set()


@pytest.mark.parametrize(
    ("addresses", "people"),
    [
        (["team:finance"], ["ana@acme.com", "bo@acme.com"]),
        (["bo@acme.com", "team:finance", "role:cfo"], ["bo@acme.com", "ana@acme.com"]),
        (["role:cfo"], ["ana@acme.com"]),
        (["gone@acme.com"], []),
        (["team:empty", "team:unknown", "role:unknown"], []),
        (["new@acme.com"], ["new@acme.com"]),
        ([], []),
    ],
)
def test_people_at(addresses: list[str], people: list[str]) -> None:
    assert DIRECTORY.people_at(addresses) == people


@given(st.lists(st.sampled_from(["team:finance", "role:cfo", "ana@acme.com", "gone@acme.com"])))
def test_who_is_at_an_address_has_that_address(addresses: list[str]) -> None:
    people = DIRECTORY.people_at(addresses)
    assert len(people) == len(set(people))
    for one in people:
        assert DIRECTORY.addresses_of(one) & set(addresses)


def test_how_the_log_names_a_principal() -> None:
    assert person("ana").actor == "person:ana@acme.com"


def test_records_are_frozen_and_copied() -> None:
    ana = person("ana")
    with pytest.raises(ValidationError, match="frozen"):
        ana.kind = "service"  # type: ignore[misc]
    assert ana.but(via="link").via == "link"
    assert ana.via == "api"


def test_an_older_replica_reads_a_newer_ones_row() -> None:
    text = '{"kind": "person", "id": "x", "tenant": "t", "from_the_future": 1}'
    assert Principal.model_validate_json(text) == Principal(kind="person", id="x", tenant="t")


def test_what_is_stored_is_small_and_whole(office: Office) -> None:
    intent = office.approved()
    text = intent.dump()
    assert Intent.model_validate_json(text) == intent
    assert '"lease"' not in text, "what was never set is not stored"


def test_the_directory_remembers_what_was_worked_out_but_not_in_its_value() -> None:
    one = DIRECTORY.but()
    one.memo["x"] = 1
    assert "memo" not in one.model_dump_json()


def test_nobody_is_asked_after_the_end(office: Office) -> None:
    assert office.file().assigned == ("ana@acme.com",)
    assert office.decide("ana").assigned == ()
    assert office.intent.current.assigned == ("ana@acme.com",)
