"""`wrap_checkpointer`: the one place that sees every interrupt of any graph.

A question is filed when its checkpoint and the interrupt itself are both saved, whichever comes
last; it is withdrawn when the thread goes on without it.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver

from holdshort.adapters import AnyClient, ado, do
from holdshort.client.calls import Flow
from holdshort.errors import HoldshortError
from holdshort_langgraph.filing import ANSWERED_ELSEWHERE, REPLACED, file, withdraw
from holdshort_langgraph.internals import interrupts_in, pending
from holdshort_langgraph.session import holding
from holdshort_langgraph.shapes import Asked, asked

log = logging.getLogger("holdshort.langgraph")
V = TypeVar("V")

#: Methods that are passed on as they are. Only what the saver itself has is given to its wrapper,
#: because runtimes look at a saver's class to see what it can do.
_PASSED_ON = (
    "get", "list", "delete_for_runs", "copy_thread", "prune", "get_delta_channel_history",
    "aget", "alist", "adelete_for_runs", "acopy_thread", "aprune", "aget_delta_channel_history",
)  # fmt: skip


def wrap_checkpointer(
    saver: BaseCheckpointSaver[Any],
    client: AnyClient,
    *,
    graph: str,
    fields: Mapping[str, Any] | None = None,
    on_error: Literal["raise", "log"] = "raise",
) -> BaseCheckpointSaver[Any]:
    """Return a checkpointer that keeps everything in `saver`, and makes each interrupt of a graph
    an intent.

    >>> graph = builder.compile(checkpointer=wrap_checkpointer(saver, client, graph="exports"))

    Args:
        graph: the app's name: a worker with `LangGraphApp(graph, client, name=…)` resumes it.
        fields: fields of `POST /v1/intents` (`to`, `deadline`, …) for the questions of graphs that
            do not say them.
        on_error: what happens where the intent cannot be filed. `raise` ends the run with the
            error; its state is safe, and `graph.invoke(None, config)` asks again. With `log`,
            `reconcile` finds it later.
    """
    methods: dict[str, Any] = {}
    for name in _PASSED_ON:
        implemented = getattr(saver, name, None)  # ask the instance: some savers are proxies
        if implemented is None:
            continue
        inherited = getattr(BaseCheckpointSaver, name, None)
        if getattr(implemented, "__func__", implemented) is not inherited:
            methods[name] = _passing(name)
    kind = type(f"Asking{type(saver).__name__}", (_Wrapped,), methods)
    wrapped: BaseCheckpointSaver[Any] = kind(saver, client, graph, dict(fields or {}), on_error)
    return wrapped


def _passing(name: str) -> Any:
    def method(self: _Wrapped, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    method.__name__ = name
    return method


class _Recent(OrderedDict[Any, V], Generic[V]):
    """A mapping that forgets what was put in long ago."""

    def __setitem__(self, key: Any, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > 4096:
            self.popitem(last=False)


class _Wrapped(BaseCheckpointSaver[Any]):
    def __init__(
        self,
        inner: BaseCheckpointSaver[Any],
        client: AnyClient,
        graph: str,
        fields: dict[str, Any],
        on_error: str,
    ) -> None:
        # What the base class would set up (serde) is the inner saver's.
        self.inner = inner
        self.holdshort = (client, graph, fields, on_error)
        self._lock = threading.Lock()
        self._saved: _Recent[bool] = _Recent()
        self._waiting: _Recent[list[Asked]] = _Recent()
        self._heads: _Recent[tuple[str, dict[str, list[str]]]] = _Recent()
        takes = inspect.signature(inner.put_writes).parameters
        self._takes_path = "task_path" in takes

    @property
    def serde(self) -> Any:
        return self.inner.serde

    @serde.setter
    def serde(self, value: Any) -> None:
        self.inner.serde = value

    @property
    def config_specs(self) -> Any:
        return self.inner.config_specs

    def get_next_version(self, current: Any, channel: Any) -> Any:
        return self.inner.get_next_version(current, channel)

    def with_allowlist(self, extra: Any) -> Any:
        other = self.inner.with_allowlist(extra)
        if other is self.inner:
            return self
        client, graph, fields, on_error = self.holdshort
        return wrap_checkpointer(other, client, graph=graph, fields=fields, on_error=on_error)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        if name == "inner":
            raise AttributeError(name)
        return getattr(self.inner, name)  # setup(), conn, storage, …

    # What is watched. The two colours differ in nothing but who waits.

    def get_tuple(self, config: Any) -> Any:
        return self._seen(config, self.inner.get_tuple(config))

    async def aget_tuple(self, config: Any) -> Any:
        return self._seen(config, await self.inner.aget_tuple(config))

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        over, reason = self._left_behind(config, metadata), str(metadata.get("source"))
        if self._is_moved(config, metadata):
            over += self._keys(config, self.inner.get_tuple(_head(config)))
        saved = self.inner.put(config, checkpoint, metadata, new_versions)
        self._tell(self._after_put(config, saved, over, reason))
        return saved

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        over, reason = self._left_behind(config, metadata), str(metadata.get("source"))
        if self._is_moved(config, metadata):
            over += self._keys(config, await self.inner.aget_tuple(_head(config)))
        saved = await self.inner.aput(config, checkpoint, metadata, new_versions)
        await self._atell(self._after_put(config, saved, over, reason))
        return saved

    def put_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        path = (task_path,) if self._takes_path else ()
        self.inner.put_writes(config, writes, task_id, *path)
        questions = self._asked(config, writes)
        if questions and not self._is_saved(config):
            self._wait(config, questions)
            if self.inner.get_tuple(_exactly(config)) is not None:
                self._mark(config)
        if questions:
            self._tell(self._after_writes(config, task_id, questions))

    async def aput_writes(
        self, config: Any, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        path = (task_path,) if self._takes_path else ()
        await self.inner.aput_writes(config, writes, task_id, *path)
        questions = self._asked(config, writes)
        if questions and not self._is_saved(config):
            self._wait(config, questions)
            if await self.inner.aget_tuple(_exactly(config)) is not None:
                self._mark(config)
        if questions:
            await self._atell(self._after_writes(config, task_id, questions))

    def delete_thread(self, thread_id: str) -> None:
        config = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        over = self._keys(config, self.inner.get_tuple(_head(config)))
        self.inner.delete_thread(thread_id)
        self._tell(withdraw(over, REPLACED["delete"]))

    async def adelete_thread(self, thread_id: str) -> None:
        config = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
        over = self._keys(config, await self.inner.aget_tuple(_head(config)))
        await self.inner.adelete_thread(thread_id)
        await self._atell(withdraw(over, REPLACED["delete"]))

    # What it comes to.

    def _asked(self, config: Any, writes: Sequence[tuple[str, Any]]) -> list[Asked]:
        """The questions that the root of a graph saves. A subgraph's reach it as well, under the
        same id; those that somebody catches on the way are asked by nobody."""
        where = config["configurable"]
        if where.get("checkpoint_ns") or holding(str(where["thread_id"])):
            return []
        return [self._read(where, interrupt) for interrupt in interrupts_in(writes)]

    def _read(self, where: Mapping[str, Any], interrupt: Any) -> Asked:
        _, graph, fields, _ = self.holdshort
        return asked(interrupt, thread_id=str(where["thread_id"]), graph=graph, fields=fields)

    def _seen(self, config: Any, found: Any) -> Any:
        """Remember what a thread waits for when it is loaded."""
        where = config["configurable"]
        if found is not None and not where.get("checkpoint_ns"):
            checkpoint_id = found.config["configurable"]["checkpoint_id"]
            by_task: dict[str, list[str]] = {}
            for one in pending(found):
                keys = [str(body["key"]) for body in self._read(where, one.interrupt).intents]
                by_task.setdefault(one.task_id, []).extend(keys)
            self._heads[str(where["thread_id"])] = (checkpoint_id, by_task)
        return found

    def _keys(self, config: Any, found: Any) -> list[str]:
        where = config["configurable"]
        questions = [self._read(where, one.interrupt) for one in pending(found)]
        return [str(body["key"]) for question in questions for body in question.intents]

    def _left_behind(self, config: Any, metadata: Any) -> list[str]:
        """Return the keys of those questions that were pending when the thread was loaded, and that
        this checkpoint leaves behind."""
        where = config["configurable"]
        thread_id = str(where["thread_id"])
        if where.get("checkpoint_ns") or holding(thread_id):
            return []
        checkpoint_id, by_task = self._heads.get(thread_id, ("", {}))
        over = self._is_moved(config, metadata) or checkpoint_id == where.get("checkpoint_id")
        return [key for keys in by_task.values() for key in keys] if over else []

    def _is_moved(self, config: Any, metadata: Any) -> bool:
        """Whether the thread goes on from elsewhere, whatever it waits for: its newest checkpoint
        has to be read for that."""
        where = config["configurable"]
        if where.get("checkpoint_ns") or holding(str(where["thread_id"])):
            return False
        return metadata.get("source") in REPLACED

    def _after_writes(self, config: Any, task_id: str, questions: list[Asked]) -> Flow[None]:
        """File what a task asks now, and withdraw what it asked when the thread was loaded, and has
        passed since: the next question of a node comes without a checkpoint of its own."""
        yield from self._ready(config, questions)
        where = config["configurable"]
        checkpoint_id, by_task = self._heads.get(str(where["thread_id"]), ("", {}))
        if checkpoint_id != where.get("checkpoint_id") or task_id not in by_task:
            return
        now = {str(body["key"]) for question in questions for body in question.intents}
        others = {key for task, keys in by_task.items() if task != task_id for key in keys}
        over = [key for key in by_task.pop(task_id) if key not in now | others]
        yield from withdraw(over, ANSWERED_ELSEWHERE)

    def _after_put(self, config: Any, saved: Any, over: list[str], reason: str) -> Flow[None]:
        self._mark(saved)
        if over:
            self._heads.pop(str(config["configurable"]["thread_id"]), None)
            yield from withdraw(dict.fromkeys(over), REPLACED.get(reason, ANSWERED_ELSEWHERE))
        yield from self._ready(saved, [])

    def _is_saved(self, config: Any) -> bool:
        return _exact(config) in self._saved

    def _mark(self, config: Any) -> None:
        with self._lock:
            self._saved[_exact(config)] = True

    def _wait(self, config: Any, questions: list[Asked]) -> None:
        with self._lock:
            self._waiting[_exact(config)] = [*self._waiting.get(_exact(config), []), *questions]

    def _ready(self, config: Any, questions: list[Asked]) -> Flow[None]:
        """File what waits for nothing more. Filing twice finds the same intent."""
        with self._lock:
            if _exact(config) not in self._saved:
                return
            waited = self._waiting.pop(_exact(config), [])
        for question in {one.interrupt_id: one for one in (*waited, *questions)}.values():
            yield from file(question.intents)

    def _tell(self, flow: Flow[None]) -> None:
        client, _, _, on_error = self.holdshort
        try:
            do(client, flow)
        except HoldshortError:
            if on_error == "raise":
                raise
            log.exception("an interrupt could not be filed; reconcile() will find it")

    async def _atell(self, flow: Flow[None]) -> None:
        client, _, _, on_error = self.holdshort
        try:
            await ado(client, flow)
        except HoldshortError:
            if on_error == "raise":
                raise
            log.exception("an interrupt could not be filed; reconcile() will find it")


def _exact(config: Any) -> tuple[str, str, str]:
    where = config["configurable"]
    return (
        str(where["thread_id"]),
        where.get("checkpoint_ns", ""),
        str(where.get("checkpoint_id", "")),
    )


def _exactly(config: Any) -> Any:
    """A config that names one checkpoint, and nothing else."""
    thread_id, namespace, checkpoint_id = _exact(config)
    named = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return {"configurable": named}


def _head(config: Any) -> Any:
    """A config that names a thread's newest checkpoint."""
    return {"configurable": {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ""}}
