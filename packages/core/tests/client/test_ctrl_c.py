"""A call that its caller gave up, as Ctrl-C does, while the process ends: nothing is printed."""

from __future__ import annotations

import gc
import logging
import threading
import time

import pytest

from holdshort.client.calls import Call
from holdshort.client.transports.embedded import EmbeddedTransport, local_principal


def test_a_call_given_up_while_the_runtime_ends_is_silent(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport = EmbeddedTransport(database, local_principal("agent", None))
    runtime = transport._runtime
    assert runtime is not None
    busy = threading.Event()
    runtime._loop.call_soon_threadsafe(busy.wait)
    future = transport.begin(Call("GET", "/v1/intents"))
    ending = threading.Thread(target=transport.close)
    ending.start()
    while not runtime.over:
        time.sleep(0)  # give way until the other thread has begun
    future.cancel()
    with caplog.at_level(logging.ERROR, logger="asyncio"):
        busy.set()
        ending.join(timeout=30)
        assert not ending.is_alive()
        del future
        gc.collect()
    assert caplog.messages == []
