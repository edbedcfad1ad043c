"""Waiting survives whatever happens to the server and to the line; asking asks once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from holdshort import (
    AsyncClient,
    AsyncReviewer,
    Client,
    Decision,
    Forbidden,
    HoldshortError,
    NotFound,
    RateLimited,
    Reviewer,
    Unauthenticated,
    Unavailable,
    WaitTimeout,
)
from holdshort.client import flows

from .live import ANA, TYPE, Fault, Keys, Later, Line, Server, free_port, seed, until


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Keys]]:
    """A server for the tests that leave it alone."""
    path = tmp_path_factory.mktemp("standing") / "served.db"
    keys = seed(path)
    with Server(path) as server:
        yield server, keys


def test_over_the_network_as_in_the_process(standing: tuple[Server, Keys]) -> None:
    server, keys = standing
    with (
        Client(server.url, api_key=keys.agent) as client,
        Reviewer(server.url, api_key=keys.ana) as ana,
    ):
        asked = client.send_intent(TYPE, payload={"rows": 9}, to=ANA, key="k")
        waiting = Later(lambda: client.wait_for(asked))
        ana.approve(asked, arguments={"rows": 3})
        decision = waiting.result()
        assert isinstance(decision, Decision)
        assert decision.arguments == {"rows": 3}
        assert client.find("k") is not None


def test_the_environment_holds_the_keys(
    server: Server, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDSHORT_URL", server.url)
    monkeypatch.setenv("HOLDSHORT_API_KEY", keys.agent)
    monkeypatch.setenv("HOLDSHORT_PERSON_KEY", keys.ana)
    with Client() as client, Reviewer() as ana:
        asked = client.send_intent(TYPE, to=ANA)
        ana.approve(asked)
        assert client.wait_for(asked).approved


def test_a_server_that_is_killed_while_somebody_waits(
    tmp_path: Path, server: Server, keys: Keys
) -> None:
    """With kill -9; decided while the client could not see it."""
    with Client(server.url, api_key=keys.agent) as client:
        asked = client.send_intent(TYPE, to=ANA)
        waiting = Later(lambda: client.wait_for(asked))
        until(lambda: server.waiters() == 1)
        server.kill()
        with Reviewer(server.database, person=ANA) as ana:
            ana.approve(asked, comment="while you were away")
        server.start()
        decision = waiting.result()
        assert isinstance(decision, Decision)
        assert decision.comment == "while you were away"


@pytest.mark.anyio
async def test_fifty_who_wait_through_a_restart(server: Server, keys: Keys) -> None:
    async with (
        AsyncClient(server.url, api_key=keys.agent) as client,
        AsyncReviewer(server.url, api_key=keys.ana) as ana,
    ):
        asked = [await client.send_intent(TYPE, to=ANA) for _ in range(50)]
        waiting = [asyncio.create_task(client.wait_for(one)) for one in asked]
        await asyncio.to_thread(until, lambda: server.waiters() == 50)
        for one in asked[:25]:
            await ana.approve(one, comment=one)
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        for one in asked[25:]:
            await ana.approve(one, comment=one)
        decisions = await asyncio.wait_for(asyncio.gather(*waiting), 60)
        assert [decision.comment for decision in decisions] == asked


FAULTS: dict[str, list[Fault]] = {
    "the connection is cut": ["cut", "cut"],
    "the answer is lost": ["lost", "lost"],
    "a proxy says 502, 503, 504": [(502, {}), (503, {}), (504, {})],
    "a defect": [(500, {}), (500, {})],
    "too many requests": [(429, {"Retry-After": "0"}), (429, {"Retry-After": "1"})],
    "a date to come back at": [(503, {"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"})],
}


@pytest.mark.parametrize("faults", list(FAULTS.values()), ids=list(FAULTS))
class TestABadLine:
    def test_waiting_goes_on(self, standing: tuple[Server, Keys], faults: list[Fault]) -> None:
        server, keys = standing
        with Line(server.url, faults) as line, Client(line.url, api_key=keys.agent) as client:
            near = Client(server.url, api_key=keys.agent)
            asked = near.send_intent(TYPE, to=ANA)
            waiting = Later(lambda: client.wait_for(asked))
            with Reviewer(server.url, api_key=keys.ana) as ana:
                ana.approve(asked)
            decision = waiting.result()
            assert isinstance(decision, Decision)
            assert decision.approved
            assert len(line.requests) == len(faults) + 1
            near.close()

    def test_asking_asks_once(self, standing: tuple[Server, Keys], faults: list[Fault]) -> None:
        server, keys = standing
        with Line(server.url, []) as line, Client(line.url, api_key=keys.agent) as client:
            known = len(client.list_intents(limit=500))
            line.faults.extend(faults)
            line.requests.clear()
            asked = client.send_intent(TYPE, to=ANA)
            assert client.list_intents(limit=1)[0]["intent_id"] == asked
            assert len(client.list_intents(limit=500)) == known + 1
            filed = [key for method, _, key in line.requests if method == "POST"]
            assert len(filed) == len(faults) + 1
            assert len(set(filed)) == 1
            assert filed[0]


def test_retry_after_is_kept_to(standing: tuple[Server, Keys]) -> None:
    server, keys = standing
    faults: list[Fault] = [(429, {"Retry-After": "1"})]
    with Line(server.url, faults) as line, Client(line.url, api_key=keys.agent) as client:
        started = time.monotonic()
        client.list_intents()
        assert time.monotonic() - started >= 1


def test_patience_ends_while_nothing_answers(keys: Keys) -> None:
    with Client(f"http://127.0.0.1:{free_port()}", api_key=keys.agent) as client:
        started = time.monotonic()
        with pytest.raises(WaitTimeout) as raised:
            client.wait_for("01890a5d-ac96-774b-bcce-b302099a8057", timeout=0.5)
        assert 0.5 <= time.monotonic() - started < 10
        assert raised.value.__cause__ is not None, "why nothing was heard"


def test_asking_gives_up_in_the_end(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.call, "__kwdefaults__", {"retry_for": 0.3})
    with (
        Client(f"http://127.0.0.1:{free_port()}", api_key=keys.agent) as client,
        pytest.raises(Unavailable, match="cannot reach"),
    ):
        client.send_intent(TYPE, to=ANA)


def test_a_pause_that_is_too_long_is_told(standing: tuple[Server, Keys]) -> None:
    server, keys = standing
    faults: list[Fault] = [(429, {"Retry-After": "3600"})]
    with (
        Line(server.url, faults) as line,
        Client(line.url, api_key=keys.agent) as client,
        pytest.raises(RateLimited),
    ):
        client.list_intents()


class TestWhatNoTimeHeals:
    """Said at once, however long one was ready to wait."""

    def test_a_wrong_key(self, standing: tuple[Server, Keys]) -> None:
        server, keys = standing
        with (
            Client(server.url, api_key=keys.agent + "x") as client,
            pytest.raises(Unauthenticated),
        ):
            client.wait_for("01890a5d-ac96-774b-bcce-b302099a8057", timeout=60)

    def test_a_key_that_is_revoked_meanwhile(self, server: Server, keys: Keys) -> None:
        admin = httpx.Client(base_url=server.url, headers={"x-api-key": keys.admin})
        with Client(server.url, api_key=keys.agent) as client, admin:
            asked = client.send_intent(TYPE, to=ANA)
            found = admin.get("/v1/keys").json()["keys"]
            (mine,) = [key["key_id"] for key in found if key["role"] == "agent"]
            admin.delete(f"/v1/keys/{mine}")
            with pytest.raises(Unauthenticated):
                client.wait_for(asked, timeout=60)

    def test_another_agents_intent(self, standing: tuple[Server, Keys]) -> None:
        server, keys = standing
        with (
            Client(server.url, api_key=keys.agent) as client,
            pytest.raises(NotFound),
        ):
            client.wait_for("01890a5d-ac96-774b-bcce-b302099a8057", timeout=60)

    def test_an_agents_key_in_a_reviewers_hands(self, standing: tuple[Server, Keys]) -> None:
        server, keys = standing
        with (
            Client(server.url, api_key=keys.agent) as client,
            Reviewer(server.url, api_key=keys.agent) as mallory,
        ):
            asked = client.send_intent(TYPE, to=ANA)
            for attempt in (mallory.approve, mallory.claim, mallory.reject):
                with pytest.raises(Forbidden):
                    attempt(asked)
            with pytest.raises(Forbidden):
                mallory.tasks()
            assert client.get_intent(asked)["status"] == "WAITING"

    @pytest.mark.parametrize("status", [301, 307, 308])
    def test_an_address_that_has_moved(self, standing: tuple[Server, Keys], status: int) -> None:
        """Say, from http to https: keys are not sent to where somebody points."""
        server, keys = standing
        moved = (status, {"Location": "https://example.com/v1/intents"})
        for ask in (
            lambda client: client.send_intent(TYPE, to=ANA),
            lambda client: client.wait_for("x", timeout=60),
        ):
            with (
                Line(server.url, [moved]) as line,
                Client(line.url, api_key=keys.agent) as client,
                pytest.raises(HoldshortError, match=str(status)),
            ):
                ask(client)

    def test_an_address_where_something_else_answers(self, standing: tuple[Server, Keys]) -> None:
        """A sign-in page, say."""
        server, keys = standing
        for ask in (
            lambda client: client.send_intent(TYPE, to=ANA),
            lambda client: client.wait_for("x", timeout=60),
        ):
            with (
                Line(server.url, [(200, {"content-type": "text/html"})]) as line,
                Client(line.url, api_key=keys.agent) as client,
                pytest.raises(HoldshortError, match="not Holdshort"),
            ):
                ask(client)
