"""Scenarios: other tools are deployed while people think."""

from __future__ import annotations

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.play import Play


class ChangeScenarios(Base):
    """Other tools are deployed while people think. What was approved does not exist any more, so
    nothing runs; the model is told, or the run fails and says why."""

    def test_tool_removed(self, play: Play) -> None:
        self._deployed(play, "removed")

    def test_tool_renamed(self, play: Play) -> None:
        self._deployed(play, "renamed")

    def test_tool_with_other_parameters(self, play: Play) -> None:
        self._deployed(play, "changed")

    def _deployed(self, play: Play, variant: str) -> None:
        [asked] = play.suspend().intents
        turns = play.turns()
        play.reviewer.approve(asked)
        play.set(variant=variant)
        ended = play.finish([asked])
        play.idle()
        assert play.effects == []
        if ended["status"] == "failed":
            assert ended["error"], "it failed without saying why"
        else:
            assert play.turns() > turns, "the model was not told"
            assert f"paid 5 to {play.payee}" not in play.told()
