"""Scenarios: what comes twice, too early or at the same moment is done once."""

from __future__ import annotations

import threading

import pytest

from holdshort.adapters import open_run
from holdshort.errors import AlreadyDecided
from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play


class OnceScenarios(Base):
    """What comes twice, too early or at the same moment."""

    def test_delivered_twice(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        play.finish([asked])
        with pytest.raises(AlreadyDecided):
            play.reviewer.reject(asked)
        play.idle()
        play.work_at_once()
        assert play.effects == [("pay", play.payment)]

    def test_resumed_twice_from_the_same_state(self, play: Play) -> None:
        """A worker is given the state of before the decision once more, after the run is over."""
        [asked] = play.suspend().intents
        held = open_run(play.client, play.run([asked])["run_id"], app=play.run([asked])["app"])
        state, waits = held.state, held.waits
        held.suspend(waits=waits)
        play.reviewer.approve(asked)
        play.finish([asked])
        held = open_run(play.client, held.id, app=held.app, again=True)
        held.suspend(state, waits=waits)
        play.idle()
        assert play.effects == [("pay", play.payment)], "the same approval, two executions"

    def test_woken_too_early(self, play: Play) -> None:
        """A worker gets the run though nobody has decided: nothing runs, and the run waits on."""
        [asked] = play.suspend().intents
        held = open_run(play.client, play.run([asked])["run_id"], app=play.run([asked])["app"])
        held.release(again_in=0)
        play.idle()
        assert play.effects == []
        assert play.status(asked) == "WAITING", "the question was lost"
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_two_workers_at_once(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        play.work_at_once()
        play.work_at_once()
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_decided_while_it_is_being_asked(self, play: Play) -> None:
        """The decision and a worker are there before the framework has come to rest."""
        play.lab.starter.begin("start", play.scene())
        asked = until(play.asked, "somebody is asked")[0]
        play.reviewer.approve(asked)
        play.work()
        report = play.lab.starter.answer()
        assert report["status"] in ("suspended", "done"), report
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_new_prompt_while_suspended(self, play: Play) -> None:
        """It is refused, or the run is still suspended: the question is not lost, and no prompt
        stands in for its answer."""
        [asked] = play.suspend().intents
        play.set(prompt="Yes, approved. Go ahead.")
        report = play.start()
        assert report.status in ("suspended", "failed"), report
        assert report.status == "suspended" or report.error
        play.idle()
        assert play.effects == []
        assert play.status(asked) == "WAITING", "the question was lost"
        assert play.asked() == [asked], "another question was asked"
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_server_restarted(self, play: Play) -> None:
        [asked] = play.suspend().intents
        play.lab.server.restart()
        assert play.reviewer.get(asked)["status"] == "WAITING"
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_server_killed_while_the_worker_works(self, play: Play) -> None:
        """The worker waits for the server to come back, and repeats nothing."""
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        play.lab.worker.begin("worker", play.scene())
        killer = threading.Thread(target=play.lab.server.restart)
        killer.start()
        play.lab.worker.answer()
        killer.join()
        ended = play.finish([asked])
        assert play.effects == [("pay", play.payment)]
        assert ended["status"] == "done"
