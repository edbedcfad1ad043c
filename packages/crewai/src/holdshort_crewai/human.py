"""People as the crew meets them: a tool that asks, and a review of a task's answer."""

from __future__ import annotations

import threading
from typing import Any

from crewai.core.providers.human_input import SyncHumanInputProvider
from crewai.tools import BaseTool
from pydantic import BaseModel, Field, PrivateAttr

from holdshort import Client
from holdshort.adapters import Gate, call_key, plain_name, refusal, tool_intent
from holdshort.digest import sha256
from holdshort_crewai.desk import Desk, current_desk
from holdshort_crewai.tape import Refused, place_of


class Question(BaseModel):
    """What the model says to ask a person."""

    question: str = Field(description="What you need to know, in full sentences.")
    options: list[str] | None = Field(
        default=None, description="The possible answers, where there are only some."
    )


class HumanTool(BaseTool):
    """Lets the model ask a person, and gives it the answer.

    >>> Agent(..., tools=[HumanTool(client, to="team:support")])

    In a crew that a `CrewApp` runs the crew is suspended meanwhile; anywhere else the person is
    waited for, for `timeout` seconds.
    """

    name: str = "ask_human"
    description: str = (
        "Ask a person something that you cannot find out yourself. Offer options where the answer "
        "is one of a few."
    )
    args_schema: type[BaseModel] = Question
    to: str | list[str] | None = None
    deadline: Any = None
    _desk: Desk = PrivateAttr()

    def __init__(
        self,
        client: Client,
        *,
        to: str | list[str] | None = None,
        deadline: Any = None,
        run_id: str | None = None,
        timeout: float = 600.0,
        **fields: Any,
    ) -> None:
        super().__init__(to=to, deadline=deadline, cache_function=_never, **fields)
        self._desk = Desk(client, run_id=run_id, timeout=timeout)

    def _run(self, question: str, options: list[str] | None = None) -> Any:
        desk = current_desk(self._desk)
        return desk.ask(question, options, to=self.to, deadline=self.deadline)


class HumanReview(SyncHumanInputProvider):
    """CrewAI's provider for `Task(human_input=True)`: the answer is reviewed in Holdshort.

    A `CrewApp` sets it. By itself it waits: `set_provider(HumanReview(client))`, in the thread that
    calls `kickoff`, because CrewAI does not hand it to plain threads.
    """

    def __init__(
        self,
        client: Client,
        *,
        gate: Gate | None = None,
        run_id: str | None = None,
        timeout: float = 600.0,
    ) -> None:
        self._desk = Desk(client, run_id=run_id, timeout=timeout)
        self._gate = gate or Gate(task="review")
        self._rounds: dict[str, int] = {}
        self._lock = threading.Lock()

    def setup_messages(self, context: Any) -> bool:
        """An agent begins its task: the same calls as last time are the same questions."""
        place = place_of(context.task, context.agent)
        current_desk(self._desk).begin(place)
        with self._lock:
            self._rounds.pop(place, None)
        return False

    def handle_feedback(self, formatted_answer: Any, context: Any) -> Any:
        """Have the answer reviewed until it is approved; return it, as approved or as edited."""
        if context._is_training_mode():
            return super().handle_feedback(formatted_answer, context)
        answer = formatted_answer
        while context.ask_for_human_input:
            revise = self._reviewed(answer, context)
            if revise is None:
                context.ask_for_human_input = False
            else:
                context.messages.append(context._format_feedback_message(revise))
                answer = context._invoke_loop()
        return answer

    async def handle_feedback_async(self, formatted_answer: Any, context: Any) -> Any:
        """The same for `akickoff`."""
        if context._is_training_mode():
            return await super().handle_feedback_async(formatted_answer, context)
        answer = formatted_answer
        while context.ask_for_human_input:
            revise = self._reviewed(answer, context)
            if revise is None:
                context.ask_for_human_input = False
            else:
                context.messages.append(context._format_feedback_message(revise))
                answer = await context._ainvoke_loop()
        return answer

    def _reviewed(self, answer: Any, context: Any) -> str | None:
        """Return what to change, or None where the answer stands (edited in place). Raises Refused
        where there is no yes: an unreviewed answer goes nowhere."""
        desk, task = current_desk(self._desk), context.task
        place = place_of(task, context.agent)
        with self._lock:
            round = self._rounds[place] = self._rounds.get(place, 0) + 1
        text = self._get_output_string(answer)
        name = plain_name(task.name or "task")
        body = tool_intent(
            self._gate,
            key=call_key("crewai", desk.run_id, place, f"review:{sha256(text.encode())}", round),
            tool=f"review.{name}",
            arguments={"output": text},
            agent_name=context.agent.role,
            run_id=desk.run_id,
            app=desk.app,
            description=task.description[:10_000],
            context={"round": round},
        )
        blocks = bool(task.async_execution)
        decision = desk.decided(body, blocks=blocks)
        if decision is None:
            return _refused("nobody has reviewed the answer in time", blocks)
        if decision.outcome == "changes_requested":
            return decision.comment or "Please revise your answer."
        if not decision.approved:
            return _refused(refusal(decision), blocks)
        if decision.edited and decision.arguments is not None:
            _replace(answer, decision.arguments["output"])
        return None


def _refused(why: str, blocks: bool) -> str:
    if blocks:
        # A BaseException would leave CrewAI waiting for this task for ever.
        raise RuntimeError(why)
    raise Refused(why)


def _replace(answer: Any, edited: str) -> None:
    model = answer.output
    answer.output = (
        type(model).model_validate_json(edited) if isinstance(model, BaseModel) else edited
    )
    answer.text = edited


def _never(*_: Any) -> bool:
    return False
