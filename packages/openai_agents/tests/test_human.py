"""A model that asks a person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from agents import Agent, Runner

from holdshort import InvalidRequest, Reviewer
from holdshort_openai_agents import Finished, ask_human_tool, gate_agent

from .conftest import ANA, Shop
from .scripted import call, say

DONE = [say("done")]


def asking(shop: Shop, **options: Any) -> Any:
    return lambda: Agent("support", model=shop.model, tools=[ask_human_tool(to=ANA, **options)])


def start(shop: Shop, build: Any, **arguments: Any) -> str:
    waiting = shop.start([[call("ask_human", **arguments)], DONE], build=build)
    return waiting.intent_ids[0]


def test_a_free_text(shop: Shop, ana: Reviewer) -> None:
    build = asking(shop)
    asked = start(shop, build, question="Which size?")
    assert "Which size?" in ana.get(asked)["title"]
    ana.approve(asked, comment="large")
    shop.work(build=build)
    assert shop.model.told[-1] == "large"
    assert shop.result() == ("done", "done")


def test_a_choice(shop: Shop, ana: Reviewer) -> None:
    build = asking(shop)
    asked = start(shop, build, question="Which size?", options=["small", "large"])
    with pytest.raises(InvalidRequest, match="huge"):
        ana.submit(asked, "provided", data={"answer": "huge"})
    ana.submit(asked, "provided", data={"answer": "small"})
    shop.work(build=build)
    assert shop.model.told[-1] == "small"


def test_data_that_fits_a_schema(shop: Shop, ana: Reviewer) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    build = asking(shop, schema=schema)
    asked = start(shop, build, question="How many?")
    ana.submit(asked, "provided", data={"n": 3})
    shop.work(build=build)
    assert shop.model.told[-1] == '{"n":3}'


def test_nobody_answers(shop: Shop) -> None:
    build = asking(shop, deadline=0.05)
    start(shop, build, question="Which size?")
    outcome = shop.runner(build=build).run_sync(
        "support", "pay bob", run_id="r1", mode="wait", timeout=20
    )
    assert isinstance(outcome, Finished)
    assert "Nobody answered in time" in shop.model.told[-1]


def test_withdrawn(shop: Shop) -> None:
    build = asking(shop)
    shop.client.cancel(start(shop, build, question="Which size?"))
    shop.work(build=build)
    assert "There is no answer" in shop.model.told[-1]


@pytest.mark.parametrize("arguments", [{}, {"question": ""}, {"question": "?", "options": "ab"}])
def test_no_question(shop: Shop, ana: Reviewer, arguments: dict[str, Any]) -> None:
    runner = shop.runner([[call("ask_human", **arguments)], DONE], build=asking(shop))
    assert isinstance(runner.run_sync("support", "x"), Finished)
    assert "Nobody was asked" in shop.model.told[-1]
    assert ana.tasks() == []


def test_outside_of_a_runner(shop: Shop) -> None:
    shop.model.script = [[call("ask_human", question="?")], DONE]
    agent = asking(shop)()
    gate_agent(agent)
    asyncio.run(Runner.run(agent, "x"))
    assert "Nobody can be asked here" in shop.model.told[-1]
