"""Loops with one thing wrong each; LOOP_MUTANT says which. The contract has to notice."""

from __future__ import annotations

import os
import time
from typing import Any

from loop import Loop
from loop_bench import LoopBench

from holdshort import Decision, OutcomeUnknown
from holdshort.adapters import Gate, Run, Suspended, ado
from holdshort.client import flows
from holdshort.client.run import intent_of
from holdshort.testing.adapter import Call, main


class ExecutesWithoutConsuming(Loop):
    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        if decision.approved and not self.misfit(call.tool, decision.arguments):
            return self.call_tool(call.tool, dict(decision.arguments or {}))
        return await super().execute(call, gate, key, decision)


class RunsAgainWhatWasLost(Loop):
    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        try:
            await self.effects.arun(
                decision, lambda arguments: self.call_tool(call.tool, arguments)
            )
        except OutcomeUnknown:
            return self.call_tool(call.tool, call.arguments)
        return await super().execute(call, gate, key, decision)


class TriesAgainWhatFailed(Loop):
    def call_tool(self, tool: str, arguments: dict[str, Any]) -> str:
        try:
            return super().call_tool(tool, arguments)
        except Exception:
            return super().call_tool(tool, arguments)


class SwallowsTheReason(Loop):
    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        said = await super().execute(call, gate, key, decision)
        return said if decision.approved else "No."


class SwallowsTheEdit(Loop):
    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        said = await super().execute(call, gate, key, decision)
        return said[said.index("paid") :] if "paid" in said else said


class TrustsItsOwnState(Loop):
    async def carry_out(self, call: Call, key: str) -> str:
        if self.state.get("approved"):
            return self.call_tool(call.tool, call.arguments)
        return await super().carry_out(call, key)


class TakesArgumentsFromItsState(Loop):
    async def execute(self, call: Call, gate: Gate, key: str, decision: Decision) -> str:
        if not decision.approved:
            return await super().execute(call, gate, key, decision)
        return await self.effects.arun(
            decision, lambda _: self.call_tool(call.tool, call.arguments)
        )


class KnowsCallsByTheirIdAlone(Loop):
    async def carry_out(self, call: Call, key: str) -> str:
        return await super().carry_out(call, f"{self.run.id}:{call.id}")


class AsksBeforeItSaves(Loop):
    async def advance(self, run: Run, state: dict[str, Any]) -> str | Suspended:
        suspend = run.asuspend

        async def careless(state: Any, intents: Any, *, waits: Any) -> list[str]:
            ids = []
            for body in intents:
                wire = intent_of(body)
                key = wire.pop("idempotency_key")
                joined = {**wire, "run": {"id": run.id, "app": run.app}}
                ids.append(await ado(self.client, flows.send_intent(joined, key=key)))
            time.sleep(1.0)  # as long as a framework takes to write its checkpoint, on a bad day
            await suspend(state, waits=[*ids, *waits])
            return ids

        run.asuspend = careless  # type: ignore[method-assign]
        return await super().advance(run, state)


class TakesANoForAnAnswer(Loop):
    async def decision(self, key: str, body: dict[str, Any]) -> Decision:
        decision = await super().decision(key, body)
        if not decision.approved and "action" not in body:
            object.__setattr__(decision, "approved", True)
            decision.raw["data"] = {"answer": "red"}
        return decision


class GuessesAtTools(Loop):
    def misfit(self, tool: str, arguments: dict[str, Any] | None) -> str:
        return ""

    def call_tool(self, tool: str, arguments: dict[str, Any]) -> str:
        known = self.tools.get(tool) or next(iter(self.tools.values()))
        return known(*arguments.values())


MUTANTS = {
    loop.__name__: loop
    for loop in (
        ExecutesWithoutConsuming,
        RunsAgainWhatWasLost,
        TriesAgainWhatFailed,
        SwallowsTheReason,
        SwallowsTheEdit,
        TrustsItsOwnState,
        TakesArgumentsFromItsState,
        KnowsCallsByTheirIdAlone,
        AsksBeforeItSaves,
        TakesANoForAnAnswer,
        GuessesAtTools,
    )
}


class MutantBench(LoopBench):
    loop = MUTANTS[os.environ["LOOP_MUTANT"]]


if __name__ == "__main__":
    main(MutantBench())
