"""What every adapter of a framework promises, as one pytest class over real processes.

An adapter brings a bench (how its framework builds the scene's agent) and a class of its own:

>>> class TestContract(AdapterContract):
...     bench = Path(__file__).with_name("bench.py")
...     declined: ClassVar = {"forged_state": "the framework keeps no state of its own"}

The bench is a script; it imports no pytest, so that a fresh interpreter is ready soon.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from holdshort.testing.adapter.bench import Bench, Report
from holdshort.testing.adapter.scene import Scene
from holdshort.testing.adapter.script import Call, ScriptedModel, Turn
from holdshort.testing.adapter.verbs import main

if TYPE_CHECKING:
    from holdshort.testing.adapter.contract import AdapterContract
    from holdshort.testing.adapter.live import LiveServer

__all__ = [
    "AdapterContract",
    "Bench",
    "Call",
    "LiveServer",
    "Report",
    "Scene",
    "ScriptedModel",
    "Turn",
    "main",
]


def __getattr__(name: str) -> Any:
    """Load what only the side with pytest needs when it is asked for."""
    if name == "AdapterContract":
        return import_module(f"{__name__}.rewriting").contract()
    if name == "LiveServer":
        return import_module(f"{__name__}.live").LiveServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
