"""Who follows a whole tenant hears of every change in it, and of no other's."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from holdshort.engine.wake import Subscription, Wake

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def intent(tenant: str) -> Any:
    return SimpleNamespace(tenant=tenant, id="1", lease_at=None, run=None)


async def hears(subscription: Subscription) -> bool:
    """Whether there is news now."""
    began = asyncio.get_running_loop().time()
    await subscription.wait(0.2)
    return asyncio.get_running_loop().time() - began < 0.15


async def test_changes_here_and_elsewhere_are_heard() -> None:
    wake = Wake()
    with wake.on_tenant("acme") as acme, wake.on_tenant("globex") as globex:
        assert len(wake) == 2
        wake.changed([intent("acme")])
        assert (await hears(acme), await hears(globex)) == (True, False)
        wake.changed_elsewhere([("globex", "2")])
        assert (await hears(acme), await hears(globex)) == (False, True)
        wake.changed_elsewhere(None)
        assert (await hears(acme), await hears(globex)) == (True, True)
        assert acme.latest is None
    assert len(wake) == 0
