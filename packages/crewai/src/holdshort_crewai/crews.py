"""`CrewApp`: crews as runs of Holdshort, suspended wherever they need a person."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Literal, cast

from crewai import Crew, CrewOutput
from crewai.core.providers.human_input import set_provider
from crewai.tasks.task_output import TaskOutput
from crewai.types.usage_metrics import UsageMetrics

from holdshort import Client
from holdshort.adapters import LEASE_SECONDS, Gate, Gates, Run, Suspended, open_run
from holdshort.errors import HoldshortError, NotFound
from holdshort_crewai.desk import Desk
from holdshort_crewai.human import HumanReview
from holdshort_crewai.internals import json_of
from holdshort_crewai.persistence import blocking
from holdshort_crewai.tape import Broken, Refused, Tape, Waits, playing
from holdshort_crewai.tools import put_behind
from holdshort_crewai.waiting import waited


class CrewFailed(HoldshortError):
    """The crew ended without a result: a person refused what it was to go on with."""


class CrewApp:
    """A crew by its factory: `run` starts it, and a `Worker` goes on with it after each decision.

    >>> app = CrewApp(build_crew, client, name="research", gates=["publish_*"])
    >>> app.run({"topic": "tea"}, run_id="tea-7")
    Suspended(run_id='tea-7', app='research', intent_ids=['...'])

    Args:
        build_crew: makes the crew, the same way in every process. Nothing of it is stored but the
            models' turns, what tools returned, and the outputs of finished tasks.
        gates: which tools ask first; `gate_tools` inside `build_crew` does as well.
        review: who reviews the answers of `Task(human_input=True)`, and until when.
        timeout: for how long a person is waited for where a crew cannot be suspended, in a
            `Task(async_execution=True)`.
    """

    def __init__(
        self,
        build_crew: Callable[[], Crew],
        client: Client,
        *,
        name: str,
        gates: Any = None,
        review: Gate | None = None,
        timeout: float = 600.0,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.name = name
        self._build = build_crew
        self.client = blocking(client)
        self._gates = Gates.of(gates)
        self._review = review
        self._timeout = timeout
        self._lease = lease_seconds

    def run(
        self,
        inputs: dict[str, Any] | None = None,
        *,
        run_id: str | None = None,
        mode: Literal["suspend", "wait"] = "suspend",
        timeout: float = 60.0,
    ) -> CrewOutput | Suspended:
        """Start a crew; return its output, or Suspended where it waits for people.

        The same `run_id` again does not start it twice: a crew that waits comes back as Suspended,
        one that has ended with its recorded output. With mode `wait`, people are waited for here,
        for `timeout` seconds at most. Raises RunBusy where another process works on it, CrewFailed
        where a person has refused its work, and what CrewAI raises.
        """
        run = self._open(run_id or str(uuid.uuid4()))
        if run.held and run.state is None:
            run.save({"inputs": json_of(inputs or {})})
        result: CrewOutput | Suspended = waited(
            self.client, self._open, self._go_on, run, mode, timeout
        )
        return result

    async def arun(
        self, inputs: dict[str, Any] | None = None, **options: Any
    ) -> CrewOutput | Suspended:
        """`run` on an event loop; the crew has a thread of its own."""
        return await asyncio.to_thread(self.run, inputs, **options)

    def resume_crew(self, run_id: str) -> CrewOutput | Suspended:
        """Go on with a crew here and now; return as `run` does."""
        return self._go_on(self._open(run_id))

    def resume(self, run: Run) -> None:
        """Go on with a run that a worker has leased."""
        blocking(run.client)
        with suppress(CrewFailed):  # it is recorded as the run's end
            self._go_on(run)

    def _open(self, run_id: str) -> Run:
        return open_run(self.client, run_id, app=self.name, lease_seconds=self._lease)

    def _go_on(self, run: Run) -> CrewOutput | Suspended:
        with run:
            if not run.held:
                return _ended(run)
            if any(_is_open(run, intent_id) for intent_id in run.waits):
                run.suspend(waits=run.waits)
                return Suspended(run.id, self.name, list(run.waits))
            return self._play(run)

    def _play(self, run: Run) -> CrewOutput | Suspended:
        crew = self._build()
        desk = Desk(self.client, run_id=run.id, app=self.name, timeout=self._timeout)
        tape = Tape(run.state, lambda: run.save(_state(run, tape, crew)))
        tape.desk = desk
        _prepare(crew, run.state)
        put_behind(crew, self._gates, desk)
        review = HumanReview(self.client, gate=self._review)

        def kickoff() -> CrewOutput:
            playing.set(tape)
            set_provider(review)
            return cast(CrewOutput, crew.kickoff(inputs=run.state["inputs"]))

        try:
            # In a context of its own: where a crew is unwound, CrewAI leaves its events open in it.
            output = copy_context().run(kickoff)
        except Waits:
            return tape.suspend(run, _state(run, tape, crew))
        except Broken as broken:
            raise broken.error from None
        except Refused as refused:
            run.fail(str(refused))
            raise CrewFailed(str(refused)) from None
        except Exception:
            if run.held:
                tape.forget_failures()
                run.save(_state(run, tape, crew))
            raise
        run.finish(_kept_output(output))
        return output


def _is_open(run: Run, intent_id: str) -> bool:
    try:
        return run.decisions([intent_id])[intent_id] is None
    except NotFound:
        # It was asked by Holdshort itself: what became of a call. Only trying tells.
        return False


def _prepare(crew: Crew, state: dict[str, Any]) -> None:
    """Let finished tasks be finished."""
    crew.stream = False  # what could not be taken up again anyway
    outputs = state.get("tasks", [])
    for task, kept in zip(crew.tasks, outputs, strict=False):
        output = TaskOutput.model_validate({**kept, "pydantic": None})
        if kept.get("pydantic") is not None and task.output_pydantic is not None:
            output.pydantic = task.output_pydantic.model_validate(kept["pydantic"])
        task.output = output
    if outputs:
        crew.checkpoint_kickoff_event_id = crew._kickoff_event_id = f"resume-{uuid.uuid4()}"


def _state(run: Run, tape: Tape, crew: Crew) -> dict[str, Any]:
    finished = []
    for task in crew.tasks:
        if task.output is None:
            break
        finished.append(_kept_task(task.output))
    return {"inputs": run.state["inputs"], "tasks": finished, **tape.kept()}


def _kept_task(output: TaskOutput) -> dict[str, Any]:
    kept: dict[str, Any] = json_of(output)
    kept.pop("messages", None)
    if output.pydantic is not None:
        kept["pydantic"] = json_of(output.pydantic)
    return kept


def _kept_output(output: CrewOutput) -> dict[str, Any]:
    return {
        "raw": output.raw,
        "json_dict": json_of(output.json_dict),
        "tasks": [_kept_task(one) for one in output.tasks_output],
    }


def _ended(run: Run) -> CrewOutput:
    if run.status == "failed":
        raise CrewFailed(run.error or "the crew failed")
    kept = run.result
    tasks = [TaskOutput.model_validate({**one, "pydantic": None}) for one in kept["tasks"]]
    return CrewOutput(
        raw=kept["raw"],
        json_dict=kept["json_dict"],
        tasks_output=tasks,
        token_usage=UsageMetrics(),
    )
