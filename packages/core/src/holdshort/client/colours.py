"""Driving the clients' flows in the caller's colour, whichever colour the client has."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from holdshort.client.async_client import AsyncClient
from holdshort.client.calls import Flow
from holdshort.client.client import Client
from holdshort.errors import ConfigurationError

T = TypeVar("T")
AnyClient = Client | AsyncClient


def do(client: AnyClient, flow: Flow[T]) -> T:
    """Drive a flow, blocking. Raises ConfigurationError for an AsyncClient, which cannot block."""
    if isinstance(client, AsyncClient):
        flow.close()
        raise ConfigurationError("this blocks: give it a Client, not an AsyncClient")
    return client._run(flow)


async def ado(client: AnyClient, flow: Flow[T]) -> T:
    """Drive a flow without holding up the event loop."""
    if isinstance(client, AsyncClient):
        return await client._run(flow)
    return await asyncio.to_thread(client._run, flow)
