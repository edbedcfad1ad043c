"""`@gate`: what runs is what was approved, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from holdshort import (
    AsyncClient,
    AsyncReviewer,
    Client,
    ConfigurationError,
    GrantRefused,
    InvalidRequest,
    LimitReached,
    Rejected,
    Reviewer,
    WaitTimeout,
    gate,
)
from holdshort.cli import main

from .live import AGENT, ANA, Later, until

Calls = list[tuple[tuple[Any, ...], dict[str, Any]]]


@pytest.fixture
def calls() -> Calls:
    return []


@pytest.fixture
def pay(client: Client, calls: Calls) -> Callable[..., Any]:
    @gate(client, to=ANA, timeout=20, key=lambda to, amount=1, **_: f"pay-{to}-{amount}")
    def pay(to: str, amount: int = 1, *, currency: str = "EUR") -> dict[str, Any]:
        """Move money."""
        calls.append(((to, amount), {"currency": currency}))
        return {"to": to, "amount": amount, "currency": currency}

    return pay


def asked(ana: Reviewer) -> dict[str, Any]:
    """The one task that waits, in full."""
    until(ana.tasks)
    (task,) = ana.tasks()
    return ana.get(task["intent_id"])


class TestTheAnswer:
    def test_yes_runs_it_once_as_shown(
        self, pay: Callable[..., Any], ana: Reviewer, calls: Calls
    ) -> None:
        running = Later(lambda: pay("bo", 5))
        intent = asked(ana)
        assert intent["arguments"] == {"to": "bo", "amount": 5, "currency": "EUR"}, "defaults too"
        assert intent["tool"].endswith("pay")
        assert intent["title"] == "Run pay"
        assert calls == []
        ana.approve(intent["intent_id"])
        assert running.result() == {"to": "bo", "amount": 5, "currency": "EUR"}
        assert calls == [(("bo", 5), {"currency": "EUR"})]
        assert ana.get(intent["intent_id"])["grant"]["state"] == "done"

    def test_an_edit_runs_the_edited(
        self, pay: Callable[..., Any], ana: Reviewer, calls: Calls
    ) -> None:
        running = Later(lambda: pay("bo", 5000))
        intent = asked(ana)
        ana.approve(intent["intent_id"], arguments={"to": "bo", "amount": 50, "currency": "USD"})
        assert running.result() == {"to": "bo", "amount": 50, "currency": "USD"}
        assert calls == [(("bo", 50), {"currency": "USD"})]

    def test_an_edit_with_an_argument_that_it_does_not_take(
        self, pay: Callable[..., Any], ana: Reviewer, calls: Calls
    ) -> None:
        running = Later(lambda: pay("bo", 5))
        intent = asked(ana)
        ana.approve(intent["intent_id"], arguments={"to": "bo", "amount": 5, "speed": "fast"})
        with pytest.raises(InvalidRequest, match="speed"):
            running.result()
        assert calls == []
        assert ana.get(intent["intent_id"])["grant"]["state"] == "failed"

    def test_no_says_why(self, pay: Callable[..., Any], ana: Reviewer, calls: Calls) -> None:
        running = Later(lambda: pay("bo", 5))
        ana.reject(asked(ana)["intent_id"], comment="not to Bo")
        with pytest.raises(Rejected, match=r"rejected by person:ana@acme\.com: not to Bo") as no:
            running.result()
        assert no.value.decision.comment == "not to Bo"
        assert calls == []

    def test_a_timeout_is_a_no_of_nobodys(self, client: Client, calls: Calls) -> None:
        @gate(client, to=ANA, deadline=0.2, timeout=20)
        def act() -> None:
            calls.append(((), {}))

        with pytest.raises(Rejected, match="system:timeout") as no:
            act()
        assert no.value.decision.timed_out
        assert calls == []

    def test_patience_ends_and_the_same_key_finds_it_again(
        self, client: Client, ana: Reviewer, calls: Calls
    ) -> None:
        @gate(client, to=ANA, timeout=0.1, key="the-one")
        def act(n: int) -> int:
            calls.append(((n,), {}))
            return n

        with pytest.raises(WaitTimeout):
            act(1)
        ana.approve(asked(ana)["intent_id"])
        assert act(1) == 1
        assert len(client.list_intents()) == 1


class TestOnce:
    def test_the_same_key_again_gives_the_recorded_result(
        self, pay: Callable[..., Any], ana: Reviewer, calls: Calls
    ) -> None:
        running = Later(lambda: pay("bo", 5))
        ana.approve(asked(ana)["intent_id"])
        first = running.result()
        assert pay("bo", 5) == first
        assert len(calls) == 1

    def test_ten_at_once_run_it_once(
        self, pay: Callable[..., Any], ana: Reviewer, calls: Calls
    ) -> None:
        running = [Later(lambda: pay("bo", 5)) for _ in range(10)]
        intent_id = asked(ana)["intent_id"]
        ana.approve(intent_id)
        results, refused = [], 0
        for one in running:
            try:
                results.append(one.result())
            except GrantRefused:  # while the one that runs has not reported yet
                refused += 1
        assert len(calls) == 1
        assert len(results) + refused == 10
        assert all(result == results[0] for result in results)

    def test_without_a_key_each_call_asks(self, client: Client, ana: Reviewer) -> None:
        @gate(client, to=ANA, timeout=20)
        def act() -> None: ...

        for _ in range(2):
            running = Later(act)
            ana.approve(asked(ana)["intent_id"])
            running.result()
        assert len(client.list_intents()) == 2

    def test_what_failed_is_said_and_not_repeated(self, client: Client, ana: Reviewer) -> None:
        runs = []

        @gate(client, to=ANA, timeout=20, key="k")
        def act() -> None:
            runs.append(1)
            raise RuntimeError("no \ud800 connection")

        running = Later(act)
        intent_id = asked(ana)["intent_id"]
        ana.approve(intent_id)
        with pytest.raises(RuntimeError, match="connection"):
            running.result()
        grant = ana.get(intent_id)["grant"]
        assert grant["state"] == "failed"
        assert grant["error"].startswith("RuntimeError: no ")
        with pytest.raises(GrantRefused, match="failed"):
            act()
        assert len(runs) == 1

    @pytest.mark.parametrize(
        "result",
        [object(), float("nan"), "x" * 2_000_000, "\ud800", {"a": {1, 2}}, [[[]]] * 3],
        ids=["an object", "NaN", "two megabytes", "a lone surrogate", "a set", "JSON"],
    )
    def test_whatever_it_returns_is_returned(
        self, client: Client, ana: Reviewer, result: Any
    ) -> None:
        """It has run; that its result cannot be recorded must not look as if it had not."""

        @gate(client, to=ANA, timeout=20)
        def act() -> Any:
            return result

        running = Later(act)
        intent_id = asked(ana)["intent_id"]
        ana.approve(intent_id)
        assert running.result() is result
        assert ana.get(intent_id)["grant"]["state"] == "done"


class TestWhen:
    def test_nobody_is_asked_where_it_says_no(self, client: Client) -> None:
        @gate(client, to=ANA, when=lambda amount: amount > 100)
        def pay(amount: int) -> int:
            return amount

        assert pay(5) == 5
        assert client.list_intents() == []

    def test_a_predicate_that_fails_means_ask(self, client: Client, ana: Reviewer) -> None:
        @gate(client, to=ANA, when=lambda amount: amount["nothing"] > 100, timeout=20)
        def pay(amount: int) -> int:
            return amount

        running = Later(lambda: pay(5))
        ana.approve(asked(ana)["intent_id"])
        assert running.result() == 5


class TestSignatures:
    def run(self, function: Callable[[], Any], ana: Reviewer) -> tuple[Any, dict[str, Any]]:
        running = Later(function)
        intent = asked(ana)
        ana.approve(intent["intent_id"])
        return running.result(), intent["arguments"]

    def test_any_number_of_them(self, client: Client, ana: Reviewer) -> None:
        @gate(client, to=ANA, timeout=20)
        def act(first: int, *rest: int, last: int = 0, **more: int) -> list[Any]:
            return [first, rest, last, more]

        result, shown = self.run(lambda: act(1, 2, 3, last=4, other=5), ana)
        assert result == [1, (2, 3), 4, {"other": 5}]
        assert shown == {"first": 1, "rest": [2, 3], "last": 4, "more": {"other": 5}}

    def test_by_position_alone(self, client: Client, ana: Reviewer) -> None:
        @gate(client, to=ANA, timeout=20)
        def act(first: int, second: int = 2, /, third: int = 3) -> list[int]:
            return [first, second, third]

        result, shown = self.run(lambda: act(1, third=9), ana)
        assert result == [1, 2, 9]
        assert shown == {"first": 1, "second": 2, "third": 9}

    def test_none_at_all(self, client: Client, ana: Reviewer) -> None:
        @gate(client, to=ANA, timeout=20)
        def act() -> str:
            """Says so."""
            return "done"

        assert (act.__name__, act.__doc__) == ("act", "Says so.")
        assert self.run(act, ana) == ("done", {})

    def test_a_call_that_does_not_fit_asks_nobody(self, client: Client) -> None:
        @gate(client, to=ANA)
        def act(n: int) -> int:
            return n

        with pytest.raises(TypeError):
            act()  # type: ignore[call-arg]
        assert client.list_intents() == []

    @pytest.mark.parametrize(
        "value",
        [object(), {1, 2}, b"bytes", float("inf"), {"a": {1: "b"}}, {(1, 2): 3}, 2**60],
        ids=["object", "set", "bytes", "infinity", "a key that is no text", "a tuple as key",
             "a number too large for JSON"],
    )  # fmt: skip
    def test_what_cannot_be_shown_exactly_is_refused(self, client: Client, value: Any) -> None:
        runs = []

        @gate(client, to=ANA, timeout=1)
        def act(value: Any) -> None:
            runs.append(value)

        with pytest.raises(InvalidRequest):
            act(value)
        assert runs == []
        assert client.list_intents() == []


class TestColours:
    def test_a_plain_function_needs_a_plain_client(self, database: str) -> None:
        with pytest.raises(ConfigurationError, match="AsyncClient"):

            @gate(AsyncClient(database))
            def act() -> None: ...

    @pytest.mark.anyio
    @pytest.mark.parametrize("kind", ["async client", "plain client"])
    async def test_an_async_function(self, database: str, kind: str) -> None:
        client: Any = (AsyncClient if kind == "async client" else Client)(database, agent=AGENT)
        async with AsyncReviewer(database, person=ANA) as ana:

            @gate(client, to=ANA, timeout=20, key=lambda n: f"n-{n}")
            async def act(n: int) -> int:
                await asyncio.sleep(0)
                if n == 3:
                    raise RuntimeError("three")
                return n * 2

            async def decide(yes: bool) -> None:
                async with asyncio.timeout(20):
                    while not (tasks := await ana.tasks()):
                        await asyncio.sleep(0.01)
                answer = ana.approve if yes else ana.reject
                await answer(tasks[0]["intent_id"], comment="x")

            running = asyncio.create_task(act(1))
            await decide(yes=True)
            assert await running == 2
            assert await act(1) == 2, "recorded"
            running = asyncio.create_task(act(2))
            await decide(yes=False)
            with pytest.raises(Rejected):
                await running
            running = asyncio.create_task(act(3))
            await decide(yes=True)
            with pytest.raises(RuntimeError, match="three"):
                await running
            with pytest.raises(GrantRefused, match="failed"):
                await act(3)
        if isinstance(client, AsyncClient):
            await client.close()
        else:
            client.close()


def limit(database: str, *limits: str) -> None:
    """Limit what the agent of these tests may ask for."""
    assert main(("agents", "limits", AGENT, "--database", database, *limits)) == 0


class TestWhatItCosts:
    def test_a_call_reserves_its_cost_and_the_limit_refuses_the_next(
        self, client: Client, database: str
    ) -> None:
        limit(database, "--cost-per-day", "10")

        @gate(client, to=ANA, timeout=0, cost=lambda to, amount: amount)
        def pay(to: str, amount: int) -> None: ...

        with pytest.raises(WaitTimeout):
            pay("bo", 6)
        with pytest.raises(LimitReached) as refused:
            pay("bo", amount=5)
        assert refused.value.details["dimension"] == "cost_per_day"
        assert refused.value.details["used"] == 11
        assert refused.value.retry_after > 0

        @gate(client, to=ANA, timeout=0, cost=(4, "USD"))
        def order() -> None: ...

        with pytest.raises(WaitTimeout):
            order()
        with pytest.raises(LimitReached):
            order()

    def test_what_a_run_really_cost_is_counted(
        self, client: Client, ana: Reviewer, database: str
    ) -> None:
        limit(database, "--cost-per-day", "10.00", "--currency", "EUR")
        asked = client.send_intent("intent.pay.v1", to=ANA, cost=(Decimal("9.99"), "EUR"))
        with pytest.raises(LimitReached):
            client.send_intent({"intent_type": "intent.pay.v1", "to": ANA, "cost": (1, "EUR")})
        with pytest.raises(InvalidRequest, match="are in EUR"):
            client.send_intent("intent.pay.v1", to=ANA, cost=1)
        ana.approve(asked)
        client.consume(asked, client.get_intent(asked)["digest"], "1")
        client.report(asked, "1", succeeded=True, cost={"amount": "2.5", "currency": "EUR"})
        assert client.send_intent("intent.pay.v1", to=ANA, cost=(7.5, "EUR"))
