"""A run in the hands of whoever called the agent: what becomes of it when the agent raises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from holdshort.adapters import AnyClient, Run, aopen_run
from holdshort.errors import LeaseLost


@contextlib.asynccontextmanager
async def held(
    client: AnyClient, run_id: str, *, app: str, lease_seconds: float, again: bool
) -> AsyncIterator[Run]:
    """Hold a run in the foreground: what the agent raises is its caller's, and ends the run. One
    that is canceled is a worker's to go on with."""
    run = await aopen_run(client, run_id, app=app, lease_seconds=lease_seconds, again=again)
    try:
        yield run
    except LeaseLost:
        raise
    except Exception as error:
        if run.held:
            await run.afail(said(error))
        raise
    except BaseException:
        if run.held:
            await asyncio.shield(run.arelease())
        raise


def said(error: Exception) -> str:
    """Return an error as it is recorded of a run."""
    return f"{type(error).__name__}: {error}"
