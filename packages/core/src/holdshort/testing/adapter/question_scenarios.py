"""Scenarios: the model asks a person, by its tool `ask_human`."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.errors import InvalidRequest
from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Call, Turn

COLOURS = ["red", "blue"]


class QuestionScenarios(Base):
    """The model asks a person."""

    def test_question(self, play: Play) -> None:
        asked = _ask(play, question="Which colour do you like?")
        shown = play.reviewer.get(asked)
        assert "Which colour do you like?" in f"{shown['title']} {shown['human_task']}"
        play.reviewer.submit(asked, _yes(shown), comment="a warm green")
        assert play.finish([asked])["status"] == "done"
        assert "a warm green" in play.told()

    def test_question_with_options(self, play: Play) -> None:
        asked = _ask(play, question="Which of them?", options=COLOURS)
        shown = play.reviewer.get(asked)
        play.reviewer.submit(asked, _yes(shown), data={_choice(shown): "blue"})
        assert play.finish([asked])["status"] == "done"
        assert "blue" in play.told()

    def test_wrong_answer(self, play: Play) -> None:
        """What does not fit is refused before the framework sees it; the question stays open."""
        asked = _ask(play, question="Which of them?", options=COLOURS)
        shown = play.reviewer.get(asked)
        turns = play.turns()
        for data in ({_choice(shown): "mauve"}, {"something": "else"}, {_choice(shown): 7}):
            with pytest.raises(InvalidRequest):
                play.reviewer.submit(asked, _yes(shown), data=data)
        play.idle()
        assert play.status(asked) == "WAITING"
        assert play.turns() == turns
        play.reviewer.submit(asked, _yes(shown), data={_choice(shown): "red"})
        assert play.finish([asked])["status"] == "done"
        assert "red" in play.told()
        assert "mauve" not in play.told()

    def test_question_not_answered(self, play: Play) -> None:
        """A person declines: the model is told that, and nothing that could pass for an answer."""
        asked = _ask(play, question="Which of them?", options=COLOURS)
        play.reviewer.reject(asked, comment="I cannot say")
        assert play.finish([asked])["status"] == "done"
        assert "I cannot say" in play.told()

    def test_question_beside_a_call(self, play: Play) -> None:
        """An answer meets the question, a decision meets the call, whatever their order."""
        question = Call("q1", "ask_human", {"question": "Which colour?"})
        play.set(ask_human=True)
        play.say(Turn(calls=[play.pay, question]))
        asked = play.suspend(2).intents
        until(lambda: len(play.asked()) == 2, "both are asked")
        shown = {one: play.reviewer.get(one) for one in asked}
        [to_answer] = [one for one in asked if shown[one]["tool"] != "pay"]
        [to_approve] = [one for one in asked if shown[one]["tool"] == "pay"]
        play.reviewer.submit(to_answer, _yes(shown[to_answer]), comment="approved")
        play.idle()
        assert play.effects == [], "an answer was taken for an approval"
        play.reviewer.reject(to_approve, comment="not today")
        assert play.finish(asked)["status"] == "done"
        assert play.effects == []
        assert "not today" in play.told()


def _ask(play: Play, **arguments: Any) -> str:
    play.set(ask_human=True)
    play.say(Turn(calls=[Call("q1", "ask_human", arguments)]))
    [asked] = play.suspend().intents
    return asked


def _yes(shown: dict[str, Any]) -> str:
    outcome: str = shown["human_task"]["positive_outcomes"][0]
    return outcome


def _choice(shown: dict[str, Any]) -> str:
    """The field of the form that holds the choice."""
    fields = shown["human_task"]["form_schema"]["properties"]
    [name] = [name for name, schema in fields.items() if schema.get("enum") == COLOURS]
    found: str = name
    return found
