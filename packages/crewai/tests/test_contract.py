"""A crew keeps what every adapter promises."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from holdshort.testing.adapter import AdapterContract


class TestContract(AdapterContract):
    bench = Path(__file__).with_name("bench.py")
    declined: ClassVar = {
        "way_stream": "a crew's stream is a thread that CrewAI keeps to itself and that cannot be "
        "unwound: CrewApp turns `stream` off. CrewAI's event bus tells all that happens."
    }
