"""CrewAI without its telemetry, its traces and its files; an embedded Holdshort that is ours."""

from __future__ import annotations

import os

for _name in ("URL", "DATABASE", "API_KEY", "PERSON_KEY", "PERSON"):
    os.environ.pop(f"HOLDSHORT_{_name}", None)

os.environ["HOLDSHORT_CONSOLE"] = "false"

import warnings  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

from . import quiet  # noqa: E402, F401

with warnings.catch_warnings():
    # What CrewAI and its dependencies warn of while they are imported is not ours to mend.
    warnings.simplefilter("ignore")
    import crewai
    import crewai.flow.flow  # noqa: F401

from holdshort import Client, Reviewer, Worker  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    # CrewAI's own code uses what CrewAI and pydantic deprecate.
    config.addinivalue_line("filterwarnings", "ignore::DeprecationWarning")


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'holdshort.db'}"


@pytest.fixture
def client(database: str) -> Iterator[Client]:
    with Client(database) as client:
        yield client


@pytest.fixture
def ana(database: str) -> Iterator[Reviewer]:
    with Reviewer(database, person="ana@acme.com") as reviewer:
        yield reviewer


@pytest.fixture
def work(client: Client):
    """Let a worker of these apps do all that is ready; return how many runs it brought on."""

    def run(*apps: object) -> int:
        return Worker(client, apps=list(apps), retry_after=0.0).run(once=True)

    return run
