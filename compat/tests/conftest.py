"""A real server, and the SDK of `axme` pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axme import AxmeClient, AxmeClientConfig

from holdshort.testing.adapter.live import LiveServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path) as server:
        yield server


def client(server: LiveServer, key: str) -> AxmeClient:
    """Return the SDK with this key."""
    return AxmeClient(AxmeClientConfig(base_url=server.url, api_key=key))


@pytest.fixture
def admin(server: LiveServer) -> Iterator[AxmeClient]:
    with client(server, server.keys["service"]) as found:
        yield found


def registered(server: LiveServer, admin: AxmeClient, address: str) -> str:
    """Register an agent as the protocol's clients do; return its key."""
    org, workspace, name = address.removeprefix("agent://").split("/")
    made = admin.create_service_account({"name": name, "org_id": org, "workspace_id": workspace})
    account = made["service_account"]
    assert account["address"] == account["agent_address"] == address
    key = admin.create_service_account_key(account["service_account_id"], {})["key"]
    return str(key["token"])
