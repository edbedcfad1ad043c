"""What every adapter promises."""

from __future__ import annotations

from pathlib import Path

from holdshort.testing.adapter import AdapterContract


class TestContract(AdapterContract):
    bench = Path(__file__).with_name("bench.py")
