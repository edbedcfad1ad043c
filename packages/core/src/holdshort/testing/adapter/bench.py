"""`Bench`: how one framework plays a scene. Each adapter's tests write one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from holdshort.testing.adapter.scene import Scene
from holdshort.worker import Worker


@dataclass
class Report:
    """How a start ended, in the words of the framework's user."""

    status: Literal["done", "suspended", "failed"]
    output: str = ""
    """The agent's last words, where it is done."""
    intents: list[str] = field(default_factory=list)
    """The intents that are waited for, where it is suspended."""
    error: str = ""
    events: int = 0
    """How many events the framework streamed, in mode `stream`."""


class Bench:
    """How one framework plays a scene.

    Every method builds the user's application from the scene alone: another process will do the
    same. What it raises counts as a failed start.
    """

    framework: str = ""

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        """Run the agent on this prompt until it ends or suspends. `run_id` is (part of) the id of
        the run in Holdshort."""
        raise NotImplementedError

    def worker(self, scene: Scene) -> Worker:
        """Return a worker that goes on with what `start` suspended: `scene.worker(app)`."""
        raise NotImplementedError

    def forge(self, scene: Scene, run_id: str) -> None:
        """Tamper with the framework's own stored state of a suspended run, so that it says that the
        call was approved, as far as anybody who can write there is able to."""
        raise NotImplementedError
