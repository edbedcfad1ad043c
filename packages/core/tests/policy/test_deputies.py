"""Who is away is stood in for: who may answer, for whom, and how the record shows it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from holdshort.errors import AlreadyDecided, Forbidden, NotAReviewer
from holdshort.models import Directory
from holdshort.people import Absence

from ..unit.office import OWNER, START, TENANT, Office, refused

ANA, BO, CY = "ana@acme.com", "bo@acme.com", "cy@acme.com"
DAY = 86_400_000


def away(person: str, deputy: str | None = None, days: int = 5, **more: object) -> Absence:
    made = {"id": person, "person": person, "since": START, "until": START + days * DAY}
    return Absence.model_validate(made | {"deputy": deputy} | more)


def absent(office: Office, *absences: Absence, **changes: object) -> None:
    office.directory = office.directory.but(absences=absences, moment=0, **changes)


def details(office: Office, event: str) -> dict[str, object]:
    found = [e for e in office.logs[office.intent.id] if e.event_type == f"intent.{event}"]
    line: dict[str, dict[str, object]] = json.loads(found[-1].line)
    return line["details"]


def test_the_deputy_decides_and_both_names_are_in_the_record(office: Office) -> None:
    office.file()
    absent(office, away(ANA, BO))
    intent = office.decide("bo")
    assert intent.decision is not None
    assert intent.decision.decided_by == f"person:{BO}"
    assert intent.decision.on_behalf_of == ANA
    assert intent.current.votes[0].on_behalf_of == ANA
    assert details(office, "decided")["on_behalf_of"] == ANA


def test_before_and_after_nobody_stands_in(office: Office) -> None:
    office.file(deadline="20d")
    absent(office, away(ANA, BO, since=START + DAY))
    with refused(NotAReviewer):
        office.decide("bo")
    office.now = START + DAY
    office.claim("bo")
    office.now = START + 5 * DAY
    with refused(NotAReviewer):
        office.decide("bo")
    # His claim keeps nobody from it, now that he is not asked any more.
    assert office.decide("ana").status == "COMPLETED"


def test_who_is_asked_in_their_own_right_answers_for_themselves(office: Office) -> None:
    office.file(to=[ANA, BO])
    absent(office, away(ANA, BO))
    assert office.decide("bo").current.votes[0].on_behalf_of is None


def test_the_absent_may_still_answer(office: Office) -> None:
    office.file()
    absent(office, away(ANA, BO))
    assert office.decide("ana").current.votes[0].on_behalf_of is None


def test_a_claim_of_somebody_who_is_away_keeps_nobody_from_it(office: Office) -> None:
    office.file()
    office.claim("ana")
    absent(office, away(ANA, BO))
    assert office.decide("bo").status == "COMPLETED"


class TestAttack21OneSeatCountsOnce:
    """field.md 3.3, case 21: delegations do not fill a quorum."""

    def test_a_deputy_of_two_is_one_person(self, office: Office) -> None:
        office.file(to=[ANA, CY], quorum=2)
        absent(office, away(ANA, BO), away(CY, BO))
        office.decide("bo")
        office.decide("bo", comment="and for Cy")
        assert len(office.intent.current.votes) == 1, "taken for the first one, sent again"
        with refused(AlreadyDecided, "one person counts once"):
            office.decide("bo", "rejected")
        assert office.intent.status == "WAITING"

    def test_the_absent_does_not_answer_as_well(self, office: Office) -> None:
        office.file(to=[ANA, CY], quorum=2)
        absent(office, away(ANA, BO))
        office.decide("bo")
        with refused(AlreadyDecided, "answered 'approved' for you"):
            office.decide("ana")
        assert office.decide("cy").status == "COMPLETED"

    def test_nor_their_deputy_where_they_did(self, office: Office) -> None:
        office.file(to=[ANA, CY], quorum=2)
        office.decide("ana")
        absent(office, away(ANA, BO))
        with refused(NotAReviewer):
            office.decide("bo")

    def test_a_deputy_who_voted_themselves_does_not_stand_in(self, office: Office) -> None:
        office.file(to=[ANA, BO], quorum=2)
        office.decide("bo")
        absent(office, away(ANA, BO))
        with refused(AlreadyDecided, "one person counts once"):
            office.decide("bo", "rejected")
        office.decide("bo", comment="for Ana")
        assert office.intent.status == "WAITING"

    def test_a_quorum_is_not_refused_because_somebody_is_away(self, office: Office) -> None:
        absent(office, away(ANA, CY))
        assert office.file(to=[ANA, CY], quorum=2).status == "WAITING"


class TestAttack20And22:
    """field.md 3.3, cases 20 and 22: circles, long chains, and the agent's own owner."""

    def test_the_owner_does_not_stand_in(self, office: Office) -> None:
        office.file()
        absent(office, away(ANA, OWNER))
        with refused(Forbidden, "owns the agent"):
            office.decide(OWNER)

    def test_nor_does_anybody_for_the_owner(self, office: Office) -> None:
        office.file(to=[OWNER, CY])
        absent(office, away(OWNER, BO))
        with refused(NotAReviewer):
            office.decide("bo")

    def test_a_circle_leads_to_nobody(self, office: Office) -> None:
        office.file()
        absent(office, away(ANA, BO), away(BO, ANA))
        with refused(NotAReviewer):
            office.decide("bo")
        assert office.decide("ana").status == "COMPLETED"

    @pytest.mark.parametrize(("hops", "found"), [(1, True), (9, True), (10, True), (11, False)])
    def test_a_chain_is_followed_and_bounded(self, hops: int, found: bool) -> None:
        people = [f"p{n}@acme.com" for n in range(hops + 1)]
        chain = tuple(away(a, b) for a, b in pairwise(people))
        directory = Directory(tenant=TENANT, absences=chain).at(START)
        last = people[-1]
        assert directory.people_at([people[0]]) == [last if found else people[0]]
        assert (people[0] in directory.addresses_of(last)) is found
        assert people[0] not in directory.addresses_of(people[1]) or hops == 1

    def test_deputies_can_be_switched_off(self, office: Office) -> None:
        """OWASP APTS HO-004: whoever approves may not hand that on."""
        office.file()
        absent(office, away(ANA, BO), allow_deputies=False)
        with refused(NotAReviewer):
            office.decide("bo")

    def test_who_has_left_stands_in_for_nobody(self, office: Office) -> None:
        absent(office, away(ANA, BO), inactive=frozenset({BO}))
        found = office.directory.at(START)
        assert found.people_at([ANA]) == [ANA]
        assert found.addresses_of(BO) == set()


def test_a_deputy_is_asked_by_team_and_role_too(office: Office) -> None:
    absent(office, away(CY, ANA))
    found = office.directory.at(START)
    assert found.people_at(["team:finance"]) == [BO, ANA]
    assert found.people_at(["role:cfo"]) == [ANA]
    assert {"team:finance", "role:cfo", CY} <= found.addresses_of(ANA)
    assert found.own_addresses_of(ANA) == {ANA}


def test_who_is_away_without_a_deputy_is_left_out_while_others_are_there(office: Office) -> None:
    absent(office, away(CY))
    found = office.directory.at(START)
    assert found.people_at(["team:finance"]) == [BO]
    assert found.people_at(["role:cfo"]) == [CY], "rather than nobody"
