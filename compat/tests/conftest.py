from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdshort.testing.adapter.live import LiveServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path) as server:
        yield server
