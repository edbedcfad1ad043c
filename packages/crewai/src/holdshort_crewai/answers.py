"""From a review in a flow to an intent, and from the decision to what the flow is told."""

from __future__ import annotations

import json
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from crewai.flow.async_feedback.types import PendingFeedbackContext
from crewai.llms.base_llm import BaseLLM

from holdshort import Decision
from holdshort.adapters import Gate, call_key, plain_name, refusal, tool_intent
from holdshort.errors import ConfigurationError, HoldshortError
from holdshort.kinds import kind_named
from holdshort_crewai.internals import json_of

#: Where `@human_feedback(metadata={"holdshort": {...}})` says who is asked, and until when.
OPTIONS = "holdshort"
_KIND = kind_named("review")


class NoAnswer(HoldshortError):
    """Nobody gave an answer that this flow could go on with."""


@dataclass(frozen=True)
class Answer:
    """What the flow is told: the reviewer's words, the exact outcome, the work as reviewed."""

    feedback: str
    outcome: str | None
    output: Any


#: What the reviewer chose in the review that is being read.
chosen: ContextVar[str | None] = ContextVar("holdshort_outcome", default=None)


class ExactOutcome(BaseLLM):
    """Stands where CrewAI has a model read the answer: it says what the reviewer chose, exactly."""

    def call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
        """Return the outcome. Raises NoAnswer where none was chosen."""
        outcome = chosen.get()
        if outcome is None:
            raise NoAnswer("this review has no exact outcome")
        return json.dumps({"outcome": outcome})


def feedback_intent(
    context: PendingFeedbackContext,
    *,
    gate: Gate,
    flow: str,
    run_id: str,
    app: str,
    times: int,
    round: int,
) -> dict[str, Any]:
    """Return the intent that asks for this review. `round` counts the askings of one method, and
    `times` how often this flow was begun."""
    asked = _gate_of(context, gate)
    task: dict[str, Any] = {"task_type": asked.task or _KIND.name}
    if context.emit:
        task["allowed_outcomes"] = list(_words(context.emit))
    key = call_key("crewai", run_id, f"flow:{times}", context.method_name, round)
    title = asked.title or f"{flow}: {context.message}"
    asked = replace(
        asked,
        task=None,
        title=title[:200],
        description=asked.description or context.message[:10_000],
        intent_type=asked.intent_type or f"intent.flow.{plain_name(context.method_name)}.v1",
        fields={**asked.fields, "human_task": task},
    )
    return tool_intent(
        asked,
        key=key,
        tool=f"{flow}.{context.method_name}",
        arguments={"output": json_of(context.method_output)},
        agent_name=flow,
        run_id=run_id,
        app=app,
        context={"round": round},
    )


def answer_to(context: PendingFeedbackContext, decision: Decision) -> Answer:
    """Return what the decision means to the flow.

    Raises NoAnswer where it gives the flow nothing to go on with: withdrawn, timed out without an
    outcome for that, or refused where the flow has no way of its own for a no.
    """
    output = context.method_output
    if decision.arguments is not None and decision.edited:
        output = decision.arguments.get("output")
    if not context.emit:
        if decision.timed_out or decision.status != "COMPLETED" or decision.outcome == "rejected":
            raise NoAnswer(refusal(decision))
        return Answer(_text(decision), None, output)
    outcome = _words(context.emit).get(decision.outcome)
    if outcome is None or decision.status in ("CANCELED", "FAILED"):
        outcome = _default(context, decision)
    return Answer(_text(decision), outcome, output)


def _default(context: PendingFeedbackContext, decision: Decision) -> str:
    # An agent's code does not get to say that silence is a yes: only a policy's fallback may.
    said = context.default_outcome
    if decision.timed_out and said is not None and plain_name(said) not in _KIND.positive:
        return said
    raise NoAnswer(refusal(decision))


def _text(decision: Decision) -> str:
    if decision.timed_out:
        return "nobody decided in time"
    # Never empty: CrewAI takes an empty answer for the first choice.
    return (decision.comment or "").strip() or decision.outcome


def _words(emit: list[str]) -> dict[str, str]:
    """Return the flow's outcomes by the words that a reviewer chooses from.

    Raises ConfigurationError where two of them would be the same word.
    """
    words: dict[str, str] = {}
    for outcome in emit:
        word = plain_name(outcome)[:60]
        word = word if word[0].isalpha() else f"choice_{word}"
        if words.setdefault(word, outcome) != outcome:
            raise ConfigurationError(
                f"the outcomes {words[word]!r} and {outcome!r} look the same to a reviewer"
            )
    return words


def _gate_of(context: PendingFeedbackContext, default: Gate) -> Gate:
    said = (context.metadata or {}).get(OPTIONS)
    if said is None:
        return default
    if isinstance(said, Gate):
        return said
    try:
        return replace(default, **said)
    except TypeError as error:
        raise ConfigurationError(
            f"the metadata of {context.method_name} for Holdshort: {error}. It holds the fields of "
            "a Gate: to, deadline, title, …"
        ) from error
