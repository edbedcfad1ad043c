"""An approved call, at the moment of its execution: the server is asked, then it runs once."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from holdshort.adapters import Effects, Secrets, ado, refusal
from holdshort.client import flows
from holdshort.client.calls import Call, Flow
from holdshort.client.decision import Decision
from holdshort.errors import GrantRefused, HoldshortError, OutcomeUnknown, StaleDigest
from holdshort_openai_agents.asking import Ask
from holdshort_openai_agents.errors import Parked
from holdshort_openai_agents.results import Form, note_on
from holdshort_openai_agents.session import Session

NOBODY_ASKED = (
    "This call was not executed: it needs a person's approval, and there is none on record for "
    "exactly this call."
)
STILL_OPEN = "This call was not executed: nobody has decided on it yet."
NOT_THIS = (
    "This call was not executed: what was approved is another call, with another tool or other "
    "arguments."
)
CONFIRMED = "A person confirmed that this was done. Its result is not known."

Action = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Refusal:
    """Why a call does not run, in words for the model."""

    text: str


def decided(key: str) -> Flow[tuple[dict[str, Any], Decision | None] | None]:
    """Return the intent that was filed under this key and its decision, if it has one."""
    view = yield from flows.find(key)
    if view is None:
        return None
    reply = yield from flows.call(Call("GET", f"/v1/intents/{view['intent_id']}/decision"))
    wire = reply["decision"]
    return view, None if wire is None else Decision.of(wire)


async def permission(session: Session, ask: Ask) -> Decision | Refusal:
    """Return the approval of this call, from the server, or why there is none."""
    found = await ado(session.client, decided(ask.key))
    if found is None:
        return Refusal(NOBODY_ASKED)
    view, decision = found
    if decision is None:
        return Refusal(STILL_OPEN)
    if not decision.approved:
        return Refusal(refusal(decision))
    return decision if ask.fits(view, decision) else Refusal(NOT_THIS)


async def execute(session: Session, ask: Ask, action: Action, form: Form) -> Any:
    """Run an approved call once, with the arguments as approved; return what the model is told: its
    result, what was recorded where it has run before, or why it may not run.

    Raises Parked where it is not known whether it ran: the run has to wait for that.
    """
    begun = ended = False

    async def act(arguments: dict[str, Any]) -> Any:
        nonlocal begun, ended
        begun = True
        result = action(arguments)
        result = await result if inspect.isawaitable(result) else result
        ended = True
        return result

    async with _acting(session):
        decision = await _permission(session, ask)
        if isinstance(decision, Refusal):
            return form.say(decision.text)
        try:
            result = await Effects(session.client).arun(
                decision,
                act,
                secrets=Secrets(ask.gate.secrets, salt=ask.key),
                true=ask.arguments,
                encode=lambda returned: {"output": form.record(returned)},
            )
        except HoldshortError as error:
            if begun and not ended:
                raise  # the tool's own
            return form.say(_refused(error).text)
    if not begun:
        # There is no `output` where a person, and not the call itself, said that it was done.
        if not isinstance(result, dict):
            return form.say(CONFIRMED, failed=False)
        result = form.restore(result["output"])
    note = note_on(decision, ask.arguments)
    return form.noted(note, result) if note else result


async def delegate(session: Session, ask: Ask, action: Action) -> Any:
    """Let an agent run as a tool. Its permit is used at its beginning; after that it is entered as
    often as its own calls are interrupted, so what it returns is not recorded."""
    async with _acting(session):
        decision = await _permission(session, ask)
        if isinstance(decision, Refusal):
            return decision.text
        try:
            await Effects(session.client).arun(decision, lambda _: "begun")
            secrets = Secrets(ask.gate.secrets, salt=ask.key)
            arguments = secrets.unmask(decision.arguments or {}, ask.arguments)
        except HoldshortError as error:
            return _refused(error).text
    result, note = await action(arguments), note_on(decision, ask.arguments)
    return Form().noted(note, result) if note else result


async def hand_over(session: Session, ask: Ask, decision: Decision) -> str | None:
    """Use the permit of a call that runs at the model's provider, before it is told to; return why
    it may not. Whether it ran once is known there alone."""
    if decision.edited:
        note = note_on(decision, ask.masked)
        return f"{note} This call cannot be changed: make a new one. It was not executed."
    async with _acting(session):
        try:
            await Effects(session.client).arun(decision, lambda _: "left to the provider")
        except HoldshortError as error:
            return _refused(error).text
    return None


class _Unsure(Exception):
    """It is not known now whether a call may run, or whether it has run."""


@asynccontextmanager
async def _acting(session: Session) -> AsyncIterator[None]:
    """While a call is seen to. Where that has to wait for something, the others are let finish
    first: leaving the framework cancels them."""
    try:
        with session.acting():
            yield
    except _Unsure as unsure:
        await session.quiet()
        error = unsure.__cause__
        details = error.details if isinstance(error, HoldshortError) else {}
        raise Parked(str(unsure), details.get("question")) from error


async def _permission(session: Session, ask: Ask) -> Decision | Refusal:
    try:
        return await permission(session, ask)
    except HoldshortError as error:
        raise _Unsure(f"cannot ask whether {ask.place.tool} may run: {error}") from error


def _refused(error: HoldshortError) -> Refusal:
    """Return why there is no permit. Raises _Unsure where that may change."""
    if isinstance(error, GrantRefused | StaleDigest) and not (
        isinstance(error, OutcomeUnknown) or error.details.get("reason") == "started"
    ):
        failed = error.details.get("error")
        said = f" It ran before and failed: {failed}" if failed else ""
        return Refusal(f"This call was approved, but it was not executed now: {error}.{said}")
    raise _Unsure(str(error)) from error
