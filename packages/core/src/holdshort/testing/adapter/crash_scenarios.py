"""Scenarios: processes die, where it hurts most."""

from __future__ import annotations

from holdshort.testing.adapter.base import Base
from holdshort.testing.adapter.live import until
from holdshort.testing.adapter.play import Play
from holdshort.testing.adapter.script import Call, Turn

KILLED = -9


class CrashScenarios(Base):
    """Processes end, and die."""

    def test_resumed_by_another_interpreter(self, play: Play) -> None:
        """The process that asked is gone, and so is all that it knew."""
        starter = play.fresh("start")
        report = starter.answer()
        assert starter.ended() == 0
        assert report["status"] == "suspended", report
        [asked] = report["intents"]
        play.reviewer.approve(asked)
        worker = play.fresh("worker")
        assert worker.answer() == {"finished": 1}
        assert worker.ended() == 0
        assert play.run([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told()

    def test_killed_as_soon_as_it_has_asked(self, play: Play) -> None:
        """People are told of nothing that could not be gone on with."""
        starter = play.fresh("start")
        asked = until(play.asked, "somebody is asked")[0]
        starter.kill()
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_started_again_after_a_crash(self, play: Play) -> None:
        """The start is killed before it has asked; started again under the same id, it asks once,
        and started yet again it finds what it has asked."""
        play.say(Turn(calls=[Call("c0", "look", {"what": play.payee})]), Turn(calls=[play.pay]))
        play.set(faults=["model:1:kill"])
        assert play.fresh("start").ended() == KILLED
        assert play.asked() == []

        def suspended() -> list[str]:
            report = play.start()  # refused while the dead process's lease lasts
            assert report.status in ("suspended", "failed"), report
            return report.intents

        [asked] = until(suspended, "it can be started again")
        play.start()
        assert play.asked() == [asked], "it was asked about twice"
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)]

    def test_killed_in_the_tool_it_did_not_happen(self, play: Play) -> None:
        asked, question = self._killed_in_the_tool(play)
        play.reviewer.reject(question, comment="the bank knows nothing of it")
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)] * 2
        assert play.completed == [("pay", play.payment)]
        assert f"paid 5 to {play.payee}" in play.told()

    def test_killed_in_the_tool_it_happened(self, play: Play) -> None:
        asked, question = self._killed_in_the_tool(play)
        play.reviewer.approve(question)
        play.finish([asked])
        play.idle()
        assert play.effects == [("pay", play.payment)], "it was repeated, though it had happened"

    def _killed_in_the_tool(self, play: Play) -> tuple[str, str]:
        play.set(faults=["tool:pay:kill"])
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.fresh("worker").ended() == KILLED
        assert play.effects == [("pay", play.payment)]
        question = play.unknown(asked)
        play.idle()
        assert play.effects == [("pay", play.payment)], "it was repeated, and nobody was asked"
        assert play.run([asked])["status"] == "suspended"
        return asked, question

    def test_killed_between_tool_and_model(self, play: Play) -> None:
        play.set(faults=["model:1:kill"])
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.fresh("worker").ended() == KILLED
        assert play.completed == [("pay", play.payment)]
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)], "the tool was repeated"
        assert f"paid 5 to {play.payee}" in play.told(), "the recorded result is lost"

    def test_model_fails_after_the_tool(self, play: Play) -> None:
        play.set(faults=["model:1:raise"])
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        assert play.finish([asked])["status"] == "done"
        assert play.effects == [("pay", play.payment)], "the tool was repeated"
        assert f"paid 5 to {play.payee}" in play.told(), "the recorded result is lost"

    def test_tool_raises(self, play: Play) -> None:
        """As the framework has it for any tool: the model is told, or the run fails. Not again."""
        play.set(faults=["tool:pay:raise"])
        [asked] = play.suspend().intents
        play.reviewer.approve(asked)
        ended = play.finish([asked])
        assert play.effects == [("pay", play.payment)], "what failed was repeated"
        assert "the bank is closed" in f"{ended['error']} {play.told()}"
