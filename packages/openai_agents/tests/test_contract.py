"""What every adapter of Holdshort promises, by an agent of the OpenAI Agents SDK."""

from __future__ import annotations

from pathlib import Path

from holdshort.testing.adapter import AdapterContract


class TestContract(AdapterContract):
    bench = Path(__file__).with_name("bench.py")
