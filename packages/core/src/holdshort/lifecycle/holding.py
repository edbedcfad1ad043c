"""Answers that are held for some seconds, so that whoever gave one can take it back.

Nothing comes of a held answer: no vote, no grant. When its time is up it is decided on as if it
were given then; the deadline, if that passes meanwhile, does not overtake it.
"""

from __future__ import annotations

from holdshort.errors import Conflict, Forbidden, HoldshortError, NotPending
from holdshort.lifecycle import human
from holdshort.lifecycle.commands import Decide, Undo
from holdshort.lifecycle.draft import Draft
from holdshort.models import Directory, Held, iso
from holdshort.requests import DecisionRequest


def answer(draft: Draft, command: Decide, directory: Directory) -> None:
    """Decide, or hold the answer first, where its giver asks for that."""
    intent, said = draft.intent, command.answer
    held = None if intent.terminal else intent.current.held
    if held is not None and said.step in (None, intent.step):
        if held.by.id == command.principal.id and held.answer == _kept(said):
            return  # a retry
        raise Conflict(
            f"{held.by.id} has answered '{held.answer['outcome']}'; it takes effect at "
            f"{iso(held.until)} unless they take it back",
            held_by=held.by.id,
            until=iso(held.until),
        )
    if not said.undo_seconds:
        human.decide(draft, command, directory)
        return
    # Whatever is wrong with it is said now, while its giver is looking.
    trial = Draft(intent, draft.now)
    human.decide(trial, command, directory)
    if not trial.events:
        return  # a retry of an answer that has been taken already
    until = draft.now + round(said.undo_seconds * 1000)
    draft.set_step(held=Held(by=command.principal, answer=_kept(said), at=draft.now, until=until))
    draft.log(
        "intent.answer_held",
        command.principal.actor,
        outcome=said.outcome,
        via=command.principal.via,
        strong=command.principal.strong or None,
        until=iso(until),
        step=intent.step,
    )


def undo(draft: Draft, command: Undo) -> None:
    """Take a held answer back. Raises NotPending where there is none any more."""
    held = None if draft.intent.terminal else draft.intent.current.held
    if held is None:
        raise NotPending("there is no answer left to take back: it has taken effect")
    if (command.principal.kind, command.principal.id) != (held.by.kind, held.by.id):
        raise Forbidden(f"only {held.by.id} can take that answer back")
    draft.set_step(held=None)
    draft.log(
        "intent.answer_undone",
        command.principal.actor,
        outcome=held.answer["outcome"],
        step=draft.intent.step,
    )


def take_effect(draft: Draft, directory: Directory) -> None:
    """Decide on what was held, its time being up. Who may not decide any more has not decided."""
    held = draft.intent.current.held
    assert held is not None
    draft.set_step(held=None)
    command = Decide(held.by, DecisionRequest.model_validate(held.answer))
    trial = Draft(draft.intent, draft.now)
    try:
        human.decide(trial, command, directory)
    except HoldshortError as error:
        draft.log(
            "intent.answer_dropped",
            "system",
            outcome=held.answer["outcome"],
            by=held.by.id,
            why=error.message,
            step=draft.intent.step,
        )
        return
    human.decide(draft, command, directory)


def _kept(said: DecisionRequest) -> dict[str, object]:
    return said.model_dump(mode="json", exclude_unset=True, exclude={"undo_seconds"})
