"""`Play`: one scenario being played: its scene, its processes, the person who decides."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from holdshort.adapters import open_run
from holdshort.client import Client, Reviewer
from holdshort.errors import HoldshortError
from holdshort.testing.adapter.bench import Report
from holdshort.testing.adapter.journal import Journal
from holdshort.testing.adapter.live import LiveServer, until
from holdshort.testing.adapter.processes import BenchProcess, WarmBench
from holdshort.testing.adapter.scene import TASK, Script
from holdshort.testing.adapter.script import Call, Turn, wire_of

Effect = tuple[str, dict[str, Any]]


class Lab:
    """What all scenarios of a class share: a server, a person, two warm processes.

    One of them starts runs, the other works on them, so that what is resumed has always crossed
    into another process.
    """

    def __init__(self, bench: Path, folder: Path) -> None:
        self.bench = bench
        self.starter = WarmBench(bench, folder / "starter.log")
        self.worker = WarmBench(bench, folder / "worker.log")
        self._folder = folder
        self.server = LiveServer(folder).start()
        self.reviewer: Reviewer = self.server.reviewer()

    def mend(self) -> None:
        """Put new processes in the place of those that a failed scenario left dead or hanging."""
        if not self.server.alive:
            self.server.start()
        if not self.starter.idle:
            self.starter.kill()
            self.starter = WarmBench(self.bench, self._folder / "starter.log")
        if not self.worker.idle:
            self.worker.kill()
            self.worker = WarmBench(self.bench, self._folder / "worker.log")

    def close(self) -> None:
        """End everything that was started."""
        self.reviewer.close()
        self.starter.kill()
        self.worker.kill()
        self.server.kill()


class Play:
    """One scenario: a folder, a run, and an agent of its own, whose runs no other worker takes.

    `payee` is a name that appears nowhere else; the main script pays him 5 and says "finished".
    """

    def __init__(self, lab: Lab, folder: Path, run_id: str) -> None:
        self.lab = lab
        self.folder = folder
        self.run_id = run_id
        self.payee = f"payee-{run_id[-8:]}"
        self.payment = {"to": self.payee, "amount": 5}
        self.pay = Call("c1", "pay", self.payment)
        self.refund = Call("c2", "refund", {"order": self.payee, "amount": 7})
        self.agent = f"agent://contract/tests/{run_id}"
        self.api_key = lab.server.new_agent(self.agent)
        self.client = Client(lab.server.url, api_key=self.api_key)
        self.reviewer = lab.reviewer
        self.script = Script(
            folder=str(folder), url=lab.server.url, api_key=self.api_key, run_id=run_id
        )
        self.say(Turn(calls=[self.pay]))
        self._scenes = 0
        self._fresh: list[BenchProcess] = []

    def say(self, *turns: Turn) -> None:
        """Let the model say this, and then "finished"."""
        self.script = self.script.but(turns=wire_of([*turns, Turn(say="finished")]))

    def set(self, **changes: Any) -> None:
        """Change the scene, from the next step on."""
        self.script = self.script.but(**changes)

    def nest(self) -> None:
        """Let a nested agent make the calls, which the main one delegates to."""
        inner = self.script.turns
        self.say(Turn(calls=[Call("d1", "delegate", {"task": TASK})]))
        self.set(variant="nested", nested=inner)

    # What processes do

    def scene(self) -> Path:
        """Write the scene as it is now into a file of its own."""
        self._scenes += 1
        return self.script.write(self.folder / f"scene {self._scenes}.json")

    def start(self) -> Report:
        """Start the run, in the warm process for it."""
        return Report(**self.lab.starter.ask("start", self.scene()))

    def suspend(self, count: int = 1) -> Report:
        """Start the run, and see that it is suspended on so many intents and has done nothing."""
        report = self.start()
        assert report.status == "suspended", report
        assert len(report.intents) == count, report
        assert self.effects == [], "a gated tool ran before anybody decided"
        return report

    def work(self) -> int:
        """Let the worker do what is ready; return how many runs it brought forward."""
        return self._worked(self.lab.worker.ask("worker", self.scene()))

    def work_at_once(self) -> None:
        """Let two workers loose at the same moment, in two processes."""
        scene = self.scene()
        both = (self.lab.starter, self.lab.worker)
        for warm in both:
            warm.begin("worker", scene)
        for warm in both:
            self._worked(warm.answer())

    def forge(self) -> None:
        """Let the bench tamper with the stored state, and see that it did."""
        before = self._stored()
        answer = self.lab.starter.ask("forge", self.scene())
        assert "error" not in answer, f"decline this, or write Bench.forge: {answer['error']}"
        assert self._stored() != before, "Bench.forge changed nothing"

    def _stored(self) -> tuple[Any, ...]:
        """What is stored of the run: its state in Holdshort, and the framework's files."""
        run = self.run(self.asked())
        held = open_run(self.client, run["run_id"], app=run["app"])
        held.suspend(waits=held.waits)
        files = (path for path in sorted(self.folder.rglob("*")) if path.is_file())
        return held.state, {
            path: path.read_bytes() for path in files if not path.name.startswith("scene ")
        }

    def fresh(self, verb: str) -> BenchProcess:
        """Take this step in a fresh interpreter."""
        log = self.folder / f"{verb} {self._scenes + 1}.log"
        self._fresh.append(BenchProcess(self.lab.bench, [verb, str(self.scene())], log))
        return self._fresh[-1]

    def finish(self, intents: list[str]) -> dict[str, Any]:
        """Let the worker go on until the run that waited for these intents has ended; return the
        run."""

        def ended() -> dict[str, Any] | None:
            run = self.run(intents)
            if run["status"] in ("done", "failed"):
                return run
            self.work()
            return None

        try:
            return until(ended, f"the run of {intents} ends")
        except AssertionError as error:
            error.add_note(f"the worker's log ends:\n{self.lab.worker.log.read_text()[-4000:]}")
            raise

    def idle(self) -> None:
        """Give the worker three chances to do something; it must not bring a run to its end."""
        for _ in range(3):
            self.work()

    def _worked(self, answer: dict[str, Any]) -> int:
        assert "error" not in answer, f"the worker itself failed: {answer['error']}"
        count: int = answer["finished"]
        return count

    # What is there to see

    @property
    def effects(self) -> list[Effect]:
        """The calls of gated tools that were begun, in order."""
        return [effect for effect in self._effects("begin") if effect[0] != "look"]

    @property
    def completed(self) -> list[Effect]:
        """The calls of gated tools that came to their end."""
        return [effect for effect in self._effects("end") if effect[0] != "look"]

    @property
    def looks(self) -> list[Effect]:
        """The calls of the tool that has no gate."""
        return [effect for effect in self._effects("begin") if effect[0] == "look"]

    def _effects(self, at: str) -> list[Effect]:
        lines = Journal(self.folder / "effects.jsonl").lines()
        return [(line["tool"], line["arguments"]) for line in lines if line["at"] == at]

    def told(self, *, nested: bool = False) -> str:
        """All that the model was given to read the last time it was asked."""
        lines = Journal(self.folder / "seen.jsonl").lines()
        seen = [line["seen"] for line in lines if line["nested"] == nested]
        return "\n".join(seen[-1]) if seen else ""

    def turns(self) -> int:
        """How often the model was asked."""
        return len(Journal(self.folder / "seen.jsonl").lines())

    def run(self, intents: list[str]) -> dict[str, Any]:
        """The run as Holdshort has it."""
        run_id = self.client.get_intent(intents[0])["run_id"]
        assert run_id is not None, "the intent belongs to no run"
        assert self.run_id in run_id
        run = self.client.get_run(run_id)
        assert run is not None
        return run

    def status(self, intent_id: str) -> str:
        """An intent's status."""
        status: str = self.client.get_intent(intent_id)["status"]
        return status

    def asked(self) -> list[str]:
        """The intents of this scenario that are open, oldest first."""
        tasks = self.reviewer.tasks(limit=100)
        return [task["intent_id"] for task in tasks if task["from_agent"] == self.agent]

    def unknown(self, asked: str) -> str:
        """Wait for the question what became of this call; return its intent."""

        def found() -> str | None:
            self.work()
            question: str | None = self.client.get_intent(asked)["grant"]["question"]
            return question

        return until(found, "a person is asked what became of the call")

    def close(self) -> None:
        """End what is still running, and leave nothing open for the next scenario."""
        for process in self._fresh:
            process.kill()
        self.lab.mend()
        for intent_id in self.asked():
            with suppress(HoldshortError):
                self.client.cancel(intent_id, "the scenario is over")
        self.client.close()
