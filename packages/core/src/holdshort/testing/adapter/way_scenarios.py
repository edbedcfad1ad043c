"""Scenarios: the same approval, in each way that a framework is called."""

from __future__ import annotations

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.bench import Report
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play


class WayScenarios(Base):
    """The same approval, in each way that a framework is called."""

    def test_way_sync(self, play: Play) -> None:
        self._approved(play, "sync")

    def test_way_async(self, play: Play) -> None:
        self._approved(play, "async")

    def test_way_stream(self, play: Play) -> None:
        self._approved(play, "stream")

    def _approved(self, play: Play, mode: str) -> None:
        play.set(mode=mode)
        report = play.suspend()
        assert mode != "stream" or report.events > 0, (
            "nothing was streamed: say so in Report.events"
        )
        [asked] = report.intents
        play.reviewer.approve(asked, arguments={"to": play.payee, "amount": 4})
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", {"to": play.payee, "amount": 4})]
        assert f"paid 4 to {play.payee}" in play.told()

    def test_way_wait(self, play: Play) -> None:
        """The process waits, and goes on by itself."""
        asked = self._waiting(play)
        play.reviewer.approve(asked)
        report = Report(**play.lab.starter.answer())
        assert report.status == "done", report
        assert "finished" in report.output
        assert play.effects == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told()
        assert play.run([asked])["status"] == "done"

    def test_way_wait_denied(self, play: Play) -> None:
        asked = self._waiting(play)
        play.reviewer.reject(asked, comment="not this month")
        report = Report(**play.lab.starter.answer())
        assert report.status == "done", report
        assert play.effects == []
        assert "not this month" in play.told()

    def test_way_wait_beside_a_worker(self, play: Play) -> None:
        """Whichever of the two goes on, it is one."""
        asked = self._waiting(play)
        play.reviewer.approve(asked)
        play.work()
        report = Report(**play.lab.starter.answer())
        assert report.status in ("done", "suspended"), report
        play.finish([asked])
        assert play.effects == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told()

    def test_way_wait_in_vain(self, play: Play) -> None:
        """Nobody decides in the time that the process has: the run is left to a worker."""
        play.set(mode="wait", wait_seconds=0.2)
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def _waiting(self, play: Play) -> str:
        """Start a run that waits in its process; return what it waits for."""
        play.set(mode="wait")
        play.lab.starter.begin("start", play.scene())
        asked = until(play.asked, "somebody is asked")[0]
        play.idle()
        assert play.effects == []
        return asked
