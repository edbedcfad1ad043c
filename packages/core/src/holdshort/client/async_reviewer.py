# Made by scripts/make_async.py from reviewer.py: change that file.
"""The reviewer's async client: the only one that decides."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from holdshort.client import flows
from holdshort.client.calls import Flow
from holdshort.client.connect import connect_async, target
from holdshort.client.drive import run_async

T = TypeVar("T")


class AsyncReviewer:
    """Decides, as the person that the key belongs to.

    >>> reviewer = AsyncReviewer("https://holdshort.acme.com", api_key="hs_person_…")
    >>> reviewer = AsyncReviewer(person="ana@acme.com")        # embedded: ./.holdshort/holdshort.db

    Args:
        url_or_database: as for `Client`.
        api_key: a person's key, for a server; else HOLDSHORT_PERSON_KEY.
        person: who decides, for an embedded database only (whoever can read the file is trusted to
            say so); else HOLDSHORT_PERSON.
    """

    def __init__(
        self,
        url_or_database: str | None = None,
        *,
        api_key: str | None = None,
        person: str | None = None,
    ) -> None:
        self._transport = connect_async(
            target(url_or_database), api_key, kind="person", subject=person
        )

    async def _run(self, flow: Flow[T]) -> T:
        return await run_async(flow, self._transport)

    async def tasks(
        self, *, all: bool = False, limit: int = 50, cursor: str | None = None
    ) -> list[dict[str, Any]]:
        """Return what waits for you, oldest first; `all` shows everybody's to administrators."""
        return await self._run(flows.tasks(all=all, limit=limit, cursor=cursor))

    async def get(self, intent_id: str) -> dict[str, Any]:
        """Return an intent in full: what exactly is asked, with its arguments and its digest."""
        return await self._run(flows.get_intent(intent_id))

    async def events(self, intent_id: str, *, since: int = 0) -> list[dict[str, Any]]:
        """Return the log of an intent after event number `since`."""
        return await self._run(flows.list_intent_events(intent_id, since=since))

    async def approve(
        self,
        intent_id: str,
        *,
        comment: str | None = None,
        arguments: dict[str, Any] | None = None,
        digest: str | None = None,
    ) -> dict[str, Any]:
        """Say yes, with the outcome that this kind of task uses for it.

        `arguments` replaces what the agent wanted to run with. `digest` is the one you were shown:
        StaleDigest is raised where it is not the stored one any more.
        """
        return await self._run(
            flows.answer(
                intent_id, positive=True, comment=comment, arguments=arguments, digest=digest
            )
        )

    async def reject(
        self, intent_id: str, *, comment: str | None = None, digest: str | None = None
    ) -> dict[str, Any]:
        """Say no, with the outcome that this kind of task uses for it. Never sends anything
        else.
        """
        return await self._run(
            flows.answer(intent_id, positive=False, comment=comment, digest=digest)
        )

    async def submit(
        self,
        intent_id: str,
        outcome: str,
        *,
        comment: str | None = None,
        data: dict[str, Any] | None = None,
        evidence: list[dict[str, Any]] | None = None,
        arguments: dict[str, Any] | None = None,
        digest: str | None = None,
    ) -> dict[str, Any]:
        """Give any outcome that the task allows, with its data.

        Raises InvalidRequest naming what is missing, AlreadyDecided saying who was first.
        """
        body = {
            "outcome": outcome,
            "comment": comment,
            "data": data,
            "evidence": evidence,
            "arguments": arguments,
            "digest": digest,
        }
        return await self._run(flows.submit(intent_id, body))

    async def attach(
        self, intent_id: str, file: str | Path | bytes, *, name: str | None = None
    ) -> dict[str, Any]:
        """Put a file beside a task that you are asked about; return the piece of evidence that
        stands for it, to give with `submit(..., evidence=[...])`.

        Args:
            file: where it is, or its bytes.
            name: what it is called; without one, the name of the file.
        """
        data = file if isinstance(file, bytes) else Path(file).read_bytes()
        called = name or ("evidence" if isinstance(file, bytes) else Path(file).name)
        return await self._run(flows.attach(intent_id, called, data))

    async def claim(self, intent_id: str) -> None:
        """Take a task, so that others leave it alone."""
        await self._run(flows.post(intent_id, "claim"))

    async def release(self, intent_id: str) -> None:
        """Give a claimed task back."""
        await self._run(flows.post(intent_id, "release"))

    async def delegate(self, intent_id: str, to: str, *, comment: str | None = None) -> None:
        """Hand a task to somebody else; both names are in the log."""
        await self._run(flows.post(intent_id, "delegate", {"to": to, "comment": comment}))

    async def comment(self, intent_id: str, text: str) -> None:
        """Add a remark; it decides nothing. `@bo` tells a person who may see the task."""
        await self._run(flows.post(intent_id, "comments", {"text": text}))

    async def ask(self, intent_id: str, text: str) -> None:
        """Ask the agent something before you decide. You are told of its answer; the task's time
        runs on."""
        await self._run(flows.post(intent_id, "comments", {"text": text, "ask": True}))

    async def close(self) -> None:
        """Give back connections and, for an embedded database, end this client's part in it."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncReviewer:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
