from __future__ import annotations

import pytest

from holdshort.errors import Forbidden, NotAReviewer
from holdshort.lifecycle import Decide
from holdshort.policy.eligible import may_delegate, require_reviewer
from holdshort.requests import DecisionRequest

from .office import AGENT, OTHER, OWNER, SERVICE, SYSTEM, Office, person, refused


@pytest.mark.parametrize("who", [AGENT, OTHER, SERVICE, SYSTEM], ids=lambda who: who.actor)
def test_only_people_decide(office: Office, who: object) -> None:
    """Not even where somebody made an agent whose name is a reviewer's address."""
    office.file()
    named_like_ana = who.but(id="ana@acme.com")  # type: ignore[attr-defined]
    for principal in (who, named_like_ana):
        with refused(Forbidden, "only people decide"):
            office.do(Decide(principal, DecisionRequest(outcome="approved")))  # type: ignore[arg-type]
    assert office.intent.current.votes == ()


@pytest.mark.parametrize(
    ("to", "may"),
    [
        ("ana@acme.com", {"ana"}),
        ("team:finance", {"bo", "cy"}),
        ("role:cfo", {"cy"}),
        (["ana@acme.com", "role:cfo"], {"ana", "cy"}),
        (["new@acme.com"], {"new"}),
    ],
)
def test_who_is_asked_may_decide_and_nobody_else(
    office: Office, to: str | list[str], may: set[str]
) -> None:
    intent = office.file(to=to)
    for name in ("ana", "bo", "cy", "new", "stranger"):
        if name in may:
            decider = require_reviewer(person(name), intent, office.directory)
            assert decider == f"{name}@acme.com"
        else:
            with refused(NotAReviewer, "is not asked here; asked are: "):
                require_reviewer(person(name), intent, office.directory)


def test_who_left_the_team_or_was_deactivated_may_not_decide_any_more(office: Office) -> None:
    office.file(to="team:finance")
    office.directory = office.directory.but(teams={"finance": ("cy@acme.com",)})
    with refused(NotAReviewer):
        office.decide("bo")
    office.directory = office.directory.but(inactive=frozenset({"cy@acme.com"}))
    with refused(NotAReviewer):
        office.decide("cy")


def test_the_agents_owner_does_not_decide_unless_a_policy_says_so(office: Office) -> None:
    office.file(to=[OWNER, "ana@acme.com"])
    with refused(Forbidden, "owns the agent"):
        office.decide(OWNER)
    with refused(Forbidden, "owns the agent"):
        office.decide(OWNER, "rejected")
    with refused(Forbidden, "owns the agent"):
        office.claim(OWNER)
    office.policies({"separation_of_duties": False})
    office.file(to=[OWNER])
    assert office.decide(OWNER).status == "COMPLETED"


def test_who_was_only_delegated_to_may_not_delegate(office: Office) -> None:
    intent = office.file(to=["ana@acme.com", "team:finance"])
    office.delegate("ana", "new@acme.com")
    step = office.intent.current
    assert may_delegate("ana@acme.com", step, office.directory)
    assert may_delegate("bo@acme.com", step, office.directory)
    assert not may_delegate("new@acme.com", step, office.directory)
    assert not may_delegate("new@acme.com", intent.current, office.directory)
