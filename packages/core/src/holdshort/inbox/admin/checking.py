"""Checking a log in the background: one check a tenant at a time, which can be looked at and
stopped."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from holdshort import audit
from holdshort.engine.engine import Engine
from holdshort.errors import Conflict
from holdshort.server import export
from holdshort.store.base import Down, Store


@dataclass(eq=False)
class Check:
    """A check that is running or has ended. Its thread writes, pages read."""

    only: str | None
    """The intent whose log is checked; None for all of them."""
    begun_at: int
    lines: int = 0
    ended_at: int | None = None
    found: audit.Verified | None = None
    problem: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        return self.ended_at is None

    @property
    def stands(self) -> str:
        """How it stands, in one sentence."""
        if self.running:
            return f"Checking: {self.lines:,} records so far."
        if self.problem is not None:
            return self.problem
        assert self.found is not None
        if self.found.broken is not None:
            return "The log does not hold together."
        return f"Sound: {self.found.events:,} events of {self.found.intents:,} intents."


#: The last check of each tenant, for as long as its engine lives.
_LAST: WeakKeyDictionary[Engine, dict[str, Check]] = WeakKeyDictionary()
#: Tasks that run, held so that they are not collected.
_RUNNING: set[asyncio.Task[None]] = set()


def last(engine: Engine, tenant: str) -> Check | None:
    """Return the check that runs or was the last one; None where there was none yet."""
    return _LAST.get(engine, {}).get(tenant)


def begin(engine: Engine, tenant: str, only: str | None = None) -> Check:
    """Begin to check a log. Raises Conflict while another check runs.

    Args:
        only: the id of one intent, for its log alone.
    """
    before = last(engine, tenant)
    if before is not None and before.running:
        raise Conflict("a check is running already: wait for it, or stop it")
    check = Check(only, engine.store.clock.now())
    _LAST.setdefault(engine, {})[tenant] = check
    task = asyncio.create_task(_run(engine, tenant, check))
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    return check


async def _run(engine: Engine, tenant: str, check: Check) -> None:
    try:
        check.found = await engine.read(_verify, engine.store, tenant, check, heavy=True)
    except _Stopped:
        check.problem = "The check was stopped; nothing is known of the rest."
    except Down:
        check.problem = "The database went away during the check. Check again."
    except BaseException:
        check.problem = "The check broke off; the log of this server says why."
        raise
    finally:
        check.stop.set()
        check.ended_at = engine.store.clock.now()


class _Stopped(Exception):
    """Somebody stopped the check."""


def _verify(store: Store, tenant: str, check: Check) -> audit.Verified:
    def counted() -> Iterator[str]:
        for line in export.lines(store, tenant, check.only):
            if check.stop.is_set():
                raise _Stopped
            check.lines += 1
            yield line

    return audit.verify(counted())
