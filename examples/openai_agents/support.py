"""A support agent that refunds small amounts by itself, and larger ones once a person agrees."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from agents import Agent, Model, ModelResponse, Usage, function_tool, set_tracing_disabled
from openai.types.responses import (
    ResponseFunctionToolCall,
    ResponseOutputMessage,
    ResponseOutputText,
)

from holdshort import Client
from holdshort.adapters import Gate
from holdshort_openai_agents import IntentRunner

REVIEWER = "ana@example.com"
ORDERS = {"A-17": {"customer": "bob@example.com", "total": 120, "arrived": "broken"}}


@function_tool
def look_up(order: str) -> str:
    """Return what is known of an order."""
    return json.dumps(ORDERS.get(order, "there is no such order"))


@function_tool
def refund(order: str, amount: int) -> str:
    """Refund an amount for an order."""
    with Path("refunds.csv").open("a", encoding="utf-8") as file:
        file.write(f"{order},{amount}\n")
    return f"refunded {amount} for {order}"


def build_support() -> Agent[Any]:
    """The agent, as any application of the SDK has it. Nothing in it knows of Holdshort."""
    return Agent(
        "support",
        instructions="Look the order up. Where it arrived broken, refund its total. Then tell the "
        "customer in one sentence what was refunded.",
        tools=[look_up, refund],
        model=os.environ.get("HOLDSHORT_EXAMPLE_MODEL") or Script(),
    )


def runner(client: Client) -> IntentRunner:
    """What starts the agent here, and goes on with it anywhere."""
    large = Gate(
        to=REVIEWER,
        title="Refund a customer",
        deadline="8h",
        when=lambda tool, arguments: arguments["amount"] > 50,
    )
    return IntentRunner(client, {"support": build_support}, gates={"refund": large}, name="refunds")


class Script(Model):
    """Stands in for a real model, so that the example runs offline."""

    async def get_response(
        self, system_instructions: Any, input: Any, *args: Any, **more: Any
    ) -> ModelResponse:
        results = [
            item["output"]
            for item in (input if isinstance(input, list) else [])
            if item.get("type") == "function_call_output"
        ]
        return ModelResponse([self._next(results)], Usage(), response_id=None)

    def stream_response(self, *args: Any, **more: Any) -> AsyncIterator[Any]:
        raise NotImplementedError("the script does not stream")

    def _next(self, results: list[str]) -> Any:
        if not results:
            return _call("look_up", order="A-17")
        if len(results) == 1:
            return _call("refund", order="A-17", amount=json.loads(results[0])["total"])
        text = ResponseOutputText(type="output_text", text=f"Done: {results[1]}", annotations=[])
        return ResponseOutputMessage(
            id="said", type="message", role="assistant", status="completed", content=[text]
        )


def _call(tool: str, **arguments: Any) -> ResponseFunctionToolCall:
    return ResponseFunctionToolCall(
        type="function_call", name=tool, arguments=json.dumps(arguments), call_id=f"call-{tool}"
    )


# The SDK sends traces to OpenAI where it has a key; an example should not.
set_tracing_disabled(True)
