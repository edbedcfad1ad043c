"""Calls that wait for people: which they are, what is asked about each, what the answers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied
from pydantic_ai.messages import ToolCallPart

from holdshort.adapters import (
    Gate,
    Secrets,
    ado,
    answer_of,
    question_intent,
    refusal,
    tool_intent,
)
from holdshort.client.decision import Decision
from holdshort.client.run import decisions
from holdshort.errors import InvalidRequest, StaleDigest
from holdshort_pydantic_ai.arguments import jsonable
from holdshort_pydantic_ai.calls import META, issued, key_of, ours, raw_arguments, round_of
from holdshort_pydantic_ai.drift import Schemas, misfit
from holdshort_pydantic_ai.releases import is_question, results
from holdshort_pydantic_ai.session import Session
from holdshort_pydantic_ai.state import State
from holdshort_pydantic_ai.words import unanswered, unfit


@dataclass(frozen=True)
class Pending:
    """One call that waits, in the conversation that it belongs to."""

    call: ToolCallPart
    key: str
    arguments: dict[str, Any]
    """The arguments that a person is shown, before anything is masked."""
    gate: Gate
    metadata: dict[str, Any]
    kind: str
    """`approval`, `question` or `external`."""
    agent: str = ""
    """Who made it."""
    waits: str | None = None
    """An intent that was filed before, and that this call waits for instead of one of its own."""
    child: State | None = None
    """The nested conversation that waits in this call."""

    @property
    def reenters(self) -> bool:
        """Whether it waits for something that its tool asked in its own middle."""
        return self.waits is not None and bool(ours(self.metadata).get("reenters"))

    def body(self, session: Session) -> dict[str, Any]:
        """Return the intent that asks about it."""
        place: dict[str, Any] = {
            "agent_name": self.agent,
            "run_id": session.run_id,
            "app": session.app,
        }
        said = ours(self.metadata)
        if self.kind == "approval":
            return tool_intent(
                self.gate,
                key=self.key,
                tool=self.call.tool_name,
                arguments=self.arguments,
                description=said.get("description"),
                context=self._reasons(),
                **place,
            )
        question = said.get("question") or (
            f"Please do this and give the result: {self.call.tool_name}"
        )
        shown = {} if "question" in said else {"arguments": self.arguments}
        return question_intent(
            key=self.key,
            question=question,
            options=said.get("options"),
            schema=said.get("schema"),
            to=said.get("to") or self.gate.to,
            deadline=said.get("deadline") or self.gate.deadline,
            title=self.gate.title,
            intent_type=self.gate.intent_type,
            context={"tool": self.call.tool_name, **shown, **self._reasons()},
            fields=self.gate.fields,
            **place,
        )

    def _reasons(self) -> dict[str, Any]:
        """What the tool itself says about why it asks."""
        reasons = {name: value for name, value in self.metadata.items() if name != META}
        return {"metadata": jsonable(reasons)} if reasons else {}

    def approved_arguments(self, decision: Decision) -> dict[str, Any]:
        """Return the arguments as decided, without masks."""
        secrets = Secrets(self.gate.secrets, salt=self.key)
        return secrets.unmask(decision.arguments or {}, self.arguments)


def pending(state: State, session: Session) -> Iterator[Pending]:
    """Return the calls of one conversation that wait, as the framework lists them.

    Raises InvalidRequest for a call that the conversation does not hold: nobody asked for it.
    """
    requests = state.requests or DeferredToolRequests()
    for call in (*requests.approvals, *requests.calls):
        yield _pending(call, requests, state, session)


def asked(state: State, session: Session) -> Iterator[Pending]:
    """Return what people are asked about, in this conversation and in those nested in it."""
    for one in pending(state, session):
        if one.child is None:
            yield one
        else:
            yield from asked(one.child, session)


def _pending(
    call: ToolCallPart,
    requests: DeferredToolRequests,
    state: State,
    session: Session,
) -> Pending:
    metadata = requests.metadata.get(call.tool_call_id) or {}
    said = ours(metadata)
    found = issued(state.messages, call.tool_call_id)
    if found is None:
        raise InvalidRequest(f"the conversation holds no call {call.tool_call_id!r} to ask about")
    raw = raw_arguments(found.call)
    arguments = said.get("arguments") or raw
    is_approval = any(one.tool_call_id == call.tool_call_id for one in requests.approvals)
    asks = "question" in said or is_question(requests, call.tool_call_id)
    child = said.get("child")
    return Pending(
        call=found.call,
        key=key_of(state.conversation_id, found, round_of(metadata)),
        arguments=arguments,
        gate=session.gates.find(call.tool_name, arguments) or session.default,
        metadata=metadata,
        kind="approval" if is_approval else "question" if asks else "external",
        agent=state.agent,
        waits=said.get("waits"),
        child=None if child is None else State.load(child),
    )


async def decided(state: State, session: Session) -> bool:
    """Whether all that people were asked about, here and further in, has been decided. What they
    said is in the session's `found` afterwards."""
    over = True
    for one in asked(state, session):
        if one.reenters and one.waits is not None:
            ended = await ado(session.client, decisions([one.waits]))
            over &= ended[one.waits] is not None
        else:
            # One that waits for word of what became of it is tried: the server knows.
            over &= await session.decision(one.key) is not None
    return over


def passing(state: State, session: Session) -> frozenset[str]:
    """Return the calls that are let through, because what they wait for is asked further in."""
    return frozenset(
        one.call.tool_call_id
        for one in pending(state, session)
        if one.child is not None or one.reenters
    )


def answers(
    waiting: list[Pending],
    requests: DeferredToolRequests,
    found: Mapping[str, Decision],
    tools: Schemas | None = None,
) -> DeferredToolResults:
    """Return what the framework is told about these calls. Each kind of call gets an answer of its
    kind: the framework itself would take the one for the other."""
    approvals: dict[str, Any] = {}
    calls: dict[str, Any] = {}
    metadata: dict[str, dict[str, Any]] = {}
    answered_by: dict[str, str] = {}
    for one in waiting:
        call_id = one.call.tool_call_id
        metadata[call_id] = one.metadata
        decision = found.get(one.key)
        if one.child is not None or one.reenters:
            approvals[call_id] = ToolApproved()
            continue
        if decision is None:
            continue
        if decision.decided_by:
            answered_by[call_id] = decision.decided_by
        if one.kind != "approval":
            calls[call_id] = answer_of(decision) if decision.approved else unanswered(decision)
        elif not decision.approved:
            approvals[call_id] = ToolDenied(refusal(decision))
        else:
            approvals[call_id] = _approval(one, decision, (tools or {}).get(one.call.tool_name))
    return results(
        requests, approvals=approvals, calls=calls, metadata=metadata, answered_by=answered_by
    )


def _approval(
    one: Pending, decision: Decision, schema: dict[str, Any] | None
) -> ToolApproved | ToolDenied:
    """Return the yes to a call. What a reviewer made of its arguments goes through all that the
    model's own go through; where the tool cannot take them, the model hears whose doing it is."""
    if not decision.edited:
        return ToolApproved()
    try:
        edited = one.approved_arguments(decision)
    except StaleDigest as error:
        return ToolDenied(unfit(decision, error.message))
    if why := misfit(edited, schema):
        return ToolDenied(unfit(decision, why))
    return ToolApproved(override_args=edited)
