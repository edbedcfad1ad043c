"""Clients that only wait, a process of its own: orders as a line of JSON on standard input, until
that is closed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvloop

from benchmarks import wire

#: How long each waits (seconds): the longest that the server holds a request.
LONGEST = 60


async def hold(orders: dict[str, Any]) -> None:
    """Wait for all intents, each over its own connection, until standard input ends."""
    lost: list[int] = []
    connections = []
    for intent_id in orders["intents"]:
        connection = await wire.connect(orders["host"], orders["port"])
        path = f"/v1/intents/{intent_id}/decision?wait_seconds={LONGEST}"
        connection.send(
            wire.request("GET", path, orders["key"]), lambda status, _: lost.append(status)
        )
        connections.append(connection)
    print("waiting", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print("lost" if lost else "held", flush=True)
    for connection in connections:
        connection.close()


def main() -> None:
    orders = json.loads(sys.stdin.readline())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(hold(orders))


if __name__ == "__main__":
    main()
