"""Waiting in process: the same suspended run, gone on with here as soon as it is decided."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from holdshort import Client
from holdshort.adapters import Run, Suspended, wait_for_all
from holdshort.errors import RunBusy

Mode = Literal["suspend", "wait"]


def waited(
    client: Client,
    reopen: Callable[[str], Run],
    go_on: Callable[[Run], Any],
    run: Run,
    mode: Mode,
    timeout: float,
) -> Any:
    """Return what the run comes to; Suspended where it waits for people, in mode `wait` only after
    `timeout` seconds. The intents are durable either way: a worker may be quicker."""
    ends = time.monotonic() + timeout
    result = go_on(run)
    while mode == "wait" and isinstance(result, Suspended):
        left = ends - time.monotonic()
        if left <= 0 or not wait_for_all(client, result.intent_ids, timeout=left):
            return result
        try:
            result = go_on(reopen(run.id))
        except RunBusy:
            return result
    return result
