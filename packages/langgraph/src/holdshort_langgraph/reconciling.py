"""`reconcile`: finds the interrupts of a saver that nobody was told of, and files them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from holdshort.adapters import AnyClient, ado, do
from holdshort_langgraph.filing import file
from holdshort_langgraph.internals import pending
from holdshort_langgraph.shapes import asked


def reconcile(
    saver: BaseCheckpointSaver[Any],
    client: AnyClient,
    *,
    graph: str,
    thread_ids: Iterable[str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> list[str]:
    """File what the threads of a saver ask and nobody was told of; return the intents' ids of all
    that is pending. Filing again finds the same intents, so it can run at any time (by cron, say).

    It needs no graph. Name `thread_ids` where you know which are open: without them every
    checkpoint of the saver is listed.
    """
    ids: list[str] = []
    for thread_id in list(thread_ids) if thread_ids is not None else _threads(saver.list(None)):
        for body in _intents(saver.get_tuple(_newest(thread_id)), thread_id, graph, fields):
            ids += do(client, file([body]))
    return ids


async def areconcile(
    saver: BaseCheckpointSaver[Any],
    client: AnyClient,
    *,
    graph: str,
    thread_ids: Iterable[str] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> list[str]:
    """`reconcile` on an event loop."""
    if thread_ids is None:
        thread_ids = _threads([one async for one in saver.alist(None)])
    ids: list[str] = []
    for thread_id in thread_ids:
        found = await saver.aget_tuple(_newest(thread_id))
        for body in _intents(found, thread_id, graph, fields):
            ids += await ado(client, file([body]))
    return ids


def _threads(listed: Iterable[Any]) -> list[str]:
    return list(dict.fromkeys(str(one.config["configurable"]["thread_id"]) for one in listed))


def _newest(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}


def _intents(
    found: Any, thread_id: str, graph: str, fields: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    questions = [
        asked(one.interrupt, thread_id=thread_id, graph=graph, fields=fields)
        for one in pending(found)
    ]
    return [body for question in questions for body in question.intents]
