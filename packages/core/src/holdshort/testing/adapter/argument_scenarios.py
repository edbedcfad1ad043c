"""Scenarios: arguments that are secret, huge, or cannot be shown; gates that fail."""

from __future__ import annotations

import json
import math

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Call, Turn


class ArgumentScenarios(Base):
    """Arguments, and the gates that look at them."""

    def test_secret_arguments(self, play: Play) -> None:
        play.set(gates={"pay": {"secrets": ["to"]}})
        [asked] = play.suspend().intents
        shown = [play.reviewer.get(asked), play.reviewer.tasks(limit=100)]
        shown += [play.reviewer.events(asked), play.client.get_intent(asked)]
        assert play.payee not in json.dumps(shown), "a secret is shown"
        assert play.reviewer.get(asked)["arguments"]["amount"] == 5
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        shown = [play.reviewer.get(asked), play.reviewer.events(asked)]
        assert play.payee not in json.dumps(shown), "a secret is shown"

    def test_secret_arguments_edited(self, play: Play) -> None:
        """The reviewer changes what he sees; the secret beside it is still the true one."""
        play.set(gates={"pay": {"secrets": ["to"]}})
        [asked] = play.suspend().intents
        shown = play.reviewer.get(asked)["arguments"]
        play.reviewer.approve(asked, arguments={**shown, "amount": 3})
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", {"to": play.payee, "amount": 3})]

    def test_gate_that_errs_asks(self, play: Play) -> None:
        play.set(gates={"pay": {"errs": True}})
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_huge_arguments(self, play: Play) -> None:
        self._clear_or_works(play, {"to": "x" * 2_000_000, "amount": 5})

    def test_arguments_that_are_no_json(self, play: Play) -> None:
        self._clear_or_works(play, {"to": play.payee, "amount": math.inf})

    def _clear_or_works(self, play: Play, arguments: dict[str, object]) -> None:
        """It is asked about and works, or it says why not and leaves nothing behind."""
        play.say(Turn(calls=[Call("c1", "pay", arguments)]))
        report = play.start()
        assert play.effects == []
        if report.status == "suspended":
            play.reviewer.approve(report.intents[0])
            assert play.finish(report.intents)["status"] == "done"
            assert len(play.effects) <= 1
            assert all(effect == ("pay", arguments) for effect in play.effects)
            return
        if report.status == "failed":
            assert report.error
        else:
            assert play.turns() > 1, "the model was not told"
        assert play.asked() == [], "it failed, and asks all the same"
        play.idle()
        assert play.effects == []
