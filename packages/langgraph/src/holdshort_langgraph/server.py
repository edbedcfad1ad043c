"""`LangGraphServer`: the threads of a LangGraph server, asked about and resumed through its API.

The server's own workers run the graph; nothing of it is needed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Literal

from langgraph.types import Command, Interrupt
from langgraph_sdk import get_sync_client
from langgraph_sdk.errors import NotFoundError

from holdshort.adapters import Run, do
from holdshort.client.client import Client
from holdshort_langgraph.driving import driven
from holdshort_langgraph.filing import ANSWERED_ELSEWHERE, cancel, file
from holdshort_langgraph.internals import INTERRUPT, STRICT, pending
from holdshort_langgraph.protocol import End, Load, Look, Rules, Step, Tell, resumed
from holdshort_langgraph.shapes import asked

_PAGE = 100
#: After a refused resume a thread is in error, with its question still open.
_STATUSES: tuple[Literal["interrupted", "error"], ...] = ("interrupted", "error")


class LangGraphServer:
    """An app for a `Worker`: it resumes what is decided by the server's API.

    >>> server = LangGraphServer("http://localhost:2024", client, name="support")
    >>> server.collect()                                # files what its threads ask; call it often
    >>> Worker(client, apps=[server]).run(once=True)    # resumes what is decided

    With `wrap_checkpointer` in the server's `create_checkpointer` there is nothing to collect.

    Args:
        url, api_key, headers: of the LangGraph server.
        name: the app's name, as in `wrap_checkpointer(graph=…)`.
        assistant_id: which assistant resumes the threads; without it the one that each thread was
            run by last.
        fields: fields of `POST /v1/intents` (`to`, `deadline`, …) for the questions of graphs that
            do not say them.
    """

    def __init__(
        self,
        url: str,
        client: Client,
        *,
        name: str,
        assistant_id: str | None = None,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        fields: Mapping[str, Any] | None = None,
        wakes: Literal["all", "any"] = "any",
    ) -> None:
        self.name = name
        self.client = client
        self._assistant = assistant_id
        self._sdk = get_sync_client(url=url, api_key=api_key, headers=headers)
        self._rules = Rules(name, dict(fields or {}), wakes, 0.0)

    def close(self) -> None:
        """Give the connections back."""
        self._sdk.close()

    def __enter__(self) -> LangGraphServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def collect(self) -> list[str]:
        """File what the server's threads ask; return the intents of all that is open. What a thread
        no longer asks is withdrawn."""
        ids: list[str] = []
        for thread in self._threads():
            thread_id = thread["thread_id"]
            questions = [
                asked(
                    one.interrupt,
                    thread_id=thread_id,
                    graph=self.name,
                    fields=self._rules.fields,
                )
                for one in pending(_saved(self._sdk.threads.get_state(thread_id)))
            ]
            now = [one for q in questions for one in do(self.client, file(q.intents))]
            run = self.client.get_run(thread_id)
            for intent_id in run["waits"] if run else ():
                if intent_id not in now:
                    do(self.client, cancel(intent_id, ANSWERED_ELSEWHERE))
            ids += now
        return ids

    def resume(self, run: Run) -> Any:
        """Go on with a thread as far as the decisions carry: what a `Worker` calls."""
        return driven(resumed(run, self._rules), lambda step: self._step(run, step))

    def _step(self, run: Run, step: Step) -> Any:
        if isinstance(step, Load):
            try:
                return _saved(self._sdk.threads.get_state(run.id))
            except NotFoundError:
                return None
        if isinstance(step, Look):
            state: Any = self._sdk.threads.get_state(run.id)
            return SimpleNamespace(next=state["next"], values=state["values"], tasks=[])
        if isinstance(step, Tell):
            return do(self.client, step.flow)
        if isinstance(step, End):
            return getattr(run, step.how)(**step.said)
        return self._go(run.id, step.input)

    def _go(self, thread_id: str, input: Any) -> Any:
        """Let the server run the thread; return its values afterwards. Another run that is under
        way makes the server refuse (ConflictError): a worker tries again later."""
        resume = input.resume if isinstance(input, Command) else None
        begun = self._sdk.runs.create(
            thread_id,
            self._assistant or self._last_assistant(thread_id),
            input=None if resume is not None else input,
            command={"resume": resume} if resume is not None else None,
            config={"configurable": {STRICT: True}},
            multitask_strategy="reject",
        )
        values = self._sdk.runs.join(thread_id, begun["run_id"])
        ended = self._sdk.runs.get(thread_id, begun["run_id"])
        if ended["status"] not in ("success", "interrupted"):
            raise RuntimeError(f"the run {begun['run_id']} on the server ended: {ended['status']}")
        return values

    def _last_assistant(self, thread_id: str) -> str:
        metadata = self._sdk.threads.get(thread_id)["metadata"] or {}
        return str(metadata.get("assistant_id") or metadata["graph_id"])

    def _threads(self) -> Iterator[Any]:
        for status in _STATUSES:
            offset = 0
            while page := self._sdk.threads.search(status=status, limit=_PAGE, offset=offset):
                yield from page
                offset += len(page)


def _saved(state: Any) -> Any:
    """A thread's state from the API, as a checkpointer would give it."""
    writes: list[tuple[str, str, Any]] = []
    for task in state["tasks"]:
        found = [
            Interrupt(one["value"], one["id"], response_schema=one.get("response_schema"))
            for one in task["interrupts"]
        ]
        writes.append((task["id"], INTERRUPT, found))
    checkpoint = state.get("checkpoint") or {}
    where = {"configurable": {"checkpoint_id": checkpoint.get("checkpoint_id")}}
    return SimpleNamespace(
        pending_writes=writes, metadata=state.get("metadata") or {}, config=where
    )
