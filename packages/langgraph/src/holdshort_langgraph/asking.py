"""Asking from inside of a graph: `request_approval`, `ask`, and what is built on them.

The question is an interrupt that carries the intent; the resume value only wakes the code up. What
was decided is fetched from the server, under a key that the code works out itself from where it
stands and what it is about to do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from langgraph.types import interrupt

from holdshort.adapters import (
    AnyClient,
    Gate,
    ado,
    answer_of,
    call_key,
    do,
    masked_arguments,
    question_intent,
    shown_arguments,
    tool_intent,
)
from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.decision import Decision
from holdshort.digest import canonical, sha256
from holdshort_langgraph.filing import ended
from holdshort_langgraph.internals import place
from holdshort_langgraph.session import CURRENT, client_or
from holdshort_langgraph.shapes import OURS, wake_up

#: The execution of a task, and how often it has asked the same thing.
_ASKED: ContextVar[tuple[object, dict[str, int]] | None] = ContextVar("asked", default=None)


@dataclass(frozen=True)
class Call:
    """One call that is asked about, at the place where the running code stands."""

    gate: Gate
    tool: str
    arguments: dict[str, Any]
    key: str
    masked: dict[str, Any]
    agent_name: str = ""
    description: str | None = None
    answers: frozenset[str] = frozenset({"approve", "edit"})
    """Which kinds of a yes are taken."""

    @classmethod
    def here(
        cls,
        gate: Gate,
        tool: str,
        arguments: Any,
        *,
        call_id: str = "",
        agent_name: str = "",
        description: str | None = None,
        answers: frozenset[str] = frozenset({"approve", "edit"}),
    ) -> Call:
        """Read where the code stands. Raises InvalidRequest for arguments that cannot be shown."""
        true = shown_arguments(arguments)
        key = _key_here(["call", tool, true], call_id)
        masked = masked_arguments(gate, key, true)
        return cls(gate, tool, true, key, masked, agent_name, description, answers)

    def question(self) -> dict[str, Any]:
        """The interrupt's value. It is stored with the thread, so it holds masks, not secrets."""
        where, session = place(), CURRENT.get()
        body = tool_intent(
            self.gate,
            key=self.key,
            tool=self.tool,
            arguments=self.arguments,
            agent_name=self.agent_name,
            description=self.description,
            run_id=where.thread_id,
            app=session.app if session else "",
        )
        return _value(body)

    def fits(self, view: dict[str, Any], decision: Decision) -> bool:
        """Whether this is a decision about this call: what people were shown came out of the
        thread's state, and that can be changed by others."""
        if view["tool"] != self.tool:
            return False
        return decision.edited or not decision.approved or decision.arguments == self.masked

    def takes(self, decision: Decision) -> bool:
        """Whether this kind of a yes lets it run."""
        return ("edit" if decision.edited else "approve") in self.answers


Asking = Generator[Flow[Any], Any, Decision]


def asking(call: Call) -> Asking:
    """Stop for a decision; return it. Yields flows, which whoever drives this answers.

    A resume value that is not ours, or that comes before anybody has decided, asks again: the same
    question, which people see once.
    """
    value = call.question()
    while True:
        if interrupt(value) == wake_up(call.key):
            found = yield _decided(call.key)
            if found is not None and call.fits(*found):
                decision: Decision = found[1]
                return decision


def stop_for(call: Call, question: str) -> None:
    """Stop until a person may have answered Holdshort's own question about this call."""
    while interrupt({"type": OURS, "key": call.key, "waits": [question]}) != wake_up(call.key):
        continue


def driven(client: AnyClient, steps: Generator[Flow[Any], Any, Any]) -> Any:
    """Drive one of the above, blocking."""
    reply = None
    while True:
        try:
            reply = do(client, steps.send(reply))
        except StopIteration as stop:
            return stop.value


async def adriven(client: AnyClient, steps: Generator[Flow[Any], Any, Any]) -> Any:
    """The same on an event loop; the interrupt is raised in the coroutine itself."""
    reply = None
    while True:
        try:
            flow = steps.send(reply)
        except StopIteration as stop:
            return stop.value
        reply = await ado(client, flow)


def request_approval(
    tool: str,
    arguments: dict[str, Any],
    *,
    client: AnyClient | None = None,
    description: str | None = None,
    **gate: Any,
) -> Decision:
    """Ask, inside a node, a tool or a @task, whether this may be done; return the decision.

    The graph stops here and its process may end. What comes after this line runs when somebody has
    decided; what stands before it in the node runs again then.

    >>> decision = request_approval("pay", {"to": "bob", "amount": 5}, to="team:finance")
    >>> if decision.approved:
    ...     Effects(client).run(decision, lambda arguments: pay(**arguments))

    `gate` takes the fields of `Gate` (`to`, `deadline`, `title`, …). Without `client` it is the one
    of the `LangGraphApp` that runs the graph.
    """
    call = Call.here(Gate(**gate), tool, arguments, description=description)
    decision: Decision = driven(client_or(client), asking(call))
    return decision


async def arequest_approval(
    tool: str,
    arguments: dict[str, Any],
    *,
    client: AnyClient | None = None,
    description: str | None = None,
    **gate: Any,
) -> Decision:
    """`request_approval` on an event loop."""
    call = Call.here(Gate(**gate), tool, arguments, description=description)
    decision: Decision = await adriven(client_or(client), asking(call))
    return decision


def _answering(
    question: str, options: list[str] | None, schema: dict[str, Any] | None, fields: dict[str, Any]
) -> Asking:
    key = _key_here(["question", question, options, schema], "")
    where, session = place(), CURRENT.get()
    body = question_intent(
        key=key,
        question=question,
        options=options,
        schema=schema,
        run_id=where.thread_id,
        app=session.app if session else "",
        **fields,
    )
    while True:
        if interrupt(_value(body)) == wake_up(key):
            found = yield _decided(key)
            if found is not None:
                decision: Decision = found[1]
                return decision


def ask(
    question: str,
    *,
    options: list[str] | None = None,
    schema: dict[str, Any] | None = None,
    client: AnyClient | None = None,
    **fields: Any,
) -> Decision:
    """Ask a person a question, inside a node, a tool or a @task; return the decision. Its answer is
    `answer_of(decision)`: a text, one of `options`, or data that fits `schema`."""
    steps = _answering(question, options, schema, fields)
    decision: Decision = driven(client_or(client), steps)
    return decision


async def aask(
    question: str,
    *,
    options: list[str] | None = None,
    schema: dict[str, Any] | None = None,
    client: AnyClient | None = None,
    **fields: Any,
) -> Decision:
    """`ask` on an event loop."""
    steps = _answering(question, options, schema, fields)
    decision: Decision = await adriven(client_or(client), steps)
    return decision


def answer_text(decision: Decision, otherwise: Callable[[Decision], str]) -> str:
    """Return the answer to a question as a text; `otherwise` words it where there is none."""
    if not decision.approved:
        return otherwise(decision)
    answer = answer_of(decision)
    return answer if isinstance(answer, str) else canonical(answer).decode()


def _decided(key: str) -> Flow[tuple[dict[str, Any], Decision] | None]:
    """Return the intent under this key with its decision; None while there is none."""
    view = yield from flows.find(key)
    if view is None:
        return None
    decision = yield from ended(view["intent_id"])
    return None if decision is None else (view, decision)


def _value(body: dict[str, Any]) -> dict[str, Any]:
    said = {name: value for name, value in body.items() if name != "key"}
    return {"type": OURS, "key": body["key"], "intent": said}


def _key_here(what: list[Any], call_id: str) -> str:
    """Return the key of what is asked here. Executed again, the same question at the same place has
    the same key; asked twice in one execution, or with other arguments, it has another."""
    where = place()
    known = _ASKED.get()
    if known is None or known[0] is not where.execution:
        known = (where.execution, {})
        _ASKED.set(known)
    content = sha256(canonical([what, call_id]))
    count = known[1].get(content, 0)
    known[1][content] = count + 1
    return call_key("langgraph", where.thread_id, where.task, content, round=count)
