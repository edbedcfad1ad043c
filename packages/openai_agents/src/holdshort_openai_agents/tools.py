"""A gate before each kind of tool: when it asks, and what then runs in the tool's place."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import jsonschema_rs
from agents import (
    ApplyPatchTool,
    CustomTool,
    FunctionTool,
    RunContextWrapper,
    ShellActionRequest,
    ShellCommandRequest,
    ShellTool,
)
from agents.editor import ApplyPatchEditor, ApplyPatchOperation
from agents.tool_context import ToolContext

from holdshort.adapters import Gate, Gates
from holdshort_openai_agents.asking import INPUT, Place, plain, read_arguments, write_arguments
from holdshort_openai_agents.executing import NOBODY_ASKED, delegate, execute
from holdshort_openai_agents.results import Form, PatchForm, ShellForm
from holdshort_openai_agents.session import CURRENT, PATH, inside

log = logging.getLogger("holdshort.openai_agents")
Needs = Any
NO_RUN = "This call was not executed: it needs a person's approval, and nobody can be asked here."


@dataclass(frozen=True)
class Gating:
    """The gates of one agent's tools."""

    agent: str
    gates: Gates

    def place(self, tool: str, call_id: str) -> Place:
        """Return where a call stands."""
        return Place(self.agent, tool, call_id, PATH.get())

    async def needs_person(
        self, own: Needs, tool: str, call_id: str, arguments: dict[str, Any], fit: bool, *given: Any
    ) -> bool:
        """Whether this call needs a person. `own` is the tool's own policy, `given` what it takes;
        whether it errs or the gate does, the answer is yes."""
        place, session = self.place(tool, call_id), CURRENT.get()
        asks = await _own(own, tool, given)
        if not asks and self.gates.names(tool):
            asks = not fit or self.gates.find(tool, arguments) is not None
        if session is not None:
            if asks:
                session.needs_person(place)
            else:
                session.clear(place, arguments)
        return asks

    def open(self, own: Needs, tool: str, call_id: str, arguments: dict[str, Any]) -> bool:
        """Whether a call may run without anybody's approval: nothing ever asks about this tool, or
        it was found to need nobody just now."""
        if own is False and not self.gates.names(tool):
            return True
        session = CURRENT.get()
        return session is not None and session.was_cleared(self.place(tool, call_id), arguments)

    def gate(self, tool: str) -> Gate:
        """Return how this tool's calls are asked about."""
        return rule(self.gates, tool)


def rule(gates: Gates, tool: str) -> Gate:
    """Return how a tool's calls are asked about, whatever their arguments say."""
    return gates.rule(tool) or Gate()


def gate_function(tool: FunctionTool, gating: Gating) -> None:
    """Gate a function tool, an agent as a tool, or a tool of an MCP server."""
    own, run = tool.needs_approval, tool.on_invoke_tool
    fits = cache(partial(_validator, tool.params_json_schema))

    async def needs(context: RunContextWrapper[Any], given: dict[str, Any], call_id: str) -> bool:
        fit = fits()(given)
        return await gating.needs_person(
            own, tool.name, call_id, given, fit, context, given, call_id
        )

    async def invoke(context: ToolContext[Any], given: str) -> Any:
        arguments, call_id = read_arguments(given), context.tool_call_id
        place = gating.place(tool.name, call_id)

        async def act(approved: dict[str, Any]) -> Any:
            text = given if approved == arguments else write_arguments(approved)
            if not tool._is_agent_tool:
                return await run(context, text)
            with inside((*place.path, call_id)):
                return await run(context, text)

        if gating.open(own, tool.name, call_id, arguments):
            return await act(arguments)
        session = CURRENT.get()
        if session is None:
            return NO_RUN
        ask = session.ask(place, arguments, gating.gate(tool.name), question=False)
        if tool._is_agent_tool:
            return await delegate(session, ask, act)
        return await execute(session, ask, act, Form())

    tool.needs_approval = needs
    tool.on_invoke_tool = invoke


def gate_custom(tool: CustomTool, gating: Gating) -> None:
    """Gate a custom tool: its input is one text."""
    own, run = tool.needs_approval, tool.on_invoke_tool

    async def needs(context: RunContextWrapper[Any], given: str, call_id: str) -> bool:
        arguments = {INPUT: given}
        return await gating.needs_person(
            own, tool.name, call_id, arguments, True, context, given, call_id
        )

    async def invoke(context: ToolContext[Any], given: str) -> Any:
        async def act(approved: dict[str, Any]) -> Any:
            result = run(context, approved[INPUT])
            return await result if inspect.isawaitable(result) else result

        arguments, call_id = {INPUT: given}, context.tool_call_id
        if gating.open(own, tool.name, call_id, arguments):
            return await act(arguments)
        session = CURRENT.get()
        if session is None:
            return NO_RUN
        place = gating.place(tool.name, call_id)
        ask = session.ask(place, arguments, gating.gate(tool.name), question=False)
        return await execute(session, ask, act, Form())

    tool.needs_approval = needs
    tool.on_approval = None
    tool.on_invoke_tool = invoke


def gate_shell(tool: ShellTool, gating: Gating) -> None:
    """Gate a shell that runs on this machine."""
    own, run = tool.needs_approval, tool.executor
    assert run is not None

    async def needs(
        context: RunContextWrapper[Any], given: ShellActionRequest, call_id: str
    ) -> bool:
        arguments = plain(given)
        return await gating.needs_person(
            own, tool.name, call_id, arguments, True, context, given, call_id
        )

    async def invoke(request: ShellCommandRequest) -> Any:
        async def act(approved: dict[str, Any]) -> Any:
            data = replace(request.data, action=ShellActionRequest(**approved))
            result = run(replace(request, data=data))
            return await result if inspect.isawaitable(result) else result

        arguments, call_id = plain(request.data.action), request.data.call_id
        if gating.open(own, tool.name, call_id, arguments):
            return await act(arguments)
        session = CURRENT.get()
        if session is None:
            return ShellForm().say(NO_RUN)
        place = gating.place(tool.name, call_id)
        ask = session.ask(place, arguments, gating.gate(tool.name), question=False)
        return await execute(session, ask, act, ShellForm())

    tool.needs_approval = needs
    tool.on_approval = None
    tool.executor = invoke


def gate_patch(tool: ApplyPatchTool, gating: Gating) -> None:
    """Gate an editor of files."""
    own = tool.needs_approval

    async def needs(
        context: RunContextWrapper[Any], given: ApplyPatchOperation, call_id: str
    ) -> bool:
        arguments = plain(given)
        return await gating.needs_person(
            own, tool.name, call_id, arguments, True, context, given, call_id
        )

    tool.needs_approval = needs
    tool.on_approval = None
    tool.editor = _Editor(tool.editor, tool.name, own, gating)


class _Editor:
    """An editor behind a gate. It is not told which call it works for, so the call is found by what
    it says, among those of the run that were decided on."""

    def __init__(self, editor: ApplyPatchEditor, tool: str, own: Needs, gating: Gating) -> None:
        self._editor = editor
        self._tool = tool
        self._own = own
        self._gating = gating

    async def create_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def update_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def delete_file(self, operation: ApplyPatchOperation) -> Any:
        return await self._edit(operation)

    async def _edit(self, operation: ApplyPatchOperation) -> Any:
        async def act(approved: dict[str, Any]) -> Any:
            changed = replace(operation, **approved)
            result = getattr(self._editor, changed.type)(changed)
            return await result if inspect.isawaitable(result) else result

        session, arguments, form = CURRENT.get(), plain(operation), PatchForm()
        if self._own is False and not self._gating.gates.names(self._tool):
            return await act(arguments)
        if session is None:
            return form.say(NO_RUN)
        place = self._gating.place(self._tool, "")
        if session.was_cleared(place, arguments):
            return await act(arguments)
        ask = session.patch(place, arguments)
        if ask is None:
            return form.say(NOBODY_ASKED)
        return await execute(session, ask, act, form)


async def _own(own: Needs, tool: str, given: tuple[Any, ...]) -> bool:
    """Return what a tool's own policy says; where it errs, that a person is needed."""
    if not callable(own):
        return bool(own)
    try:
        asks = own(*given)
        return bool(await asks if inspect.isawaitable(asks) else asks)
    except Exception:
        log.warning("needs_approval of %s failed, so a person is asked", tool, exc_info=True)
        return True


def _validator(schema: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """Return what says whether arguments are what a tool will be called with: nothing missing,
    nothing to be converted. A gate cannot judge by anything else."""
    defaults = [
        name
        for name, one in (schema.get("properties") or {}).items()
        if isinstance(one, dict) and one.get("default") is not None
    ]
    try:
        valid = jsonschema_rs.validator_for(schema).is_valid
    except Exception:
        log.warning("a tool's schema cannot be read, so its gate always asks", exc_info=True)
        return lambda given: False
    return lambda given: valid(given) and all(name in given for name in defaults)
