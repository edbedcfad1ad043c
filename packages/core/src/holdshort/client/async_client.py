# Made by scripts/make_async.py from client.py: change that file.
"""The agent's async client: it asks, waits and acts. It can never decide.

Every operation is a flow (`flows.py`), written once. This file is made from `client.py` by
`scripts/make_async.py`; `make check` holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.connect import connect_async, target
from holdshort.client.decision import Decision
from holdshort.client.drive import run_async

if TYPE_CHECKING:
    from pydantic import BaseModel

T = TypeVar("T")
Duration = float | str | timedelta


class AsyncClient:
    """Asks people, and waits for their decisions.

    >>> client = AsyncClient()                               # embedded in this folder
    >>> client = AsyncClient("https://holdshort.acme.com", api_key="hs_agent_…")
    >>> client = AsyncClient("postgresql://localhost/hold")  # embedded, on PostgreSQL

    Args:
        url_or_database: `http(s)://…` speaks to a server; `sqlite:///path` and `postgresql://…` run
            the engine inside this process. Without it HOLDSHORT_URL, then HOLDSHORT_DATABASE.
        api_key: an agent's key, for a server; else HOLDSHORT_API_KEY.
        agent: who asks, for an embedded database only (a server knows it from the key).

    Raises ConfigurationError where a server is named and no key is.
    """

    def __init__(
        self,
        url_or_database: str | None = None,
        *,
        api_key: str | None = None,
        agent: str | None = None,
    ) -> None:
        self._transport = connect_async(
            target(url_or_database), api_key, kind="agent", subject=agent
        )

    async def _run(self, flow: Flow[T]) -> T:
        return await run_async(flow, self._transport)

    async def send_intent(
        self,
        intent: str | Mapping[str, Any],
        *,
        payload: dict[str, Any] | None = None,
        to: str | list[str] | None = None,
        task: str | None = None,
        title: str | None = None,
        form: type[BaseModel] | dict[str, Any] | None = None,
        remind_after: Duration | None = None,
        escalate: list[Any] | None = None,
        deadline: Duration | None = None,
        fallback: str | None = None,
        quorum: int | None = None,
        steps: list[dict[str, Any]] | None = None,
        cost: flows.Cost | None = None,
        key: str | None = None,
        **fields: Any,
    ) -> str:
        """File an intent; return its id at once.

        The same `key` again finds the same intent (KeyConflict where the rest differs). Durations
        are seconds, `timedelta` or text such as `"5m"`. `form` takes a pydantic model or a JSON
        Schema. `cost` is what it may cost at most: `12.5` (US dollars), `(12.5, "EUR")`; it is
        reserved against your limits. Further fields are those of `POST /v1/intents`.

        Raises InvalidRequest naming the field at fault; LimitReached where your limits are used up
        (`retry_after` seconds); Unavailable when nothing could be reached.
        """
        return await self._run(
            flows.send_intent(
                intent,
                key=key,
                form=form,
                payload=payload,
                to=to,
                task=task,
                title=title,
                remind_after=remind_after,
                escalate=escalate,
                deadline=deadline,
                fallback=fallback,
                quorum=quorum,
                steps=steps,
                cost=cost,
                **fields,
            )
        )

    async def wait_for(
        self, intent_id: str, *, timeout: float | None = None, form: type[BaseModel] | None = None
    ) -> Decision:
        """Return the decision as soon as there is one, however often the connection is lost.

        The same answer for ever, in any process. With `form`, `decision.data` is an instance of it.
        Raises WaitTimeout after `timeout` seconds (None: never); the intent is still pending then.
        """
        return await self._run(flows.wait_for(intent_id, timeout=timeout, form=form))

    async def wait_for_human(
        self,
        *,
        task: str = "approval",
        assignee: str | list[str] | None = None,
        timeout: float | None = None,
        **fields: Any,
    ) -> Decision:
        """Ask and wait in one; fields as in `send_intent`."""
        return await self._run(
            flows.wait_for_human(task=task, assignee=assignee, timeout=timeout, **fields)
        )

    async def pause(
        self,
        approval_request_id: str,
        *,
        expires_in_hours: float = 72,
        timeout: float | None = None,
        **fields: Any,
    ) -> Decision:
        """Ask under a name of your own, and wait. Again under the same name: the same question."""
        return await self._run(
            flows.pause(
                approval_request_id, expires_in_hours=expires_in_hours, timeout=timeout, **fields
            )
        )

    async def wait_for_resume(
        self, approval_request_id: str, *, timeout: float | None = None
    ) -> Decision | None:
        """Go on waiting for what `pause` asked, in any process; None at once if nothing was
        asked.
        """
        return await self._run(flows.wait_for_resume(approval_request_id, timeout=timeout))

    async def find(self, key: str) -> dict[str, Any] | None:
        """Return the intent that was filed under this key, or None."""
        return await self._run(flows.find(key))

    async def get_intent(self, intent_id: str) -> dict[str, Any]:
        """Return an intent as it is now. Raises NotFound."""
        return await self._run(flows.get_intent(intent_id))

    async def list_intents(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> list[dict[str, Any]]:
        """Return your intents, newest first; `cursor` is the last id of the page before."""
        return await self._run(flows.list_intents(status=status, limit=limit, cursor=cursor))

    async def list_intent_events(self, intent_id: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the log of an intent after event number `since`."""
        return await self._run(flows.list_intent_events(intent_id, since=since))

    async def continuation(self, intent_id: str) -> Any:
        """Return what was stored with the intent to resume from. Raises NotFound."""
        return await self._run(flows.continuation(intent_id))

    async def file(self, intent_id: str, sha256: str) -> bytes:
        """Return a file that a reviewer gave, as evidence or in a form, by its SHA-256. Nobody has
        looked into it. Raises NotFound."""
        return await self._run(flows.file(intent_id, sha256))

    async def questions(self, intent_id: str) -> list[dict[str, Any]]:
        """Return what reviewers have asked you about an intent since your last `comment`, each with
        `by`, `at` and `text`. Webhooks hear of them as `intent.asked_agent`."""
        return await self._run(flows.questions(intent_id))

    async def comment(self, intent_id: str, text: str) -> None:
        """Add a remark to an intent; it decides nothing. It answers what reviewers have asked."""
        await self._run(flows.post(intent_id, "comments", {"text": text}))

    async def cancel(self, intent_id: str, reason: str = "") -> None:
        """Withdraw an intent. Raises NotPending where it has already ended."""
        await self._run(flows.post(intent_id, "cancel", {"reason": reason}))

    async def fail(self, intent_id: str, error: str) -> None:
        """Say that the work broke while it waited."""
        await self._run(flows.post(intent_id, "fail", {"error": error}))

    async def consume(self, intent_id: str, digest: str, attempt_id: str) -> dict[str, Any]:
        """Ask, right before acting, whether the action may run: `run` is true once. The same
        attempt asking again gets the same answer. Raises GrantRefused, StaleDigest or
        OutcomeUnknown.
        """
        body = {"digest": digest, "attempt_id": attempt_id}
        return await self._run(flows.post(intent_id, "consume", body))

    async def report(
        self,
        intent_id: str,
        attempt_id: str,
        *,
        succeeded: bool,
        result: Any = None,
        error: str | None = None,
        cost: flows.Cost | None = None,
    ) -> None:
        """Say how a consumed run ended, and what it really cost (as in `send_intent`): that is
        counted then, and no longer what was reserved."""
        body = {
            "attempt_id": attempt_id,
            "succeeded": succeeded,
            "result": result,
            "error": error,
            "cost": flows.cost_body(cost),
        }
        await self._run(flows.post(intent_id, "report", body))

    async def lease(
        self,
        worker: str,
        intent_types: list[str],
        *,
        lease_seconds: float = 60.0,
        limit: int = 1,
        wait_seconds: float = 0.0,
    ) -> list[dict[str, Any]]:
        """Take decided intents to go on with; `Worker` does this for you."""
        leased = await self._run(
            flows.lease(
                worker,
                intent_types,
                lease_seconds=lease_seconds,
                limit=limit,
                wait_seconds=wait_seconds,
            )
        )
        jobs: list[dict[str, Any]] = leased["jobs"]
        return jobs

    async def get_run(self, run_id: str) -> dict[str, Any] | None:
        """Return a run (of a framework's adapter) as it is now; None where there is none."""
        return await self._run(flows.get_run(run_id))

    async def change_lease(
        self, intent_id: str, action: str, *, worker: str, epoch: int, lease_seconds: float = 60.0
    ) -> None:
        """`renew`, `finish` or `return` a lease. Raises LeaseLost where another worker has it."""
        body = {"worker": worker, "epoch": epoch, "seconds": lease_seconds}
        await self._run(flows.post(intent_id, f"lease/{action}", body))

    async def close(self) -> None:
        """Give back connections and, for an embedded database, end this client's part in it."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
