"""`DurableFeedback`: the provider that makes `@human_feedback` wait for days, at no cost.

The flow is saved, and its reviews are filed, in one transaction; only then does the flow stop. All
branches that wait are saved together, so none is lost behind another.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from crewai.events import crewai_event_bus
from crewai.events.types.flow_events import HumanFeedbackRequestedEvent
from crewai.flow import flow_config
from crewai.flow.async_feedback.types import HumanFeedbackPending, PendingFeedbackContext
from crewai.flow.flow import Flow
from crewai.flow.persistence.factory import set_flow_persistence_factory

from holdshort import Client
from holdshort.adapters import Gate, Run, open_run
from holdshort.errors import ConfigurationError
from holdshort_crewai import internals
from holdshort_crewai.answers import Answer, chosen, feedback_intent
from holdshort_crewai.persistence import APP, HoldshortPersistence, blocking

_LOOK_AGAIN = 0.01
_TURNS = 20


@dataclass
class Review:
    """One asking of one method for a person's word."""

    context: PendingFeedbackContext
    round: int
    intent_id: str | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Which asking of which method."""
        return self.context.method_name, self.round

    def kept(self) -> dict[str, Any]:
        """Return it as it is saved: of a model only its name, so no key of one."""
        said = self.context.to_dict()
        model = said["llm"]
        said["llm"] = model.get("model") if isinstance(model, dict) else model
        return {"context": said, "round": self.round, "intent_id": self.intent_id}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Review:
        """Read what was saved."""
        context = PendingFeedbackContext.from_dict(kept["context"])
        return cls(context, kept["round"], kept["intent_id"])


@dataclass
class Watched:
    """What is known of one flow object while it runs in this process."""

    name: str
    run: Run | None = None
    times: int = 1
    """How often a flow was begun under this id."""
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    filed: dict[tuple[str, int], str] = field(default_factory=dict)
    """The intents of reviews that were asked earlier and are open."""
    asked: dict[asyncio.Task[Any], Review] = field(default_factory=dict)
    """Open reviews: each branch of the flow is parked in its task."""
    stopped: list[str] | None = None
    """What the flow waits for, once it has been saved."""
    state: dict[str, Any] | None = None
    """The flow's own state when a method ended last."""


class DurableFeedback:
    """A provider for `@human_feedback`: files the review, saves the flow, and stops it.

    Args:
        client: a `holdshort.Client`.
        app: the name under which a `FlowApp` in some worker goes on with the flow.
        gate: who is asked and until when, where a method's
            `metadata={"holdshort": {"to": ..., "deadline": ...}}` says nothing else.
    """

    def __init__(self, client: Client, *, app: str = APP, gate: Gate | None = None) -> None:
        self._client = blocking(client)
        self._gate = gate or Gate()
        self.app = app

    async def request_feedback(self, context: PendingFeedbackContext, flow: Flow[Any]) -> str:
        """Return the answer, where there is one; otherwise stop the flow here, once all its other
        branches have ended or stopped as well.

        Raises HumanFeedbackPending, which CrewAI returns from `kickoff`. What the server refuses
        (output that is no JSON, a flow that another process works on) is raised as well, and fails
        the flow.
        """
        task = asyncio.current_task()
        assert task is not None
        watched = watched_of(flow)
        method = str(context.method_name)
        round = internals.times_done(flow, method) + 1
        answer = watched.answers.get((method, round))
        if answer is not None:
            chosen.set(answer.outcome)
            return answer.feedback
        if internals.learns(flow, method):
            raise ConfigurationError(
                f"{method} has learn=True: a model would rewrite what its reviewer has approved. "
                "Leave it out where the flow waits for people with Holdshort"
            )
        watched.stopped = None
        watched.asked = {other: one for other, one in watched.asked.items() if not other.done()}
        watched.asked[task] = Review(context, round, watched.filed.get((method, round)))
        try:
            while watched.stopped is None and not await _is_quiet(flow, watched):
                await asyncio.sleep(_LOOK_AGAIN)
            if watched.stopped is None:
                # Blocks this loop: nothing of the flow may move between its picture and the save.
                watched.stopped = self._stop(flow, watched)
        except BaseException:
            watched.asked.pop(task, None)
            raise
        raise HumanFeedbackPending(
            context=context, callback_info={"run_id": context.flow_id, "intents": watched.stopped}
        )

    def _stop(self, flow: Flow[Any], watched: Watched) -> list[str]:
        if watched.run is not None:
            return self._file(flow, watched, watched.run)
        run = open_run(self._client, flow.flow_id, app=self.app, again=True)
        watched.times = (run.state or {}).get("times", 0) + 1
        before = run.waits
        try:
            waits = self._file(flow, watched, run)
        except BaseException:
            if run.held:
                run.suspend(waits=before)
            raise
        # The flow was begun anew while it waited: what it had asked then is answered to nobody.
        for intent_id, decision in run.decisions(sorted(set(before) - set(waits))).items():
            if decision is None:
                self._client.cancel(intent_id, reason="the flow was started again")
        return waits

    def _file(self, flow: Flow[Any], watched: Watched, run: Run) -> list[str]:
        # New ones first: so are their ids, in what the run waits for.
        reviews = sorted(watched.asked.values(), key=lambda review: review.intent_id is not None)
        fresh = [review for review in reviews if review.intent_id is None]
        intents = [
            feedback_intent(
                review.context,
                gate=self._gate,
                flow=watched.name,
                run_id=run.id,
                app=run.app,
                times=watched.times,
                round=review.round,
            )
            for review in fresh
        ]
        earlier = [review.intent_id for review in reviews if review.intent_id is not None]
        state = picture(flow, watched, reviews, internals.flow_state(flow))
        filed = run.suspend(state, intents, waits=earlier, wakes="any")
        for review, intent_id in zip(fresh, filed, strict=True):
            _announce(flow, watched.name, review.context, intent_id)
        return [*filed, *earlier]


async def _is_quiet(flow: Flow[Any], watched: Watched) -> bool:
    """Whether all branches of the flow have ended or are parked: also after what the end of one
    sets in motion has had its turns of the loop."""
    for _ in range(_TURNS):
        if internals.branches_under_way(flow, set(watched.asked)):
            return False
        await asyncio.sleep(0)
    return True


def configure(client: Client, *, app: str = APP, gate: Gate | None = None) -> DurableFeedback:
    """Make every `@human_feedback` of this process durable; return the provider.

    Flows need no change. A worker with a `FlowApp` of the same name goes on with what stopped.
    """
    provider = DurableFeedback(client, app=app, gate=gate)
    # CrewAI awaits a provider that is a coroutine function; its protocol does not say so.
    flow_config.hitl_provider = cast(Any, provider)
    set_flow_persistence_factory(lambda: HoldshortPersistence(client, app=app))
    return provider


def watched_of(flow: Flow[Any]) -> Watched:
    """Return what is known of this flow object; it is kept with the object, as long as it."""
    known: Watched | None = getattr(flow, "_holdshort", None)
    if known is None:
        known = Watched(flow.name or type(flow).__name__)
        watch(flow, known)
    return known


def watch(flow: Flow[Any], watched: Watched) -> None:
    """Know this flow object under a run that is held already."""
    object.__setattr__(flow, "_holdshort", watched)


def picture(
    flow: Flow[Any], watched: Watched, reviews: list[Review], state: dict[str, Any]
) -> dict[str, Any]:
    """Return all that another process needs to go on with the flow."""
    return {
        "flow": watched.name,
        "times": watched.times,
        "state": state,
        "outputs": internals.recorded(flow),
        "answers": [
            [one.method_name, one.feedback, one.outcome] for one in flow.human_feedback_history
        ],
        "reviews": [review.kept() for review in reviews],
    }


def _announce(flow: Flow[Any], name: str, context: PendingFeedbackContext, intent_id: str) -> None:
    if flow.suppress_flow_events:
        return
    event = HumanFeedbackRequestedEvent(
        type="human_feedback_requested",
        flow_name=name,
        method_name=context.method_name,
        output=context.method_output,
        message=context.message,
        emit=context.emit,
        request_id=intent_id,
    )
    crewai_event_bus.emit(flow, event)
