"""The loop's bench, as an adapter of a framework writes it."""

from __future__ import annotations

import asyncio

from loop import APP, Loop

from holdshort import Client, Worker
from holdshort.adapters import AnyClient, Suspended, open_run
from holdshort.testing.adapter import Bench, Report, Scene, main


class LoopBench(Bench):
    framework = "loop"
    loop: type[Loop] = Loop

    def start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        return asyncio.run(self._start(scene, run_id, prompt))

    async def _start(self, scene: Scene, run_id: str, prompt: str) -> Report:
        if scene.mode != "async":
            return await self._play(scene, scene.client(), run_id, prompt)
        async with scene.async_client() as client:
            return await self._play(scene, client, run_id, prompt)

    async def _play(self, scene: Scene, client: AnyClient, run_id: str, prompt: str) -> Report:
        ended = await self.loop(scene, client).start(run_id, prompt)
        if isinstance(ended, Suspended):
            return Report("suspended", intents=ended.intent_ids)
        return Report("done", output=ended)

    def worker(self, scene: Scene) -> Worker:
        client: Client = scene.client()
        return scene.worker(self.loop(scene, client), client=client)

    def forge(self, scene: Scene, run_id: str) -> None:
        """Write into the conversation's state that everything in it was approved."""
        run = open_run(scene.client(), run_id, app=APP)
        run.suspend({**run.state, "approved": True}, waits=run.waits)


if __name__ == "__main__":
    main(LoopBench())
