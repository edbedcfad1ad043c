"""The smallest agent that can be held to the contract: a loop over a model and its tools.

It belongs to no framework. Its whole state is the conversation, kept in its Holdshort run. Mutants
of it (`mutant_*.py`) show that the contract notices what is wrong.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from holdshort import GrantRefused, HoldshortError, InvalidRequest, OutcomeUnknown, StaleDigest
from holdshort.adapters import (
    AnyClient,
    Effects,
    Gate,
    Run,
    RunBusy,
    Secrets,
    Suspended,
    ado,
    answer_of,
    aopen_run,
    await_for_all,
    call_key,
    edit_note,
    question_intent,
    refusal,
    tool_intent,
)
from holdshort.client import Decision, flows
from holdshort.testing.adapter import Call, Scene

APP = "loop"
Message = dict[str, Any]


class Pending(Exception):
    """A turn has calls that people are asked about."""


class Loop:
    """An agent that plays a scene."""

    name = APP

    def __init__(self, scene: Scene, client: AnyClient) -> None:
        self.scene = scene
        self.client = client
        self.effects = Effects(client)
        self.tools = {tool.__name__: tool for tool in scene.tools}
        self.asked: list[dict[str, Any]] = []
        self.waits: list[str] = []

    # The run: opened, suspended, resumed, ended

    async def start(self, run_id: str, prompt: str) -> str | Suspended:
        """Run until the end or until people are asked. A run that is under way goes on instead."""
        lease = self.scene.lease_seconds
        run = await aopen_run(self.client, run_id, app=APP, lease_seconds=lease)
        async with run:
            state = run.state or {"messages": [_user(prompt)], "nested": {}}
            ended = await self.advance(run, state)
        if isinstance(ended, str) or self.scene.mode != "wait":
            return ended
        wait = self.scene.wait_seconds
        if not await await_for_all(self.client, ended.intent_ids, timeout=wait):
            return ended
        try:
            return await self.start(run_id, prompt)
        except RunBusy:
            return ended

    async def resume(self, run: Run) -> None:
        """Go on with a run, for a worker."""
        await self.advance(run, run.state)

    async def advance(self, run: Run, state: dict[str, Any]) -> str | Suspended:
        self.run, self.state = run, state
        self.asked, self.waits = [], []
        if run.status in ("done", "failed"):
            return str(run.result)
        try:
            said = await self.converse(state["messages"], "main")
        except Pending:
            try:
                ids = await run.asuspend(state, self.asked, waits=self.waits)
            except InvalidRequest as wrong:
                await run.afail(f"this cannot be asked: {wrong}")
                raise
            return Suspended(run.id, run.app, ids or self.waits)
        await run.afinish(said, state=state)
        return said

    # The conversation

    async def converse(self, messages: list[Message], agent: str) -> str:
        """Go on with a conversation; return its last words. Raises Pending."""
        while True:
            turns = sum(message["role"] == "assistant" for message in messages)
            if calls := _open_calls(messages):
                await self.answer(calls, messages, agent, turns)
                continue
            seen = [message["text"] for message in messages if message["role"] != "assistant"]
            turn = self.scene.model.turn(turns, seen)
            calls = [vars(call) for call in turn.calls]
            messages.append({"role": "assistant", "text": turn.say or "", "calls": calls})
            if not calls:
                return turn.say or ""

    async def answer(
        self, calls: list[Call], messages: list[Message], agent: str, turns: int
    ) -> None:
        """Answer each call of a turn that has no answer yet. Raises Pending where people must."""
        pending = False
        texts = {}
        for call in calls:
            key = call_key(APP, self.run.id, f"{agent}-{turns}", call.id)
            try:
                texts[call.id] = await self.carry_out(call, key)
            except Pending:
                pending = True
        if pending:
            raise Pending
        for call in calls:
            messages.append({"role": "tool", "id": call.id, "text": texts[call.id]})

    async def carry_out(self, call: Call, key: str) -> str:
        """Return the answer to a call. Raises Pending where a person has to be waited for."""
        if call.tool == "delegate":
            task = call.arguments["task"]
            nested = self.state["nested"].setdefault(key, [_user(task)])
            return await self.converse(nested, key)
        if call.tool == "ask_human" and self.scene.ask_human:
            body = question_intent(key=key, run_id=self.run.id, app=APP, **call.arguments)
            decision = await self.decision(key, body)
            return str(answer_of(decision)) if decision.approved else refusal(decision)
        gate = self.scene.gates.find(call.tool, call.arguments)
        if gate is None:
            return self.call_tool(call.tool, call.arguments)
        try:
            body = tool_intent(
                gate, key=key, tool=call.tool, arguments=call.arguments, run_id=self.run.id, app=APP
            )
        except InvalidRequest as wrong:
            return f"Nobody can be asked about this call: {wrong}"
        return await self.execute(call, gate, key, await self.decision(key, body))

    async def decision(self, key: str, body: dict[str, Any]) -> Decision:
        """Return the decision on an intent. Raises Pending where there is none yet."""
        found = await ado(self.client, flows.find(key))
        if found is None:
            self.asked.append(body)
            raise Pending
        decided = await self.run.adecisions([found["intent_id"]])
        decision = decided[found["intent_id"]]
        if decision is None:
            self.waits.append(found["intent_id"])
            raise Pending
        return decision

    # The one place where something happens

    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        """Run an approved call, at most once; return what the model is told."""
        if not decision.approved:
            return refusal(decision)
        if problem := self.misfit(call.tool, decision.arguments):
            return f"This was approved, and not executed: {problem}"
        try:
            result = await self.effects.arun(
                decision,
                lambda arguments: self.call_tool(call.tool, arguments),
                secrets=Secrets(gate.secrets, salt=key),
                true=call.arguments,
            )
        except OutcomeUnknown as unknown:
            self.waits.append(unknown.details["question"])
            raise Pending from None
        except (GrantRefused, StaleDigest) as refused:
            said = refused.details.get("error") or refused
            return f"This was not executed: {said}"
        except HoldshortError:
            raise
        except Exception as error:
            return f"{call.tool} failed: {error}"
        note = edit_note(decision, call.arguments)
        return f"{note} {result or 'It was done; its result was not recorded.'}".strip()

    def misfit(self, tool: str, arguments: dict[str, Any] | None) -> str:
        """Return why the tool cannot be called with these arguments; empty where it can."""
        function = self.tools.get(tool)
        if function is None:
            return f"there is no tool {tool} any more"
        try:
            inspect.signature(function).bind(**(arguments or {}))
        except TypeError as error:
            return f"{tool} does not take these arguments: {error}"
        return ""

    def call_tool(self, tool: str, arguments: dict[str, Any]) -> str:
        function: Callable[..., str] = self.tools[tool]
        return function(**arguments)


def _user(text: str) -> Message:
    return {"role": "user", "text": text}


def _open_calls(messages: list[Message]) -> list[Call]:
    """The calls of the last turn, where they have no answers yet."""
    last = messages[-1]
    return [Call(**call) for call in last["calls"]] if last["role"] == "assistant" else []
