from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdshort import Client, Reviewer
from holdshort.adapters import Gate, Run, call_key, open_run, tool_intent

ANA = "ana@acme.com"
APP = "refunds"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("URL", "DATABASE", "API_KEY", "PERSON_KEY", "PERSON"):
        monkeypatch.delenv(f"HOLDSHORT_{name}", raising=False)
    monkeypatch.setenv("HOLDSHORT_CONSOLE", "false")
    return f"sqlite:///{tmp_path / 'holdshort.db'}"


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def ana(database: str) -> Iterator[Reviewer]:
    with Reviewer(database, person=ANA) as reviewer:
        yield reviewer


def payment(arguments: dict[str, Any], call_id: str = "c1", **gate: Any) -> dict[str, Any]:
    """The intent of a call of `pay` in the run `r`."""
    key = call_key("test", "r", "step", call_id)
    return tool_intent(Gate(to=ANA, **gate), key=key, tool="pay", arguments=arguments, run_id="r")


@pytest.fixture
def begin(client: Client) -> Callable[..., Run]:
    def begin(run_id: str = "r", **options: Any) -> Run:
        return open_run(client, run_id, app=APP, **options)

    return begin
