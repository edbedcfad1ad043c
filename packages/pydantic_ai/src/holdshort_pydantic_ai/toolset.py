"""The gate around an agent's tools: the last step before a tool, whatever asked for the call.

A wrapped toolset rather than hooks around tools: it gets the arguments after every hook has had its
say, and it is passed by every way to a tool, also those that hooks do not see.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.exceptions import ApprovalRequired, CallDeferred
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset
from pydantic_core import ValidationError

from holdshort.adapters import Effects, Gate, Secrets, refusal
from holdshort.client.decision import Decision
from holdshort.errors import GrantRefused, OutcomeUnknown, StaleDigest
from holdshort_pydantic_ai.arguments import passed, plain, shown
from holdshort_pydantic_ai.calls import META, issued, key_of, ours, raw_arguments, round_of
from holdshort_pydantic_ai.drift import check
from holdshort_pydantic_ai.recording import Execution
from holdshort_pydantic_ai.releases import told
from holdshort_pydantic_ai.session import CLEARED, CURRENT, Session
from holdshort_pydantic_ai.words import approvers, broken, unfit, with_note

#: As much of a tool's description as a reviewer is shown (characters).
_LONGEST = 4000


@dataclass
class GatedToolset(WrapperToolset[Any]):
    """Asks before the calls that a gate names, and runs an approved call once."""

    session: Session = field(kw_only=True)

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        tools = await super().get_tools(ctx)
        found = {name: tool.tool_def.parameters_json_schema for name, tool in tools.items()}
        check(self.session.expected, found)
        self.session.tools.update(found)
        return tools

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        if CLEARED.get() == _name_of(ctx):
            return await super().call_tool(name, tool_args, ctx, tool)
        if not ctx.tool_call_approved:
            return await self._ask_or_run(name, tool_args, ctx, tool)
        if ctx.tool_call_id in self.session.passes:
            return await self._go_on(name, tool_args, ctx, tool)
        if self.session.gate(name, plain(tool_args)) is None:
            return await self._run(name, tool_args, ctx, tool)
        return await self._run_approved(name, tool_args, ctx, tool)

    async def _go_on(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Let a call go on that waits for something asked in its own middle. Nobody has approved
        the call itself by that, so it is none that is approved, unless it was so before."""
        round = round_of(ctx.tool_call_metadata)
        found = issued(ctx.messages, ctx.tool_call_id or "")
        approved = (
            round > 0
            and found is not None
            and await self.session.stopped(key_of(ctx.conversation_id or "", found, round - 1))
        )
        try:
            if approved:
                return await self._run(name, tool_args, ctx, tool)
            return await self._ask_or_run(
                name, tool_args, replace(ctx, tool_call_approved=False), tool
            )
        except (ApprovalRequired, CallDeferred) as again:
            said = {**ours(again.metadata), "round": round}
            if who := ours(ctx.tool_call_metadata).get("approved_by"):
                said["approved_by"] = who
            again.metadata = {**(again.metadata or {}), META: said}
            raise

    async def _ask_or_run(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        gates = self.session.gates
        gated = gates.names(name) and gates.find(name, plain(tool_args)) is not None
        # The framework asks about the second kind by itself, but not where it was told of a yes.
        if not gated and tool.tool_def.kind != "unapproved":
            return await self._run(name, tool_args, ctx, tool)
        found = issued(ctx.messages, ctx.tool_call_id or "")
        raw = raw_arguments(found.call) if found is not None else None
        raise _asking(shown(tool_args, raw, ctx, tool), tool)

    async def _run(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        session, cleared = CURRENT.set(self.session), CLEARED.set(_name_of(ctx))
        try:
            return await super().call_tool(name, tool_args, ctx, tool)
        finally:
            CURRENT.reset(session)
            CLEARED.reset(cleared)

    async def _run_approved(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Run the call as it was decided on the server. That the framework calls it approved is
        only a reason to look there: without a decision a person is asked, with a no it fails."""
        found = issued(ctx.messages, ctx.tool_call_id or "")
        if found is None:
            return told(broken("the conversation does not hold the call that was approved"))
        raw = raw_arguments(found.call)
        round = round_of(ctx.tool_call_metadata)
        key = key_of(ctx.conversation_id or "", found, round)
        decision = await self.session.decision(key)
        if decision is None:
            raise _asking(shown(passed(raw, ctx, tool), raw, ctx, tool), tool, round)
        if not decision.approved:
            return told(refusal(decision))
        true = ours(ctx.tool_call_metadata).get("arguments") or raw
        gate = self.session.gate(name, true) or Gate()
        secrets = Secrets(gate.secrets, salt=key)
        try:
            passed(secrets.unmask(decision.arguments or {}, true), ctx, tool)
        except (ValidationError, StaleDigest) as error:
            return told(unfit(decision, error))

        async def act(arguments: dict[str, Any]) -> Any:
            known = {**(ctx.tool_call_metadata or {}), **approvers(ctx, decision)}
            informed = replace(ctx, tool_call_metadata=known)
            return await self._run(name, passed(arguments, ctx, tool), informed, tool)

        who = approvers(ctx, decision)["approved_by"]
        execution = Execution(act, {"round": round + 1, "approved_by": who})
        return await self._once(execution, round, decision, secrets, true)

    async def _once(
        self,
        execution: Execution,
        round: int,
        decision: Decision,
        secrets: Secrets,
        true: dict[str, Any],
    ) -> Any:
        try:
            result = await Effects(self.session.client).arun(
                decision, execution.run, secrets=secrets, true=true, encode=execution.encode
            )
        except OutcomeUnknown as unknown:
            question = unknown.details.get("question")
            if execution.begun or not question:
                raise
            again = {"waits": question, "round": round, "arguments": true}
            raise ApprovalRequired({META: again}) from unknown
        except (GrantRefused, StaleDigest) as refused:
            # Another attempt that is under way: whether it runs is not known, so nothing is said.
            if execution.begun or refused.details.get("reason") == "started":
                raise
            return told(broken(refused.message, refused.details.get("error")))
        return with_note(execution.said(result), decision, true)


def _name_of(ctx: RunContext[Any]) -> str:
    return f"{ctx.run_id} {ctx.conversation_id} {ctx.tool_call_id}"


def _asking(arguments: dict[str, Any], tool: ToolsetTool[Any], round: int = 0) -> ApprovalRequired:
    said: dict[str, Any] = {"arguments": arguments}
    if tool.tool_def.description:
        said["description"] = tool.tool_def.description[:_LONGEST]
    if round:
        said["round"] = round
    return ApprovalRequired({META: said})
