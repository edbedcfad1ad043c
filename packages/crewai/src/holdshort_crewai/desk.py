"""`Desk`: where every call of a tool comes by, and is asked about if a gate says so.

One call of the model is one question and at most one execution, however often CrewAI tries it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from holdshort import Client, Decision
from holdshort.adapters import (
    Effects,
    Gate,
    Secrets,
    answer_of,
    call_key,
    do,
    edit_note,
    masked_arguments,
    question_intent,
    recordable,
    refusal,
    shown_arguments,
    tool_intent,
)
from holdshort.client import flows
from holdshort.client.run import decisions, intent_of
from holdshort.errors import (
    GrantRefused,
    HoldshortError,
    InvalidRequest,
    NotPending,
    OutcomeUnknown,
    StaleDigest,
    WaitTimeout,
)
from holdshort_crewai.arguments import Unfit, hashed
from holdshort_crewai.persistence import blocking
from holdshort_crewai.tape import Broken, Tape, Waits, playing

Action = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Calling:
    """The model's call that this thread works on, as a hook has seen it."""

    place: str
    tool: str
    arguments: str
    times: int
    agent: str
    blocks: bool
    """Whether it stands in a task that cannot be unwound: there it is waited for."""


calling: ContextVar[Calling | None] = ContextVar("holdshort_call", default=None)


class Desk:
    """Asks, waits and runs for the tools of one crew, or of one process.

    Args:
        run_id: what makes the questions of one run its own. A fresh one by default; with a stable
            one, a run that is begun again finds the decisions that were made.
        timeout: for how long a person is waited for, where the crew cannot be suspended.
    """

    def __init__(
        self, client: Client, *, run_id: str | None = None, app: str = "", timeout: float = 600.0
    ) -> None:
        self.client = blocking(client)
        self.run_id = run_id or str(uuid.uuid4())
        self.app = app
        self._timeout = timeout
        self._effects = Effects(client)
        self._times: dict[tuple[str, str, str], int] = {}
        self._lock = threading.Lock()

    def count(self, place: str, tool: str, arguments: Any) -> tuple[str, int]:
        """Count one more call of this kind in this place; return its arguments' hash and number."""
        said = hashed(arguments)
        with self._lock:
            times = self._times[place, tool, said] = self._times.get((place, tool, said), 0) + 1
        return said, times

    def begin(self, place: str) -> None:
        """An agent begins its task, or begins it again: the same calls are the same questions."""
        with self._lock:
            for key in [key for key in self._times if key[0] == place]:
                del self._times[key]

    def call(self, tool: str, gate: Gate | None, arguments: dict[str, Any], action: Action) -> Any:
        """Run a call, if it may; return what the model is told.

        What is on the tape is returned from it. Fails closed: whatever goes wrong on the way to a
        permit, the action has not run.
        """
        tape = playing.get()
        if tape is None and gate is None:
            return action(arguments)
        key, call = self._key("tool", tool, arguments)
        if tape is not None and key in tape.results:
            return _again(tape.results[key])
        if gate is None:
            return self._plain(tape, key, arguments, action)
        try:
            shown = shown_arguments(arguments)
            body = tool_intent(
                gate,
                key=key,
                tool=tool,
                arguments=shown,
                agent_name=call.agent,
                run_id=self.run_id,
                app=self.app,
            )
        except InvalidRequest as error:
            return f"This action cannot be shown to a person, and was not executed: {error}"
        decision = self._decision(tape, body, call)
        if decision is None:
            return _nobody()
        if not decision.approved:
            return self._told(tape, key, refusal(decision))
        return self._told(tape, key, self._execute(tape, gate, key, shown, decision, action, call))

    def ask(
        self, question: str, options: list[str] | None, *, to: Any = None, deadline: Any = None
    ) -> Any:
        """Ask a person a question; return the answer, or what to do without one."""
        tape = playing.get()
        key, call = self._key("ask", question, {"options": options or []})
        if tape is not None and key in tape.results:
            return _again(tape.results[key])
        body = question_intent(
            key=key,
            question=question,
            options=options,
            to=to,
            deadline=deadline,
            agent_name=call.agent,
            run_id=self.run_id,
            app=self.app,
        )
        decision = self._decision(tape, body, call)
        if decision is None:
            return _nobody()
        answer = answer_of(decision) if decision.approved else None
        if answer is None:
            return self._told(tape, key, f"The question was not answered. {refusal(decision)}")
        return self._told(tape, key, answer)

    def decided(self, body: dict[str, Any], *, blocks: bool = False) -> Decision | None:
        """Return the decision on this intent, having asked and waited for it as the place allows.
        None where nobody decided in time."""
        call = Calling("", "", "", 0, "", blocks)
        return self._decision(playing.get(), body, call)

    def _key(self, kind: str, tool: str, arguments: Any) -> tuple[str, Calling]:
        call = calling.get()
        if call is None or (kind == "tool" and (call.tool != tool)):
            said, times = self.count("", f"{kind}:{tool}", arguments)
            call = Calling("", tool, said, times, "", False)
        said = f"{kind}:{tool}:{call.arguments}"
        return call_key("crewai", self.run_id, call.place, said, call.times), call

    def _plain(self, tape: Tape | None, key: str, arguments: dict[str, Any], action: Action) -> Any:
        assert tape is not None
        try:
            result = action(arguments)
        except Exception as error:
            tape.add_result(key, {"error": f"{type(error).__name__}: {error}"})
            raise
        tape.add_result(key, {"result": recordable(result)})
        return result

    def _told(self, tape: Tape | None, key: str, result: Any) -> Any:
        if tape is not None:
            tape.add_result(key, {"result": recordable(result)})
        return result

    def _decision(self, tape: Tape | None, body: dict[str, Any], call: Calling) -> Decision | None:
        """Return the decision on this intent; without one, unwind the crew or wait.

        It is found by its key, which is made of the call itself. So what a saved state says about
        it counts for nothing.
        """
        if tape is None or call.blocks:
            return self._waited(body)
        try:
            found = do(self.client, flows.find(body["key"]))
            decision = None if found is None else self._made(found["intent_id"])
        except HoldshortError as error:
            raise Broken(error) from error
        if found is None:
            tape.ask(body)
        elif decision is None:
            tape.wait(found["intent_id"])
        else:
            return decision
        raise Waits

    def _made(self, intent_id: str) -> Decision | None:
        return do(self.client, decisions([intent_id]))[intent_id]

    def _waited(self, body: dict[str, Any]) -> Decision | None:
        wire = intent_of(body)
        key = wire.pop("idempotency_key")
        intent_id = self.client.send_intent(wire, key=key)
        try:
            return self.client.wait_for(intent_id, timeout=self._timeout)
        except WaitTimeout:
            pass
        try:
            self.client.cancel(intent_id, reason="the agent has stopped waiting")
        except NotPending:
            return self.client.wait_for(intent_id, timeout=self._timeout)
        return None

    def _execute(
        self,
        tape: Tape | None,
        gate: Gate,
        key: str,
        shown: dict[str, Any],
        decision: Decision,
        action: Action,
        call: Calling,
    ) -> Any:
        try:
            result = self._effects.run(
                decision, action, secrets=Secrets(gate.secrets, salt=key), true=shown
            )
        except OutcomeUnknown as unknown:
            question = unknown.details.get("question")
            if tape is not None and not call.blocks and question:
                tape.wait(question)
                raise Waits from None
            return f"It is not known whether this action was executed: {unknown}. Do not repeat it."
        except GrantRefused as refused:
            if refused.details.get("error"):
                return (
                    "This action was approved and tried once, and it failed: "
                    f"{refused.details['error']}. It was not tried again."
                )
            return f"This action was not executed: {refused}"
        except (StaleDigest, Unfit) as error:
            return f"This action was not executed: {error}"
        except HoldshortError as error:
            if tape is None or call.blocks:
                raise
            raise Broken(error) from error
        except Exception as error:
            if tape is not None:
                tape.add_result(key, {"error": f"{type(error).__name__}: {error}"})
            raise
        note = edit_note(decision, masked_arguments(gate, key, shown))
        return f"{result}\n\n{note}" if note else result


def current_desk(default: Desk) -> Desk:
    """Return the desk of the crew that this thread works for."""
    tape = playing.get()
    desk: Desk | None = None if tape is None else tape.desk
    return desk or default


def _again(kept: dict[str, Any]) -> Any:
    if "error" in kept:
        raise RuntimeError(kept["error"])
    return kept["result"]


def _nobody() -> str:
    return "Nobody has decided on this in time. It was not executed; do not try it again now."
