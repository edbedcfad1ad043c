"""A database of decisions for every test, and a person who decides."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdshort import Client, Reviewer, Worker
from holdshort_pydantic_ai import DurableAgent

from .kit import ANA, Bank


@pytest.fixture(autouse=True)
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The event loop on which an agent's own `run_sync` runs; it would leave one open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/holdshort.db"


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with Client(url, agent="bot") as client:
        yield client


@pytest.fixture
def ana(client: Client, url: str) -> Iterator[Reviewer]:
    with Reviewer(url, person=ANA) as reviewer:
        yield reviewer


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def work(client: Client) -> Callable[[DurableAgent], int]:
    """Let a worker do what is ready."""

    def work(durable: DurableAgent) -> int:
        return Worker(client, apps=[durable], retry_after=0.01).run(once=True)

    return work
