from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .house import House, database_in, opened


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are coroutines run on asyncio, as Holdshort does."""
    return "asyncio"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database_in(tmp_path)) as house:
        yield house
