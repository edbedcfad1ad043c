"""Who is called when an intent has ended, because they wait in a system that cannot ask."""

from __future__ import annotations

from holdshort.errors import Conflict, Forbidden
from holdshort.lifecycle.commands import AddCallback
from holdshort.lifecycle.draft import Draft

#: The most that wait for one intent: each restart of an agent may add one.
MOST = 100


def add(draft: Draft, command: AddCallback) -> None:
    """Call this one as well; at once, where the intent has ended already."""
    intent, callback = draft.intent, command.callback
    if command.principal.kind != "agent" or command.principal.id != intent.agent:
        raise Forbidden("only the agent that asked this is called back")
    others = tuple(one for one in intent.callbacks if one.ref != callback.ref)
    if callback in intent.callbacks:
        if intent.terminal:
            # Asked again, so the answer has not arrived, whatever was said when it was sent.
            draft.tell("callback", (callback.ref,))
        return
    if len(others) >= MOST:
        raise Conflict(f"{MOST} are called back for this intent already")
    draft.set(callbacks=(*others, callback))
    draft.log(
        "intent.callback_added", command.principal.actor, ref=callback.ref, channel=callback.channel
    )
    if intent.terminal:
        draft.tell("callback", (callback.ref,))
