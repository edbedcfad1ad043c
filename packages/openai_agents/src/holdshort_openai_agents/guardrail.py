"""A tool guardrail that waits for a person: for runs that nothing can suspend, such as a call by
voice."""

from __future__ import annotations

import json
import uuid
from typing import Any

from agents import ToolGuardrailFunctionOutput, ToolInputGuardrail, ToolInputGuardrailData

from holdshort.adapters import AnyClient, Effects, Gates, ado, edit_note, refusal
from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.decision import Decision
from holdshort.errors import HoldshortError, NotPending, WaitTimeout
from holdshort_openai_agents.asking import Ask, Place, read_arguments
from holdshort_openai_agents.gating import GateSpec

Output = ToolGuardrailFunctionOutput
_LATE = "This action was not approved: nobody decided in time. It was not executed."


def human_guardrail(
    gates: GateSpec, client: AnyClient, *, timeout: float = 60.0
) -> ToolInputGuardrail[Any]:
    """Return a guardrail for function tools that asks before the gated calls, and waits in this
    process for at most `timeout` seconds; then the question is withdrawn and the call refused.

    >>> pay = function_tool(pay, tool_input_guardrails=[human_guardrail(["pay"], client)])

    Nothing of it survives the process, and what a reviewer changed cannot be applied: the model is
    told to call again so. Where a run can be suspended, take an `IntentRunner`.
    """
    spec = Gates.of(gates)

    async def ask_a_person(data: ToolInputGuardrailData) -> Output:
        call = data.context
        arguments = read_arguments(call.tool_arguments)
        gate = spec.find(call.tool_name, arguments)
        if gate is None:
            return Output.allow()
        place = Place(data.agent.name, call.tool_name, call.tool_call_id)
        # A key for this one time: the same call, made again, is another question.
        ask = Ask(uuid.uuid4().hex, "", place, arguments, gate)
        try:
            decision = await ado(client, _decision(ask, timeout))
            if decision is None:
                return Output.reject_content(_LATE)
            if not decision.approved:
                return Output.reject_content(refusal(decision))
            if decision.edited:
                return Output.reject_content(_again(decision, ask))
            await Effects(client).arun(decision, lambda _: "left to the tool")
        except HoldshortError as error:
            return Output.reject_content(f"This call was not executed: {error}")
        return Output.allow()

    return ToolInputGuardrail(ask_a_person, name="human_guardrail")


def _decision(ask: Ask, timeout: float) -> Flow[Decision | None]:
    """File the intent, wait; withdraw it where nobody decided, because nobody waits any more."""
    body = ask.body("", None, {})
    intent_id = yield from flows.send_intent({k: v for k, v in body.items() if k != "key"})
    try:
        return (yield from flows.wait_for(intent_id, timeout=timeout))
    except WaitTimeout:
        try:
            yield from flows.post(intent_id, "cancel", {"reason": "nobody waits for it any more"})
        except NotPending:
            return (yield from flows.wait_for(intent_id, timeout=timeout))
        return None


def _again(decision: Decision, ask: Ask) -> str:
    approved = json.dumps(decision.arguments, ensure_ascii=False)
    return (
        f"{edit_note(decision, ask.masked)} It was not executed as it was. Make a new call with "
        f"exactly these arguments if they serve the task: {approved}"
    )
