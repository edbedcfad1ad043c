"""A deploy agent: it checks a release, asks where to put it, and releases what a person cleared."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from holdshort import Client
from holdshort_pydantic_ai import DurableAgent, Gate, ask_human

REVIEWER = "ana@example.com"


class Rollout(BaseModel):
    """How a version reaches its users."""

    region: Literal["eu", "us"]
    percent: int = 100


def check(version: str) -> str:
    """Return what is known of a version."""
    return f"{version}: tests passed, 2 database migrations"


def deploy(version: str, rollout: Rollout) -> str:
    """Release a version to the users of a region."""
    with Path("deploys.csv").open("a", encoding="utf-8") as file:
        file.write(f"{version},{rollout.region},{rollout.percent}\n")
    return f"{version} reaches {rollout.percent} % of {rollout.region}"


def build_agent() -> Agent[None, str]:
    """The agent, as any application has it. It may ask a person what it cannot know."""
    return Agent(
        os.environ.get("HOLDSHORT_EXAMPLE_MODEL") or FunctionModel(script),
        name="deployer",
        instructions="Check the version. Ask a person whether it goes to eu or us first, with "
        "these as options. Deploy it there to everybody. Then say in a sentence what was released.",
        tools=[check, deploy],
        toolsets=[ask_human(to=REVIEWER, deadline="8h")],
    )


def durable(client: Client) -> DurableAgent:
    """What starts the agent here, and goes on with it anywhere."""
    wide = Gate(
        to=REVIEWER,
        title="Release to users",
        deadline="8h",
        when=lambda tool, arguments: arguments["rollout"]["percent"] > 5,
    )
    return DurableAgent(build_agent(), client, name="deploys", gates={"deploy": wide})


def script(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Stands in for a real model, so that the example runs offline."""
    results = {
        part.tool_name: part.content
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    }
    if "check" not in results:
        return ModelResponse([ToolCallPart("check", {"version": "2.1"})])
    if "ask_human" not in results:
        question = f"{results['check']}. Where does it go first?"
        asked = {"question": question, "options": ["eu", "us"]}
        return ModelResponse([ToolCallPart("ask_human", asked)])
    if "deploy" not in results:
        rollout = {"region": results["ask_human"]}
        return ModelResponse([ToolCallPart("deploy", {"version": "2.1", "rollout": rollout})])
    return ModelResponse([TextPart(f"Done: {results['deploy']}.")])
