"""Who runs a graph right now, for the code inside of it: the app, its client, its run."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from holdshort.adapters import AnyClient
from holdshort.errors import ConfigurationError


@dataclass(frozen=True)
class Session:
    """One holding of a thread by a LangGraphApp."""

    client: AnyClient
    app: str
    thread_id: str


#: The session in whose context a graph runs. A wrapped checkpointer files nothing inside of it: the
#: app does that itself, in one transaction with giving up its lease.
CURRENT: ContextVar[Session | None] = ContextVar("holdshort_langgraph", default=None)


def holding(thread_id: str) -> bool:
    """Whether an app holds this thread in the running context."""
    session = CURRENT.get()
    return session is not None and session.thread_id == thread_id


def client_or(client: AnyClient | None) -> AnyClient:
    """Return this client, or the one of the app that runs the graph."""
    if client is not None:
        return client
    session = CURRENT.get()
    if session is None:
        raise ConfigurationError(
            "which Holdshort? Pass client=, or run the graph by a LangGraphApp"
        )
    return session.client
