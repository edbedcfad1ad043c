"""Whatever is sent: no defect, and every answer is one that the OpenAPI document describes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from holdshort.server.contract import ENDPOINTS, Endpoint
from holdshort.server.openapi import openapi

from .house import House, database_in
from .requests_for import Things, things

T = TypeVar("T")

SCHEMA = schemathesis.openapi.from_dict(openapi())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


class Inhabited:
    """A house on an event loop of its own, with something of each kind in it."""

    def __init__(self, house: House) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.house = house
        self.run(house.open())
        self.open: Things = self.run(things(house))
        self.ended: Things = self.run(things(house))
        self.run(house.decide(self.ended.intent_id))
        self.keys = {"agent": house.agent, "person": house.ana, "service": house.admin}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self.run(self.house.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def send(self, case: Case, key: str | None) -> httpx.Response:
        """Send a case as it is, with a key of the right role."""
        built = requests.Request(**case.as_transport_kwargs(base_url="http://holdshort")).prepare()
        headers = {name: value for name, value in built.headers.items() if name != "Authorization"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        url = httpx.URL(str(built.url))
        return self.run(
            self.house.http.request(str(built.method), url, headers=headers, content=built.body)
        )


@pytest.fixture(scope="module")
def inhabited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    inhabited = Inhabited(House(database_in(tmp_path_factory.mktemp("house"))))
    yield inhabited
    inhabited.close()


@pytest.mark.parametrize("real", [True, False], ids=["real ids", "any ids"])
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: f"{e.method} {e.path}")
def test_any_request(
    endpoint: Endpoint, mode: GenerationMode, real: bool, inhabited: Inhabited
) -> None:
    operation = SCHEMA[endpoint.path][endpoint.method]
    if mode.is_negative and not (endpoint.body or endpoint.query or "{" in endpoint.path):
        return  # nothing could be wrong with it
    known = inhabited.ended if endpoint.method == "GET" else inhabited.open
    names = known.names(endpoint) if real else None
    key = inhabited.keys[endpoint.roles[0]] if endpoint.roles else None
    strategy = operation.as_strategy(mode, path_parameters=names)
    checks = [*CHECKS, negative_data_rejection] if mode.is_negative else CHECKS[:]
    if endpoint.media == "text/event-stream":
        # OpenAPI 3.1 describes a stream as one text; the check looks for the schema of one event.
        checks.remove(response_schema_conformance)

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy)
    def test(case: Case) -> None:
        body = case.body
        if isinstance(body, dict) and isinstance(wait := body.get("wait_seconds"), int | float):
            # Nothing comes for those who would wait for it.
            body["wait_seconds"] = 0 if 0 <= wait <= 60 else wait
        case.validate_response(inhabited.send(case, key), checks=checks)

    test()
