"""How a thread goes on, written once: what is loaded, run, filed and answered, in which order.

It does no I/O. It yields steps; `app.py` takes them, blocking or async, and sends back what came of
each.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.errors import UnknownInterruptError
from langgraph.types import Command

from holdshort.adapters import Run, Suspended
from holdshort.client.calls import Flow
from holdshort.errors import Conflict
from holdshort_langgraph.filing import (
    ANSWERED_ELSEWHERE,
    REPLACED,
    Known,
    cancel,
    is_unknown,
    look_up,
)
from holdshort_langgraph.internals import Pending, pending, unfinished
from holdshort_langgraph.results import summary
from holdshort_langgraph.shapes import Asked, Unfit, asked

#: How often a person is asked again where an answer cannot be given to the graph.
_ROUNDS = 5
#: How often a thread is read again where somebody else moves it.
_PASSES = 5
#: The state of a run that an app has suspended: its thread is run by apps, under their leases.
_BY_APP = {"by": "app"}


@dataclass(frozen=True)
class Load:
    """Read the thread's newest checkpoint; the reply is a CheckpointTuple or None."""


@dataclass(frozen=True)
class Look:
    """Read the graph's state; the reply is a StateSnapshot."""


@dataclass(frozen=True)
class Go:
    """Run the graph on this input; the reply is what it returned."""

    input: Any


@dataclass(frozen=True)
class Tell:
    """Drive a client's flow; the reply is what it returned."""

    flow: Flow[Any]


@dataclass(frozen=True)
class End:
    """End the run: call this method of it; the reply is what it returned."""

    how: Literal["suspend", "finish", "fail", "release"]
    said: dict[str, Any] = field(default_factory=dict)


Step = Load | Look | Go | Tell | End
Steps = Generator[Step, Any, Any]


@dataclass(frozen=True)
class Rules:
    """What a LangGraphApp was told about its questions."""

    graph: str
    fields: Mapping[str, Any]
    wakes: Literal["all", "any"]
    quiet: float


@dataclass(frozen=True)
class _Question:
    """A pending interrupt, and what the server knows of its intents."""

    asked: Asked
    known: list[Known]
    open: list[str]

    @property
    def answered(self) -> bool:
        return not self.open and all(one.decision is not None for one in self.known)


def invoked(run: Run, rules: Rules, input: Any, *, replace: bool = False) -> Steps:
    """Give the thread an input; return the graph's result, or Suspended.

    Raises Conflict where the thread waits for people, unless the input is to `replace` what was
    asked: nobody's words stand in for a decision.
    """
    if input is not None and not replace and (yield from _load_questions()):
        suspended = yield from _settled(run, rules, None, ran=False)
        raise Conflict(
            f"the thread {run.id} waits for decisions, so it takes no input: "
            f"{', '.join(suspended.intent_ids)}. With replace=True the input takes the place of "
            "what was asked",
            intent_ids=suspended.intent_ids,
        )
    result = yield Go(input)
    return (yield from _settled(run, rules, result, ran=input is not None))


def resumed(run: Run, rules: Rules) -> Steps:
    """Go on with a thread as far as the decisions carry; return the graph's result, or Suspended.

    Only what the server says counts. What the graph is given are answers to questions that are
    pending now, by their ids, in strict mode.
    """
    for _ in range(_PASSES):
        saved = yield Load()
        if saved is None:
            yield End("fail", {"error": "the thread has no checkpoint: nothing was begun"})
            return None
        questions = yield from _questions(run, rules, pending(saved))
        answers = {}
        for question in questions:
            if question.answered:
                decisions = [one.decision for one in question.known if one.decision is not None]
                answers[question.asked.interrupt_id] = question.asked.reply(decisions)
        if not questions:
            return (yield from _unasked(run, rules, saved))
        if not answers:
            return (yield from _settled(run, rules, None, ran=False))
        if (yield from _is_busy(run, rules, saved)):
            return None
        try:
            result = yield Go(Command(resume=answers))
        except UnknownInterruptError:
            continue  # somebody has moved the thread: read it again
        after = yield from _load_questions()
        if not {one.interrupt.id for one in after} & answers.keys():
            return (yield from _settled(run, rules, result, ran=True))
    raise RuntimeError(f"the thread {run.id} does not take the answers to its questions")


def _unasked(run: Run, rules: Rules, saved: Any) -> Steps:
    """Go on where nothing is asked: the process died on its way, or the thread was moved."""
    snapshot = yield Look()
    if not snapshot.next:
        return (yield from _settled(run, rules, snapshot.values, ran=True))
    if (yield from _is_busy(run, rules, saved)):
        return None
    if saved.metadata.get("source") in ("update", "fork"):
        # Somebody has changed the thread by hand; it is for them to let it run.
        yield from _withdraw_rest(run, [], REPLACED["update"])
        yield End("suspend")
        return None
    result = yield Go(None)
    return (yield from _settled(run, rules, result, ran=True))


def _settled(run: Run, rules: Rules, result: Any, *, ran: bool) -> Steps:
    """End the run by what the thread waits for now."""
    now = yield from _load_questions()
    questions = yield from _questions(run, rules, now)
    waits = [intent_id for question in questions for intent_id in question.open]
    fresh = [one.body for question in questions for one in question.known if one.intent_id is None]
    every = [one.intent_id for question in questions for one in question.known if one.intent_id]
    yield from _withdraw_rest(
        run, [*every, *waits], REPLACED["input"] if ran else ANSWERED_ELSEWHERE
    )
    if not questions:
        yield End("finish", {"result": summary(result)})
        return result
    if not waits and not fresh:
        # All is answered by now: whoever takes the run next goes on with it.
        yield End("release", {"again_in": 0.0})
        return Suspended(run.id, run.app, every)
    yield End("suspend", {"state": _BY_APP, "intents": fresh, "waits": waits, "wakes": rules.wakes})
    return Suspended(run.id, run.app, list(run.waits))


def _questions(run: Run, rules: Rules, now: Sequence[Pending]) -> Generator[Step, Any, Any]:
    """Return what is pending, each with what the server knows of it. An answer that cannot be given
    to the graph is asked again."""
    found = []
    for one in now:
        problem = ""
        for round in range(_ROUNDS):
            question = asked(
                one.interrupt,
                thread_id=run.id,
                graph=rules.graph,
                fields=rules.fields,
                round=round,
                problem=problem,
            )
            looked = yield from _looked_up(question)
            if not looked.answered:
                break
            try:
                question.reply([known.decision for known in looked.known if known.decision])
                break
            except Unfit as unfit:
                problem = str(unfit)
        else:
            yield End("fail", {"error": f"no answer fits what the graph asks: {problem}"})
            raise Unfit(problem)
        found.append(looked)
    return found


def _looked_up(question: Asked) -> Generator[Step, Any, _Question]:
    known: list[Known] = yield Tell(look_up(question.intents))
    waits = [one.intent_id for one in known if one.intent_id and one.decision is None]
    if question.waits and (yield Tell(is_unknown(question.about))):
        waits += question.waits
    return _Question(question, known, waits)


def _withdraw_rest(run: Run, kept: Sequence[str], reason: str) -> Generator[Step, Any, None]:
    """Cancel what the run has asked before and nobody waits for any more."""
    for intent_id in run.waits:
        if intent_id not in kept:
            yield Tell(cancel(intent_id, reason))


def _is_busy(run: Run, rules: Rules, saved: Any) -> Generator[Step, Any, bool]:
    """Whether somebody who holds no lease may still be at this step: a graph that was started
    outside of an app, with a wrapped checkpointer. It is given one quiet period to end."""
    if run.state == _BY_APP or (run.state is None and not run.waits):
        return False
    snapshot = yield Look()
    seen = {"quiet": saved.config["configurable"]["checkpoint_id"]}
    if not unfinished(saved, snapshot.tasks) or run.state == seen:
        return False
    yield End("release", {"again_in": rules.quiet, "state": seen})
    return True


def _load_questions() -> Generator[Step, Any, list[Pending]]:
    saved = yield Load()
    return pending(saved)
