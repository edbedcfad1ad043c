"""The two drivers of flows: the same loop, blocking and awaiting."""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from holdshort.client.calls import CouldNotReach, Flow, Pause
from holdshort.client.transports.base import AsyncTransport, Transport

T = TypeVar("T")


def run(flow: Flow[T], transport: Transport) -> T:
    """Drive a flow to its end, blocking; return its result."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                step = flow.send(None)
                continue
            try:
                reply = transport.send(step)
            except CouldNotReach as error:
                step = flow.throw(error)
            else:
                step = flow.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result


async def run_async(flow: Flow[T], transport: AsyncTransport) -> T:
    """Drive a flow to its end on an event loop; return its result."""
    try:
        step = next(flow)
        while True:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = flow.send(None)
                continue
            try:
                reply = await transport.send(step)
            except CouldNotReach as error:
                step = flow.throw(error)
            else:
                step = flow.send(reply)
    except StopIteration as done:
        result: T = done.value
        return result
