"""Scenarios: two calls in one answer of the model, decided apart."""

from __future__ import annotations

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Call, Turn


class ParallelScenarios(Base):
    """Two calls in one answer of the model."""

    def test_parallel_in_order(self, play: Play) -> None:
        self._both(play, first="pay", second="refund")

    def test_parallel_in_the_other_order(self, play: Play) -> None:
        self._both(play, first="refund", second="pay")

    def _both(self, play: Play, *, first: str, second: str) -> None:
        asked = _two(play)
        play.reviewer.approve(asked[first])
        play.idle()
        assert second not in [tool for tool, _ in play.effects], "it ran before its decision"
        assert play.status(asked[second]) == "WAITING"
        play.reviewer.approve(asked[second])
        assert play.finish(list(asked.values()))["status"] == "done"
        both = [("pay", play.payment), ("refund", play.refund.arguments)]
        assert sorted(play.effects, key=str) == both
        assert f"paid 5 to {play.payee}" in play.told()
        assert f"refunded 7 for {play.payee}" in play.told()

    def test_parallel_one_denied(self, play: Play) -> None:
        asked = _two(play)
        play.reviewer.reject(asked["pay"], comment="only the refund")
        play.reviewer.approve(asked["refund"])
        assert play.finish(list(asked.values()))["status"] == "done"
        assert play.effects == [("refund", play.refund.arguments)]
        assert "only the refund" in play.told()
        assert f"refunded 7 for {play.payee}" in play.told()

    def test_parallel_one_times_out(self, play: Play) -> None:
        play.set(gates={"pay": {"deadline": 0.3}, "refund": {}})
        asked = _two(play)
        until(lambda: play.status(asked["pay"]) == "TIMED_OUT", "the intent times out")
        play.idle()
        assert play.effects == []
        play.reviewer.approve(asked["refund"])
        assert play.finish(list(asked.values()))["status"] == "done"
        assert play.effects == [("refund", play.refund.arguments)]

    def test_parallel_same_call_twice(self, play: Play) -> None:
        """Two equal calls are two: each is asked about, each decision counts once."""
        again = Call("c2", "pay", play.payment)
        play.say(Turn(calls=[play.pay, again]))
        first, second = play.suspend(2).intents
        play.reviewer.approve(first)
        play.reviewer.reject(second)
        assert play.finish([first])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_parallel_beside_a_free_one(self, play: Play) -> None:
        look = Call("c3", "look", {"what": play.payee})
        play.say(Turn(calls=[look, play.pay]))
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        assert ("look", {"what": play.payee}) in play.looks
        assert f"saw {play.payee}" in play.told()


def _two(play: Play) -> dict[str, str]:
    """Start with both calls; return their intents by tool."""
    play.say(Turn(calls=[play.pay, play.refund]))
    asked = {play.reviewer.get(one)["tool"]: one for one in play.suspend(2).intents}
    assert set(asked) == {"pay", "refund"}
    return asked
