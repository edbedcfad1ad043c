"""Scenarios: a person, or a timer, decides; the tool runs or not, and the model learns why."""

from __future__ import annotations

import re

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Call, Turn


class DecisionScenarios(Base):
    """A person, or a timer, decides."""

    def test_approved(self, play: Play) -> None:
        [asked] = play.suspend().intents
        shown = play.reviewer.get(asked)
        assert shown["status"] == "WAITING"
        assert shown["tool"] == "pay"
        assert shown["arguments"] == play.payment, "the reviewer is not shown what will run"
        assert play.run([asked])["status"] == "suspended"
        play.reviewer.approve(asked)
        run = play.finish([asked])
        assert run["status"] == "done", run
        assert play.effects == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told()
        assert play.client.get_intent(asked)["grant"]["state"] == "done"

    def test_denied(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.reviewer.reject(asked, comment="over the budget for March")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == []
        assert "over the budget for March" in play.told(), "the reason did not reach the model"

    def test_edited(self, play: Play) -> None:
        [asked] = play.suspend().intents
        edited = {"to": play.payee, "amount": 3}
        play.reviewer.approve(asked, arguments=edited, comment="three is plenty")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", edited)]
        told = play.told()
        assert f"paid 3 to {play.payee}" in told
        assert "three is plenty" in told, "the model was not told that the arguments were edited"

    def test_edited_so_that_the_tool_does_not_take_it(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.reviewer.approve(asked, arguments={"to": play.payee, "pounds": 3})
        ended = play.finish([asked])
        assert play.effects == []
        assert ended["status"] == "done" or ended["error"], "it failed without saying why"
        assert f"paid 5 to {play.payee}" not in play.told()

    def test_timed_out(self, play: Play) -> None:
        play.set(gates={"pay": {"deadline": 0.3}})
        [asked] = play.suspend().intents
        until(lambda: play.status(asked) == "TIMED_OUT", "the intent times out")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == []
        assert re.search(r"in time|timed out|timeout", play.told(), re.I), play.told()

    def test_timed_out_to_yes(self, play: Play) -> None:
        """The tenant's policy lets a timeout approve: it runs, and the person who did not answer is
        not said to have."""
        asks = "intent.contract.standing.v1"
        policy = {"deadline": 0.3, "fallback": "approve"}
        play.lab.server.admin("PUT", f"/v1/policies/{asks}", policy)
        play.set(gates={"pay": {"intent_type": asks}})
        [asked] = play.suspend().intents
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        assert play.client.get_intent(asked)["result"]["timed_out"] is True

    def test_canceled(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.client.cancel(asked, "not needed any more")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == []
        assert re.search(r"withdrawn|cancel", play.told(), re.I), play.told()

    def test_without_a_gate_nobody_is_asked(self, play: Play) -> None:
        play.say(Turn(calls=[Call("c1", "look", {"what": play.payee})]))
        report = play.start()
        assert report.status == "done", report
        assert "finished" in report.output
        assert play.looks == [("look", {"what": play.payee})]
        assert f"saw {play.payee}" in play.told()
        assert play.client.list_intents() == []

    def test_each_call_needs_its_own_approval(self, play: Play) -> None:
        """A yes to one call is not a yes to the next, be it for the very same thing."""
        self._again(play, Call("c2", "pay", play.payment))

    def test_call_id_used_again(self, play: Play) -> None:
        """Nor where the model uses the id of the first call again, as models do."""
        self._again(play, play.pay)

    def _again(self, play: Play, again: Call) -> None:
        play.say(Turn(calls=[play.pay]), Turn(calls=[again]))
        [first] = play.suspend().intents
        play.reviewer.approve(first)

        def next_one() -> str | None:
            play.work()
            assert play.effects in ([], [("pay", play.payment)]), "one approval, two executions"
            run = play.run([first])
            assert run["status"] not in ("done", "failed"), f"it ended, and nobody was asked: {run}"
            return next((one for one in play.asked() if one != first), None)

        second = until(next_one, "the second call is asked about")
        assert play.effects == [("pay", play.payment)]
        play.reviewer.reject(second, comment="once was enough")
        assert play.finish([second])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        assert "once was enough" in play.told()

    def test_nested_agent(self, play: Play) -> None:
        play.nest()
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told(nested=True)
        assert play.told(), "the main agent did not go on"

    def test_nested_agent_denied(self, play: Play) -> None:
        play.nest()
        [asked] = play.suspend().intents
        play.reviewer.reject(asked, comment="not this supplier")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == []
        assert "not this supplier" in play.told(nested=True)
