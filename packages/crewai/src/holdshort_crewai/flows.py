"""`FlowApp`: flows as runs of Holdshort. It starts them, and a worker goes on with them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Literal

from crewai.events import crewai_event_bus
from crewai.events.types.flow_events import HumanFeedbackReceivedEvent
from crewai.flow.async_feedback.types import HumanFeedbackPending
from crewai.flow.flow import Flow

from holdshort import Client
from holdshort.adapters import LEASE_SECONDS, Gate, Run, Suspended, open_run
from holdshort.errors import ConfigurationError, HoldshortError, NotPending
from holdshort_crewai import internals
from holdshort_crewai.answers import Answer, ExactOutcome, NoAnswer, answer_to
from holdshort_crewai.feedback import Review, Watched, configure, picture, watch
from holdshort_crewai.persistence import APP, HoldshortPersistence, blocking
from holdshort_crewai.waiting import waited


class FlowApp:
    """Flows by name: `run` starts one, and a `Worker` goes on with those that waited for people.

    >>> app = FlowApp({"publish": PublishFlow}, client)
    >>> app.run("publish", {"topic": "tea"}, run_id="post-7")
    Suspended(run_id='post-7', app='crewai-flows', intent_ids=['...'])

    Making one also makes every `@human_feedback` of this process durable (`configure`): a flow that
    is resumed here must not ask its next question on this process's console.
    """

    def __init__(
        self,
        flows: Mapping[str, type[Flow[Any]]],
        client: Client,
        *,
        name: str = APP,
        gate: Gate | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self.name = name
        self._lease = lease_seconds
        self._flows = dict(flows)
        self.client = blocking(client)
        configure(client, app=name, gate=gate)

    def run(
        self,
        flow: str,
        inputs: dict[str, Any] | None = None,
        *,
        run_id: str | None = None,
        mode: Literal["suspend", "wait"] = "suspend",
        timeout: float = 60.0,
    ) -> Any:
        """Start a flow; return what it returned, or Suspended where it waits for people.

        The same `run_id` again does not start it twice: a flow that waits comes back as Suspended,
        one that has ended with its recorded result. With mode `wait`, people are waited for here,
        for `timeout` seconds at most. Raises RunBusy where another process works on it.
        """
        self._class(flow)
        run = self._open(run_id or str(uuid.uuid4()))
        if run.held and run.state is None:
            run.save({"flow": flow, "inputs": internals.json_of(inputs or {})})
        return waited(self.client, self._open, self._go_on, run, mode, timeout)

    async def arun(self, flow: str, inputs: dict[str, Any] | None = None, **options: Any) -> Any:
        """`run` on an event loop; the flow has a thread, and a loop, of its own."""
        return await asyncio.to_thread(self.run, flow, inputs, **options)

    def resume_flow(self, run_id: str) -> Any:
        """Go on with a flow here and now; return as `run` does."""
        return self._go_on(self._open(run_id))

    def resume(self, run: Run) -> None:
        """Go on with a run that a worker has leased."""
        blocking(run.client)
        with suppress(FlowFailed):  # it is recorded as the run's end
            self._go_on(run)

    def _open(self, run_id: str) -> Run:
        return open_run(self.client, run_id, app=self.name, lease_seconds=self._lease)

    def _go_on(self, run: Run) -> Any:
        with run:
            if not run.held:
                return _ended(run)
            if run.state is None:
                raise ConfigurationError(f"nothing was saved of the run {run.id}")
            if "inputs" in run.state:
                return self._start(run)
            return self._advance(run)

    def _start(self, run: Run) -> Any:
        watched = Watched(run.state["flow"], run)
        flow = self._make(watched, {})
        _set_id(flow, run.id)
        return self._play(flow, watched, run, [], run.state["inputs"] or None)

    def _advance(self, run: Run) -> Any:
        """Go on behind the reviews that are decided, all at once."""
        saved = run.state
        reviews = _reviews(run)
        decisions = run.decisions([str(review.intent_id) for review in reviews])
        outputs: dict[str, list[Any]] = saved["outputs"]
        watched = Watched(saved["flow"], run, saved["times"])
        for method, feedback, outcome in saved["answers"]:
            _add(watched.answers, method, Answer(feedback, outcome, None))
        news = []
        for review in sorted(reviews, key=lambda review: review.round):
            method, round = review.place
            decision = decisions[str(review.intent_id)]
            output = review.context.method_output
            if decision is None:
                watched.filed[review.place] = str(review.intent_id)
            elif review.place not in watched.answers:
                try:
                    answer = answer_to(review.context, decision)
                except NoAnswer as said:
                    return self._give_up(run, reviews, f"{method}: {said}")
                watched.answers[review.place] = answer
                output = answer.output
                news.append((review, answer))
            if len(outputs.setdefault(method, [])) < round:
                outputs[method].append(output)
        if not news and watched.filed:
            waits = list(watched.filed.values())
            run.suspend(waits=waits, wakes="any")
            return Suspended(run.id, self.name, waits)
        flow = self._make(watched, outputs)
        internals.restore_state(flow, saved["state"])
        for review, answer in news:
            _received(flow, watched.name, review, answer)
        return self._play(flow, watched, run, reviews, None)

    def _play(
        self,
        flow: Flow[Any],
        watched: Watched,
        run: Run,
        reviews: list[Review],
        inputs: dict[str, Any] | None,
    ) -> Any:
        try:
            # In a context of its own: a flow that is stopped leaves its events open in it.
            result = copy_context().run(flow.kickoff, inputs=inputs)
        except Exception:
            # The method that failed runs again when the run comes again, and no other.
            if run.held and watched.state is not None:
                run.save(picture(flow, watched, reviews, watched.state))
            raise
        if not run.held:
            return Suspended(run.id, self.name, list(watched.stopped or run.waits))
        if isinstance(result, HumanFeedbackPending):
            raise ConfigurationError(
                f"{result.context.method_name} paused the flow without DurableFeedback: nobody has "
                "been asked"
            )
        run.finish(internals.json_of(result))
        self._withdraw(list(watched.filed.values()))
        return result

    def _give_up(self, run: Run, reviews: list[Review], why: str) -> Any:
        run.fail(why)
        self._withdraw([str(review.intent_id) for review in reviews])
        return _ended(run)

    def _withdraw(self, intent_ids: list[str]) -> None:
        """Ask nobody any more what a flow that has ended does not want to know."""
        for intent_id in intent_ids:
            with suppress(NotPending):
                self.client.cancel(intent_id, reason="the flow has ended")

    def _make(self, watched: Watched, outputs: dict[str, list[Any]]) -> Flow[Any]:
        kind = self._class(watched.name)
        flow = kind(persistence=HoldshortPersistence(self.client, app=self.name))
        watch(flow, watched)

        def done() -> None:
            watched.state = internals.flow_state(flow)

        internals.replay(flow, outputs, done, ExactOutcome(model="holdshort/exact"))
        return flow

    def _class(self, name: str) -> type[Flow[Any]]:
        """Return a flow by its name here, or, for one that was started by itself, its class's."""
        for known, flow in self._flows.items():
            if name in (known, flow.__name__):
                return flow
        raise ConfigurationError(
            f"this FlowApp has no flow named {name!r}; it has {', '.join(self._flows) or 'none'}"
        )


class FlowFailed(HoldshortError):
    """The flow ended without a result: nobody gave an answer that it could go on with."""


def _ended(run: Run) -> Any:
    if run.status == "failed":
        raise FlowFailed(run.error or "the flow failed")
    return run.result


def _reviews(run: Run) -> list[Review]:
    """Return the saved reviews with their intents. Those that were filed with the last save stand
    first, and so do their ids."""
    reviews = [Review.of(kept) for kept in run.state["reviews"]]
    fresh = [review for review in reviews if review.intent_id is None]
    for review, intent_id in zip(fresh, run.waits, strict=False):
        review.intent_id = intent_id
    return reviews


def _add(answers: dict[tuple[str, int], Answer], method: str, answer: Answer) -> None:
    round = 1
    while (method, round) in answers:
        round += 1
    answers[method, round] = answer


def _set_id(flow: Flow[Any], run_id: str) -> None:
    if isinstance(flow.state, dict):
        flow.state["id"] = run_id
    else:
        flow.state.id = run_id


def _received(flow: Flow[Any], name: str, review: Review, answer: Answer) -> None:
    if flow.suppress_flow_events:
        return
    event = HumanFeedbackReceivedEvent(
        type="human_feedback_received",
        flow_name=name,
        method_name=review.context.method_name,
        feedback=answer.feedback,
        outcome=answer.outcome,
        request_id=review.intent_id,
    )
    crewai_event_bus.emit(flow, event)
