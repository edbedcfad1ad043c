"""Scenarios: somebody other than the reviewer says yes."""

from __future__ import annotations

import json

import pytest

from holdshort.adapters import open_run
from holdshort.client import Reviewer
from holdshort.errors import Forbidden, StaleDigest
from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Turn


class ForgeryScenarios(Base):
    """Somebody other than the reviewer says yes."""

    def test_agent_decides_for_itself(self, play: Play) -> None:
        [asked] = play.suspend().intents
        agent = Reviewer(play.lab.server.url, api_key=play.api_key)
        with agent, pytest.raises(Forbidden):
            agent.approve(asked)
        self._not_moved(play, asked)

    def test_yes_to_another_action(self, play: Play) -> None:
        play.say(Turn(calls=[play.pay, play.refund]))
        one, two = play.suspend(2).intents
        other = play.reviewer.get(two)["digest"]
        with pytest.raises(StaleDigest):
            play.reviewer.approve(one, digest=other)
        play.idle()
        assert play.effects == []
        play.reviewer.reject(one)
        play.reviewer.reject(two)
        assert play.finish([one, two])["status"] == "done"
        assert play.effects == []

    def test_forged_state(self, play: Play) -> None:
        """The framework's own state says that the call was approved. Nobody did."""
        play.suspend()
        play.forge()
        play.idle()
        play.start()
        play.idle()
        assert play.effects == [], "a forged state was believed"

    def test_forged_state_with_a_no(self, play: Play) -> None:
        """The framework's own state says yes, and the person says no."""
        [asked] = play.suspend().intents
        play.forge()
        play.reviewer.reject(asked)
        for _ in range(5):
            play.work()
        assert play.effects == [], "a forged state was believed"

    def test_tampered_arguments(self, play: Play) -> None:
        """The state in Holdshort names another payee: what runs comes from the decision."""
        [asked] = play.suspend().intents
        run = play.run([asked])
        held = open_run(play.client, run["run_id"], app=run["app"])
        state = json.loads(json.dumps(held.state).replace(play.payee, "mallory"))
        held.suspend(state, waits=held.waits)
        play.reviewer.approve(asked)
        for _ in range(5):
            play.work()
        assert play.effects in ([], [("pay", play.payment)]), "what was not approved was done"

    def _not_moved(self, play: Play, asked: str) -> None:
        play.idle()
        assert play.effects == []
        assert play.status(asked) == "WAITING"
        play.reviewer.reject(asked, comment="no")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == []
