"""What an agent's kill does to what it asked for: it stands still, and no permit of it is left."""

from __future__ import annotations

from holdshort.lifecycle.commands import Pause, Unpause
from holdshort.lifecycle.draft import Draft
from holdshort.policy.ladder import stood_still


def pause(draft: Draft, command: Pause) -> None:
    """Stop the time of an open intent; take an unused permit back. Each is for good or until
    `unpause`, whatever the directory of another process still says."""
    intent, actor = draft.intent, command.principal.actor
    if intent.terminal:
        if intent.grant is not None and intent.grant.state == "open":
            draft.set(grant=intent.grant.but(state="revoked"))
            draft.log("intent.grant_revoked", actor, why="its agent was killed")
        return
    if intent.paused_at is not None:
        return
    held = intent.current.held
    if held is not None:
        # It would take effect while nothing may be decided; whoever gave it can give it again.
        draft.set_step(held=None)
        draft.log(
            "intent.answer_dropped",
            "system",
            outcome=held.answer["outcome"],
            by=held.by.id,
            why="its agent was killed",
            step=intent.step,
        )
    draft.set(paused_at=draft.now)
    draft.log("intent.paused", actor, why="its agent was killed")
    draft.tell("paused")


def unpause(draft: Draft, command: Unpause) -> None:
    """Let time go on where it stood still. What was due in between is due that much later."""
    intent = draft.intent
    if intent.paused_at is None:
        return
    if not intent.terminal:
        step = stood_still(intent.current, draft.now - intent.paused_at)
        draft.set_step(**{name: getattr(step, name) for name in _MOVED})
    draft.set(paused_at=None)
    draft.log("intent.unpaused", command.principal.actor)
    draft.tell("unpaused")


_MOVED = ("paused", "remind_at", "escalate_at", "deadline_at")
