"""LangGraph's own suite for checkpointers: wrapped savers do what bare ones do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from holdshort import Client
from holdshort_langgraph import wrap_checkpointer


def verdicts(make: Any) -> dict[str, Any]:
    """Run the suite; return what it says of each capability."""

    @checkpointer_test(name="saver")
    async def saver() -> AsyncIterator[Any]:
        async with make() as one:
            yield one

    report = asyncio.run(validate(saver))
    assert report.passed_all_base(), report.to_dict()
    results = report.results
    return {
        name: (one.detected, one.passed, one.tests_passed, one.tests_failed)
        for name, one in results.items()
    }


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def make(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """What opens a fresh saver of each kind."""
    number = itertools.count()

    @asynccontextmanager
    async def memory() -> AsyncIterator[Any]:
        yield InMemorySaver()

    def sqlite() -> Any:
        return AsyncSqliteSaver.from_conn_string(str(tmp_path / f"{next(number)}.db"))

    @asynccontextmanager
    async def postgres() -> AsyncIterator[Any]:
        async with AsyncPostgresSaver.from_conn_string(url) as saver:
            await saver.setup()
            yield saver

    if request.param == "postgres":
        url = request.getfixturevalue("pg_url")
    return {"memory": memory, "sqlite": sqlite, "postgres": postgres}[request.param]


def test_wrapped_and_bare_savers_have_the_same_result(make: Any, client: Client) -> None:
    @asynccontextmanager
    async def wrapped() -> AsyncIterator[Any]:
        async with make() as bare:
            yield wrap_checkpointer(bare, client, graph="suite")

    bare_result = verdicts(make)

    assert verdicts(wrapped) == bare_result
    assert bare_result["put"][1]
    assert client.list_intents() == []  # its dicts on the channel of interrupts are no questions
