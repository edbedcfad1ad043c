"""Every kind of tool behind a gate, in agents that nobody edited."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import (
    Agent,
    ApplyPatchResult,
    ApplyPatchTool,
    CustomTool,
    FunctionTool,
    Handoff,
    HostedMCPTool,
    LocalShellTool,
    Runner,
    ShellTool,
    WebSearchTool,
    function_tool,
    handoff,
)
from agents.mcp import MCPServer
from mcp.types import CallToolResult, GetPromptResult, ListPromptsResult, TextContent
from mcp.types import Tool as MCPTool
from openai.types.responses import ResponseCustomToolCall
from openai.types.responses.response_function_shell_tool_call import (
    Action,
    ResponseFunctionShellToolCall,
)
from openai.types.responses.response_output_item import McpApprovalRequest

from holdshort import ConfigurationError, Reviewer
from holdshort.adapters import Gate
from holdshort_openai_agents import Finished, gate_agent, human_guardrail

from .conftest import ANA, Shop, wait_until
from .scripted import Scripted, call, raw_call, say

DONE = [say("done")]
TO = Gate(to=ANA)


def decide(shop: Shop, ana: Reviewer, script: Any, build: Any, gates: Any, **decision: Any) -> None:
    """Start it in one process, let Ana approve, go on in another."""
    waiting = shop.start(script, build=build, gates=gates)
    ana.approve(waiting.intent_ids[0], **decision)
    assert shop.work(build=build, gates=gates) == 1


class Server(MCPServer):
    """An MCP server in this process."""

    def __init__(self, done: list[Any]) -> None:
        super().__init__()
        self.done = done

    @property
    def name(self) -> str:
        return "files"

    async def connect(self) -> None:
        pass

    async def cleanup(self) -> None:
        pass

    async def list_tools(self, run_context: Any = None, agent: Any = None) -> list[MCPTool]:
        schema = {"type": "object", "properties": {"path": {"type": "string"}}}
        return [MCPTool(name="delete", description="Delete.", inputSchema=schema)]

    async def call_tool(self, tool_name: str, arguments: Any, meta: Any = None) -> CallToolResult:
        self.done.append([tool_name, arguments])
        return CallToolResult(content=[TextContent(type="text", text="gone")])

    async def list_prompts(self) -> ListPromptsResult:
        raise NotImplementedError

    async def get_prompt(self, name: str, arguments: Any = None) -> GetPromptResult:
        raise NotImplementedError


@pytest.mark.parametrize("path", ["a", "b"])
def test_tools_of_an_mcp_server(shop: Shop, ana: Reviewer, path: str) -> None:
    def build() -> Agent[Any]:
        return Agent("support", model=shop.model, mcp_servers=[Server(shop.done)])

    script = [[call("delete", path="a")], DONE]
    decide(shop, ana, script, build, {"delete": TO}, arguments={"path": path})
    assert shop.done == [["delete", {"path": path}]]
    assert "gone" in shop.model.told[-1]
    assert shop.result() == ("done", "done")


def shell_call(*commands: str) -> ResponseFunctionShellToolCall:
    return ResponseFunctionShellToolCall(
        type="shell_call",
        id="s1",
        call_id="c1",
        status="completed",
        action=Action(commands=list(commands)),
    )


@pytest.mark.parametrize("commands", [["rm x"], ["ls"]])
def test_a_shell(shop: Shop, ana: Reviewer, commands: list[str]) -> None:
    def execute(request: Any) -> str:
        shop.done.append(request.data.action.commands)
        return "output"

    def build() -> Agent[Any]:
        return Agent("support", model=shop.model, tools=[ShellTool(executor=execute)])

    script = [[shell_call("rm x")], DONE]
    decide(shop, ana, script, build, {"shell": TO}, arguments={"commands": commands})
    assert shop.done == [commands]
    assert shop.result() == ("done", "done")


def test_a_shell_refused(shop: Shop, ana: Reviewer) -> None:
    def build() -> Agent[Any]:
        return Agent("support", model=shop.model, tools=[ShellTool(executor=shop.done.append)])

    waiting = shop.start([[shell_call("rm x")], DONE], build=build, gates={"shell": TO})
    ana.reject(waiting.intent_ids[0], comment="never")
    shop.work(build=build, gates={"shell": TO})
    assert shop.done == []
    assert shop.result() == ("done", "done")


class Editor:
    def __init__(self, done: list[Any]) -> None:
        self.done = done

    def update_file(self, operation: Any) -> ApplyPatchResult:
        self.done.append([operation.type, operation.path, operation.diff])
        return ApplyPatchResult(status="completed", output="patched")

    create_file = delete_file = update_file


def patch_call(kind: str, path: str, diff: str | None) -> dict[str, Any]:
    operation = {"type": kind, "path": path} | ({"diff": diff} if diff else {})
    return {
        "type": "apply_patch_call",
        "id": "p1",
        "call_id": "c1",
        "status": "completed",
        "operation": operation,
    }


@pytest.mark.parametrize("path", ["a.py", "b.py"])
def test_apply_patch(shop: Shop, ana: Reviewer, path: str) -> None:
    def build() -> Agent[Any]:
        return Agent("support", model=shop.model, tools=[ApplyPatchTool(editor=Editor(shop.done))])

    asked = {"type": "update_file", "path": "a.py", "diff": "+x"}
    script = [[patch_call(**{"kind": "update_file", "path": "a.py", "diff": "+x"})], DONE]
    decide(shop, ana, script, build, {"apply_patch": TO}, arguments={**asked, "path": path})
    assert shop.done == [["update_file", path, "+x"]]
    assert shop.result() == ("done", "done")


def test_a_custom_tool(shop: Shop, ana: Reviewer) -> None:
    async def invoke(context: Any, given: str) -> str:
        shop.done.append(given)
        return "ok"

    def build() -> Agent[Any]:
        tool = CustomTool(name="sql", description="Run SQL.", on_invoke_tool=invoke)
        return Agent("support", model=shop.model, tools=[tool])

    asked = ResponseCustomToolCall(
        type="custom_tool_call", name="sql", input="drop table x", call_id="c1", id="x1"
    )
    script = [[asked], DONE]
    decide(shop, ana, script, build, {"sql": TO}, arguments={"input": "select 1"})
    assert shop.done == ["select 1"]
    assert shop.result() == ("done", "done")


@pytest.mark.parametrize("how", ["approve", "reject", "edit"])
def test_a_hosted_mcp_server(shop: Shop, ana: Reviewer, how: str) -> None:
    """The tool runs at the provider; all that it can be told is yes or no."""
    config: Any = {"type": "mcp", "server_label": "files", "server_url": "https://127.0.0.1/mcp"}

    def build() -> Agent[Any]:
        tool = HostedMCPTool(tool_config={**config, "require_approval": "always"})
        return Agent("support", model=shop.model, tools=[tool])

    def script(turns: int, told: list[str]) -> list[Any]:
        return DONE if turns else [request]

    request = McpApprovalRequest(
        type="mcp_approval_request",
        id="mcpr_1",
        name="delete",
        server_label="files",
        arguments='{"path": "a"}',
    )
    gates = {"delete": TO}
    waiting = shop.start([[request], DONE], build=build, gates=gates)
    shop.model.script = script
    if how == "reject":
        ana.reject(waiting.intent_ids[0], comment="never")
    else:
        path = "a" if how == "approve" else "b"
        ana.approve(waiting.intent_ids[0], arguments={"path": path})
    assert shop.work(build=build, gates=gates) == 1
    assert shop.result() == ("done", "done")
    [answer] = shop.model.answers
    assert answer["approve"] is (how == "approve")
    if how == "reject":
        assert "never" in answer["reason"]
    consumed = shop.client.get_intent(waiting.intent_ids[0])["grant"]
    assert (consumed or {}).get("state") == {"approve": "done", "edit": "open"}.get(how)


def nested(shop: Shop) -> Any:
    def build() -> Agent[Any]:
        inner = Agent("billing", model=shop.inner, tools=shop.tools())
        tool = inner.as_tool("billing", "Bills.")
        return Agent("support", model=shop.model, tools=[tool])

    return build


@pytest.fixture(autouse=True)
def inner(shop: Shop) -> None:
    shop.inner = Scripted([[call("pay", "i1", to="bob", amount=5)], [say("billed")]])


def test_an_agent_as_tool_asks_inside(shop: Shop, ana: Reviewer) -> None:
    script = [[call("billing", "o1", input="bill")], [call("billing", "o2", input="bill")], DONE]
    decide(shop, ana, script, nested(shop), {"pay": TO})
    assert shop.done == [["pay", "bob", 5]]
    # The second delegation makes the same call under the same id: it is asked about anew.
    [asked] = ana.tasks()
    ana.reject(asked["intent_id"], comment="enough")
    assert shop.work(build=nested(shop), gates={"pay": TO}) == 1
    assert shop.done == [["pay", "bob", 5]]
    assert "enough" in shop.inner.told[-1]
    assert shop.result() == ("done", "done")


def test_an_agent_as_tool_is_gated_itself(shop: Shop, ana: Reviewer) -> None:
    gates = {"pay": TO, "billing": TO}
    # Ids of its own: openai-agents 0.20 mixes up delegations of one id in one process.
    script = [[call("billing", "g1", input="bill")], DONE]
    decide(shop, ana, script, nested(shop), gates, arguments={"input": "bill bob"})
    assert shop.done == []
    [asked] = ana.tasks()
    assert asked["title"].startswith("billing: pay")
    ana.approve(asked["intent_id"])
    assert shop.work(build=nested(shop), gates=gates) == 1
    assert shop.done == [["pay", "bob", 5]]
    assert shop.inner.seen[0] == ["bill bob"]
    assert "bill bob" in shop.model.told[-1]
    assert "billed" in shop.model.told[-1]
    assert shop.result() == ("done", "done")


@pytest.mark.parametrize("wrap", [lambda agent: agent, handoff])
def test_the_target_of_a_handoff(shop: Shop, ana: Reviewer, wrap: Any) -> None:
    def build() -> Agent[Any]:
        target = Agent("billing", model=shop.inner, tools=shop.tools())
        return Agent("support", model=shop.model, handoffs=[wrap(target)])

    shop.inner.script = lambda turns, told: (
        [say("billed")] if "paid" in told[-1] else [call("pay", "i1", to="bob", amount=5)]
    )
    decide(shop, ana, [[call("transfer_to_billing")]], build, {"pay": TO})
    assert shop.done == [["pay", "bob", 5]]
    assert shop.result() == ("done", "billed")


def test_a_handoff_into_the_dark(shop: Shop) -> None:
    async def away(context: Any, given: str) -> Agent[Any]:
        raise NotImplementedError

    dark = Handoff("transfer", "Away.", {}, away, "away")
    with pytest.raises(ConfigurationError, match="cannot be seen"):
        gate_agent(Agent("support", handoffs=[dark]), ["pay"])


@pytest.mark.parametrize(
    ("arguments", "asks"),
    [
        ('{"to": "bob", "amount": 5}', False),
        ('{"to": "bob", "amount": 50}', True),
        ('{"to": "bob", "amount": "5"}', True),
        ('{"to": "bob"}', True),
        ('{"to": "bob", "amount": 5, "more": 1}', True),
    ],
)
def test_a_gate_sees_what_the_tool_gets(shop: Shop, arguments: str, asks: bool) -> None:
    gates = {"pay": Gate(to=ANA, when=lambda tool, given: given.get("amount", 0) > 10)}
    script = [[raw_call("pay", arguments)], DONE]
    outcome = shop.runner(script, gates=gates).run_sync("support", "pay bob")
    assert isinstance(outcome, Finished) is not asks
    assert shop.done == ([] if asks else [["pay", "bob", 5]])


def test_a_default_that_the_gate_cannot_see(shop: Shop) -> None:
    @function_tool(strict_mode=False)
    def send(to: str, copies: int = 1000) -> str:
        raise AssertionError("nobody approved")

    def build() -> Agent[Any]:
        return Agent("support", model=shop.model, tools=[send])

    gates = {"send": Gate(to=ANA, when=lambda tool, given: given.get("copies", 0) > 10)}
    assert shop.start([[call("send", to="bob")], DONE], build=build, gates=gates)


@pytest.mark.parametrize("arguments", ["", "no json", "[1]", '{"to": NaN, "amount": 5}'])
def test_what_is_no_json_is_asked_about_by_nobody(
    shop: Shop, ana: Reviewer, arguments: str
) -> None:
    script = [[raw_call("pay", arguments)], DONE]
    outcome = shop.runner(script).run_sync("support", "pay bob")
    assert isinstance(outcome, Finished)
    assert shop.done == []
    assert ana.tasks() == []
    assert "not executed" in shop.model.told[-1]


def test_numbers_that_nobody_can_be_shown_exactly(shop: Shop, ana: Reviewer) -> None:
    outcome = shop.runner([[call("pay", to="bob", amount=10**30)], DONE]).run_sync("support", "x")
    assert isinstance(outcome, Finished)
    assert (shop.done, ana.tasks()) == ([], [])
    assert "not executed" in shop.model.told[-1]


def test_huge_arguments(shop: Shop, ana: Reviewer) -> None:
    script = [[call("pay", to="b" * 2_000_000, amount=5)], DONE]
    outcome = shop.runner(script).run_sync("support", "x")
    assert isinstance(outcome, Finished)
    assert (shop.done, ana.tasks()) == ([], [])
    assert "not executed" in shop.model.told[-1]


@pytest.mark.parametrize("errs", [True, False])
def test_the_own_policy_of_a_tool_still_asks(shop: Shop, ana: Reviewer, errs: bool) -> None:
    async def policy(context: Any, given: dict[str, Any], call_id: str) -> bool:
        if errs:
            raise LookupError("which limit?")
        return bool(given["amount"] > 1)

    def build() -> Agent[Any]:
        agent = shop.build()
        for tool in agent.tools:
            assert isinstance(tool, FunctionTool)
            tool.needs_approval = policy if tool.name == "pay" else False
        return agent

    with pytest.raises(Exception, match="nobody to ask"):
        shop.runner([[call("pay", to="bob", amount=5)], DONE], build=build, gates=None).run_sync(
            "support", "x"
        )
    assert shop.done == []


def test_a_gated_agent_runs_nothing_outside_of_a_runner(shop: Shop) -> None:
    agent = shop.build()
    gate_agent(agent, ["pay"])
    shop.model.script = [[call("pay", to="bob", amount=5), call("look", "c2", what="x")], DONE]

    async def go() -> Any:
        result = await Runner.run(agent, "pay bob")
        state = result.to_state()
        for item in state.get_interruptions():
            state.approve(item)
        return await Runner.run(agent, state)

    assert asyncio.run(go()).final_output == "done"
    assert shop.done == [["look", "x"]]
    assert any("not executed" in text for text in shop.model.told)


def test_gates_are_put_once(shop: Shop) -> None:
    agent = shop.build()
    shop.model.script = [[call("pay", to="bob", amount=5)], DONE]
    one = shop.runner(build=lambda: agent, gates={"pay": TO})
    for number in range(2):
        outcome = one.run_sync("support", "pay bob", run_id=f"r{number}")
        assert not isinstance(outcome, Finished)
    with pytest.raises(ConfigurationError, match="other gates"):
        gate_agent(agent, ["pay"])


def test_two_agents_of_one_name(shop: Shop) -> None:
    inner = Agent("support", tools=[])
    with pytest.raises(ConfigurationError, match="two agents are named support"):
        gate_agent(Agent("support", tools=[inner.as_tool("inner", "x")]), ["pay"])


def test_tools_that_no_gate_can_stop(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    tools: list[Any] = [LocalShellTool(executor=lambda request: "")]
    with pytest.raises(ConfigurationError, match="cannot stop"):
        gate_agent(Agent("support", tools=tools), lambda tool, arguments: True)
    gate_agent(Agent("support", tools=tools), {"local_shell": False, "*": True})
    gate_agent(Agent("support", tools=[WebSearchTool()]), ["web*"])
    assert "no gate can stop it" in caplog.text


def guarded(shop: Shop, timeout: float) -> Any:
    """An agent that is run by the SDK's own Runner."""
    guardrail = human_guardrail({"pay": TO}, shop.client, timeout=timeout)
    tools = shop.tools()
    tools[0].tool_input_guardrails = [guardrail]
    agent = Agent("support", model=shop.model, tools=tools)
    shop.model.script = [[call("pay", to="bob", amount=5), call("look", "c2", what="x")], DONE]
    return Runner.run(agent, "pay bob")


@pytest.mark.parametrize("how", ["approve", "reject", "edit"])
def test_a_guardrail_waits_in_process(shop: Shop, ana: Reviewer, how: str) -> None:
    async def go() -> None:
        task = asyncio.create_task(guarded(shop, 20))
        while not (waiting := await asyncio.to_thread(ana.tasks)):
            await asyncio.sleep(0.01)
        intent_id = waiting[0]["intent_id"]
        if how == "approve":
            await asyncio.to_thread(ana.approve, intent_id)
        elif how == "reject":
            await asyncio.to_thread(ana.reject, intent_id, comment="never")
        else:
            changed = {"to": "bob", "amount": 3}
            await asyncio.to_thread(lambda: ana.approve(intent_id, arguments=changed))
        await task

    asyncio.run(go())
    paid = [one for one in shop.done if one[0] == "pay"]
    assert paid == ([["pay", "bob", 5]] if how == "approve" else [])
    told = {"approve": "paid 5", "reject": "never", "edit": '"amount": 3'}[how]
    assert any(told in text for text in shop.model.told)


def test_a_guardrail_gives_up(shop: Shop, ana: Reviewer) -> None:
    asyncio.run(guarded(shop, 0.05))
    assert shop.done == [["look", "x"]]
    assert any("in time" in text for text in shop.model.told)
    wait_until(lambda: ana.tasks() == [])
