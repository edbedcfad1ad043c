"""Remarks, questions to the agent, files, and people who are named."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import Conflict, Forbidden, NotAReviewer, NotPending
from holdshort.lifecycle import Attach, Cancel, Comment
from holdshort.lifecycle.talk import MOST_FILES
from holdshort.policy.mentions import mentions_in

from .office import AGENT, OTHER, OWNER, SERVICE, Office, person, refused

ANA, BO, CY = "ana@acme.com", "bo@acme.com", "cy@acme.com"


def attach(number: int, who: Any = None) -> Attach:
    return Attach(who or person("ana"), f"{number}.pdf", f"{number:064x}", 10)


def test_a_question_moves_nothing_but_itself(office: Office) -> None:
    before = office.file()
    intent = office.do(Comment(person("ana"), "why?", ask=True))
    assert (office.events, office.told) == (["asked_agent"], [("asked_agent", ())])
    assert intent.current.asking == (ANA,)
    assert (intent.wake_at, intent.status, intent.digest) == (
        before.wake_at, before.status, before.digest,
    )  # fmt: skip


def test_the_answer_goes_to_all_who_asked(office: Office) -> None:
    office.file(to=[ANA, BO])
    office.do(Comment(person("ana"), "why?", ask=True))
    office.do(Comment(person("bo"), "how?", ask=True))
    office.do(Comment(person("bo"), "and when?", ask=True))
    intent = office.do(Comment(AGENT, "so"))
    assert office.told == [("commented", ()), ("answered", (ANA, BO))]
    assert intent.current.asking == ()
    office.do(Comment(AGENT, "more"))
    assert office.told == [("commented", ())]


def test_a_persons_remark_answers_nothing(office: Office) -> None:
    office.file(to=[ANA, BO])
    office.do(Comment(person("ana"), "why?", ask=True))
    assert office.do(Comment(person("bo"), "I know")).current.asking == (ANA,)


@pytest.mark.parametrize("who", [AGENT, SERVICE])
def test_only_people_ask(office: Office, who: Any) -> None:
    office.file()
    with refused(Forbidden):
        office.do(Comment(who, "why?", ask=True))


def test_only_who_is_asked_asks_or_gives_a_file(office: Office) -> None:
    office.file()
    for command in (Comment(person("bo"), "why?", ask=True), attach(1, person("bo"))):
        with refused(NotAReviewer):
            office.do(command)
    with refused(Forbidden):
        office.do(attach(1, AGENT))


def test_the_agents_owner_gives_no_evidence(office: Office) -> None:
    office.file(to=[ANA, OWNER])
    with refused(Forbidden):
        office.do(attach(1, person(OWNER)))


def test_after_the_end_nothing_is_asked_or_given(office: Office) -> None:
    office.file()
    office.do(Cancel(AGENT))
    for command in (Comment(person("ana"), "why?", ask=True), attach(1)):
        with refused(NotPending):
            office.do(command)


def test_files_are_counted_once_and_not_without_end(office: Office) -> None:
    office.file()
    for _ in range(2):
        assert len(office.do(attach(0)).files) == 1
    assert office.events == [], "the same again is nothing new"
    for number in range(1, MOST_FILES):
        office.do(attach(number))
    with refused(Conflict):
        office.do(attach(MOST_FILES))


def test_another_agent_has_no_say(office: Office) -> None:
    office.file()
    with refused(Forbidden):
        office.do(Comment(OTHER, "answer"))


@pytest.mark.parametrize(
    ("text", "told", "not_told"),
    [
        ("@bo look", (BO,), ()),
        (f"@{BO}, please", (BO,), ()),
        ("(@bo).", (BO,), ()),
        ("@BO", (BO,), ()),
        ("@ana me", (), ()),
        (f"write to {BO} or x@bo", (), ()),
        ("@@bo @ bo", (), ()),
        ("@cy", (), ("cy",)),
        ("@nobody @bo", (BO,), ("nobody",)),
    ],
)
def test_who_is_named(
    office: Office, text: str, told: tuple[str, ...], not_told: tuple[str, ...]
) -> None:
    intent = office.file(to=[ANA, BO])
    found = mentions_in(text, intent, office.directory, by=ANA)
    assert found.told == told
    assert tuple(name for name, _ in found.not_told) == not_told


def test_a_member_of_the_team_that_is_asked_is_told(office: Office) -> None:
    intent = office.file(to=[ANA, "team:finance"])
    assert mentions_in("@cy", intent, office.directory, by=ANA).told == (CY,)


def test_who_has_left_is_not_told(office: Office) -> None:
    intent = office.file(to=[ANA, BO])
    gone = office.directory.but(inactive=frozenset({BO}), people={ANA: ()})
    assert mentions_in("@bo", intent, gone, by=ANA).told == ()


def test_the_same_remark_again_is_one(office: Office) -> None:
    """Its first answer was lost, or it was sent twice at once."""
    office.file(to=["ana@acme.com", "bo@acme.com"])
    once = office.do(Comment(person("ana"), "why so many?", ask=True))
    assert office.do(Comment(person("ana"), "why so many?", ask=True)) == once
    assert office.events == []
    office.do(Comment(person("ana"), "why so many?"))
    assert office.events == ["commented"], "to ask is something else than to say"
    office.do(Comment(person("bo"), "why so many?"))
    assert office.events == ["commented"]
    office.do(Comment(person("ana"), "why so many?"))
    assert office.events == ["commented"], "somebody has spoken in between"
    office.now += 61_000
    office.do(Comment(person("ana"), "why so many?"))
    assert office.events == ["commented"]
