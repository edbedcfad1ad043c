"""One approved call, one execution: take the permit, act, report.

The grant on the server is the journal. A call that is done is not repeated, its recorded result is
returned; one that started in a process that died is asked about.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import uuid
from collections.abc import Callable
from typing import Any

from holdshort.adapters.secrets import Secrets
from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.colours import AnyClient, ado, do
from holdshort.client.decision import Decision
from holdshort.errors import GrantRefused, HoldshortError

Action = Callable[[dict[str, Any]], Any]


class Effects:
    """Runs approved calls, each at most once, in whatever process.

    >>> effects = Effects(client)
    >>> effects.run(decision, lambda arguments: pay(**arguments))

    Both methods take the decision, the action (called with the arguments as approved, or as edited
    by the reviewer), and:

    Args:
        secrets, true: the masks of the call and its true arguments, where some were masked.
        encode: turns what the action returned into what is recorded, and is returned again where
            the call was done before; by default JSON stays as it is and the rest becomes its text.

    They raise GrantRefused where there is no permit (rejected, expired, revoked, or failed before:
    `details["error"]`), StaleDigest where the decision is about another action, OutcomeUnknown
    where the call started in a process that died: `details["question"]` is the intent that asks a
    person. What the action raises passes through, and is recorded as its failure.
    """

    def __init__(self, client: AnyClient) -> None:
        self._client = client

    def run(
        self,
        decision: Decision,
        action: Action,
        *,
        secrets: Secrets | None = None,
        true: dict[str, Any] | None = None,
        encode: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Run the action, blocking; return what it returned, or what was recorded of it."""
        attempt = str(uuid.uuid4())
        permit = do(self._client, _permit(decision, attempt))
        if not permit["run"]:
            return permit["result"]
        try:
            result = action(_arguments(permit, secrets, true))
        except BaseException as error:
            do(self._client, flows.report_run(decision.intent_id, attempt, error=error))
            raise
        said = (encode or recordable)(result)
        do(self._client, flows.report_run(decision.intent_id, attempt, result=said))
        return result

    async def arun(
        self,
        decision: Decision,
        action: Action,
        *,
        secrets: Secrets | None = None,
        true: dict[str, Any] | None = None,
        encode: Callable[[Any], Any] | None = None,
    ) -> Any:
        """The same on an event loop; the action may be a coroutine function."""
        attempt = str(uuid.uuid4())
        permit = await self._taken(decision, attempt)
        if not permit["run"]:
            return permit["result"]
        try:
            result = action(_arguments(permit, secrets, true))
            if inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            # Also where the task is being canceled: what is known must be said.
            report = flows.report_run(decision.intent_id, attempt, error=error)
            await asyncio.shield(ado(self._client, report))
            raise
        said = (encode or recordable)(result)
        await asyncio.shield(
            ado(self._client, flows.report_run(decision.intent_id, attempt, result=said))
        )
        return result

    async def _taken(self, decision: Decision, attempt: str) -> dict[str, Any]:
        """Take the permit. Canceled on the way, give it back: nothing was done with it."""
        taking = asyncio.ensure_future(ado(self._client, _permit(decision, attempt)))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError as canceled:
            with contextlib.suppress(HoldshortError):
                permit = await taking
                if permit["run"]:
                    back = flows.report_run(
                        decision.intent_id, attempt, error=canceled, began=False
                    )
                    await ado(self._client, back)
            raise


def recordable(result: Any) -> Any:
    """Return what can be recorded of a result: JSON as it is, anything else as its text."""
    try:
        json.dumps(result, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(result)
    return result


def _permit(decision: Decision, attempt: str) -> Flow[dict[str, Any]]:
    body = {"digest": decision.digest, "attempt_id": attempt}
    try:
        return (yield from flows.post(decision.intent_id, "consume", body))
    except GrantRefused as refused:
        if refused.details.get("reason") != "done":
            raise
        return {"run": False, "result": refused.details.get("result")}


def _arguments(
    permit: dict[str, Any], secrets: Secrets | None, true: dict[str, Any] | None
) -> dict[str, Any]:
    arguments: dict[str, Any] = permit["arguments"]
    return arguments if secrets is None else secrets.unmask(arguments, true or {})
