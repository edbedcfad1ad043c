"""The contract, on the smallest agent there is."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from holdshort.testing.adapter import AdapterContract


class TestContract(AdapterContract):
    bench = Path(__file__).with_name("loop_bench.py")
    declined: ClassVar = {"way_stream": "a loop without a framework has nothing to stream"}
