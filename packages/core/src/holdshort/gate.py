"""`@gate`: a plain function that a person must clear first."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from holdshort.client import flows
from holdshort.client.async_client import AsyncClient
from holdshort.client.client import Client
from holdshort.errors import ConfigurationError, InvalidRequest

P = ParamSpec("P")
R = TypeVar("R")


def gate(
    client: Client | AsyncClient,
    *,
    intent_type: str | None = None,
    when: Callable[..., bool] | None = None,
    key: str | Callable[..., str] | None = None,
    timeout: float | None = None,
    idempotent: bool = False,
    cost: flows.Cost | Callable[..., flows.Cost | None] | None = None,
    **fields: Any,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make each call of a function an intent that shows its real arguments.

    On approval the function runs once, with the arguments as approved (or as edited by the
    reviewer); on rejection `Rejected` is raised, with the reviewer's words. Works for `def` and
    `async def`.

    >>> @gate(client, to="cfo@acme.com", deadline="4h", key=lambda to, amount: f"pay-{to}-{amount}")
    ... def pay(to: str, amount: int) -> str: ...

    Args:
        when: a predicate over the arguments; where it returns False the function runs at once and
            nobody is asked. Where it fails, somebody is asked: a gate that errs means *ask*.
        key: makes a repeated call (after a crash, say) the same question: a text, or a function of
            the arguments. Without it every call asks anew.
        timeout: seconds to wait before WaitTimeout; the intent stays pending, and the same `key`
            finds it again.
        idempotent: True where running twice does no harm: a run that was lost is then repeated
            instead of being asked about.
        cost: what a call may cost at most, as in `Client.send_intent`: an amount, or a function of
            the arguments.
        fields: as in `Client.send_intent` (`to`, `deadline`, `fallback`, `title`, …).

    The call raises InvalidRequest where its arguments cannot be written as JSON: nobody can approve
    what cannot be shown. GrantRefused or OutcomeUnknown say that this call has had its one run;
    LimitReached that the agent's limits are used up.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        gated = _Gated(
            function,
            client,
            intent_type,
            when,
            key,
            timeout,
            cost,
            {**fields, "idempotent": idempotent},
        )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                return await gated.run_async(*args, **kwargs)

            return cast("Callable[P, R]", call_async)
        if isinstance(client, AsyncClient):
            raise ConfigurationError(
                f"{function.__name__} is a plain function: gate it with a Client, not an "
                "AsyncClient"
            )

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return cast("R", gated.run(*args, **kwargs))

        return call

    return wrap


class _Gated:
    """One gated function. The steps are the same in both colours; only who waits differs."""

    def __init__(
        self,
        function: Callable[..., Any],
        client: Client | AsyncClient,
        intent_type: str | None,
        when: Callable[..., bool] | None,
        key: str | Callable[..., str] | None,
        timeout: float | None,
        cost: flows.Cost | Callable[..., flows.Cost | None] | None,
        fields: dict[str, Any],
    ) -> None:
        self._function = function
        self._client = client
        self._signature = inspect.signature(function)
        self._tool = f"{function.__module__}.{function.__qualname__}"
        self._intent_type = intent_type or f"intent.gate.{_plain(function.__name__)}.v1"
        self._when = when
        self._key = key
        self._timeout = timeout
        self._cost = cost
        self._fields = fields

    def _asks(self, args: Any, kwargs: Any) -> bool:
        if self._when is None:
            return True
        try:
            return bool(self._when(*args, **kwargs))
        except Exception:
            return True

    def _flow(self, args: Any, kwargs: Any, attempt_id: str) -> Any:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        try:
            json.dumps(arguments, allow_nan=False)
            _check_keys(arguments)
        except (TypeError, ValueError) as error:
            raise InvalidRequest(
                f"the arguments of {self._tool} cannot be shown to a person: {error}. Gate a "
                "function of plain values (texts, numbers, lists, dicts)."
            ) from error
        key = self._key(*args, **kwargs) if callable(self._key) else self._key
        cost = self._cost(*args, **kwargs) if callable(self._cost) else self._cost
        return flows.permit(
            self._intent_type,
            attempt_id=attempt_id,
            timeout=self._timeout,
            key=key,
            cost=cost,
            **{
                "title": f"Run {self._function.__name__}",
                "action": {"tool": self._tool, "arguments": arguments},
                **self._fields,
            },
        )

    def _call(self, permit: dict[str, Any]) -> Any:
        """Call the function with the arguments of the permit, and with nothing else."""
        bound = self._signature.bind_partial()
        bound.arguments.update(self._fitting(permit["arguments"]))
        return self._function(*bound.args, **bound.kwargs)

    def _fitting(self, arguments: dict[str, Any]) -> dict[str, Any]:
        unknown = arguments.keys() - self._signature.parameters.keys()
        if unknown:
            raise InvalidRequest(
                f"{self._tool} takes no argument named {', '.join(sorted(unknown))}"
            )
        return {name: arguments[name] for name in self._signature.parameters if name in arguments}

    def run(self, *args: Any, **kwargs: Any) -> Any:
        if not self._asks(args, kwargs):
            return self._function(*args, **kwargs)
        client = cast("Client", self._client)
        attempt_id = str(uuid.uuid4())
        permit = client._run(self._flow(args, kwargs, attempt_id))
        if not permit["run"]:
            return permit["result"]
        try:
            result = self._call(permit)
        except BaseException as error:
            client._run(_report(permit, error=error))
            raise
        client._run(_report(permit, result=result))
        return result

    async def run_async(self, *args: Any, **kwargs: Any) -> Any:
        if not self._asks(args, kwargs):
            return await self._function(*args, **kwargs)
        attempt_id = str(uuid.uuid4())
        permit = await self._drive(self._flow(args, kwargs, attempt_id))
        if not permit["run"]:
            return permit["result"]
        try:
            result = await cast("Awaitable[Any]", self._call(permit))
        except BaseException as error:
            await self._drive(_report(permit, error=error))
            raise
        await self._drive(_report(permit, result=result))
        return result

    async def _drive(self, flow: Any) -> Any:
        if isinstance(self._client, AsyncClient):
            return await self._client._run(flow)
        return await asyncio.to_thread(self._client._run, flow)


def _report(permit: dict[str, Any], **how: Any) -> Any:
    return flows.report_run(permit["intent_id"], permit["attempt_id"], **how)


def _check_keys(value: Any) -> None:
    """Raise TypeError for a key that JSON would turn into a text: the function would be called with
    another key than it was given."""
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {key!r} is no text")
            _check_keys(child)
    elif isinstance(value, list | tuple):
        for child in value:
            _check_keys(child)


def _plain(name: str) -> str:
    return (
        "".join(c if c.isalnum() and c.isascii() else "_" for c in name.lower()).strip("_")
        or "call"
    )
