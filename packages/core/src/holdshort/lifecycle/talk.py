"""What is said and shown beside an intent: remarks, questions to the agent, files. None decides."""

from __future__ import annotations

from holdshort import ids
from holdshort.errors import Conflict, Forbidden, NotPending
from holdshort.lifecycle.commands import Attach, Comment
from holdshort.lifecycle.draft import Draft
from holdshort.models import Attached, Directory, Intent, Principal, agent_address
from holdshort.policy.eligible import require_reviewer
from holdshort.policy.mentions import Mentions, mentions_in

#: For how long the same remark by the same one, with nobody's between, is the same (seconds).
SAME_REMARK = 60
#: The most files beside one intent.
MOST_FILES = 50


def comment(draft: Draft, command: Comment, directory: Directory) -> None:
    """Add a remark, or ask the agent something. The timer runs on."""
    principal, intent = command.principal, draft.intent
    if principal.kind == "person":
        if not intent.terminal:
            require_reviewer(principal, intent, directory)
    elif principal.kind == "agent" and not _takes_part(principal, intent):
        raise Forbidden("only the agent that asked this and its reviewers comment here")
    mark = ids.hash_of("\n".join((principal.actor, str(command.ask), command.text)))[:32]
    if intent.said is not None and intent.said[0] == mark and _is_retry(draft, intent.said[1]):
        return  # its first answer was lost, or it was sent twice
    draft.set(said=(mark, draft.now))
    if command.ask:
        _ask(draft, command, directory)
        return
    found = _mentions(draft, command, directory)
    asking = () if intent.terminal else intent.current.asking
    answers = asking if (principal.kind, principal.id) == ("agent", intent.agent) else ()
    draft.log(
        "intent.commented",
        principal.actor,
        text=command.text,
        answers=list(answers) or None,
        **_named(found),
    )
    draft.tell("commented")
    if answers:
        draft.set_step(asking=())
        draft.tell("answered", answers)
    if found.told:
        draft.tell("mentioned", found.told)


def _is_retry(draft: Draft, at: int) -> bool:
    return draft.now - at <= SAME_REMARK * 1000


def _takes_part(agent: Principal, intent: Intent) -> bool:
    """Whether an agent has asked this, or has a step of it as its work."""
    work = {one for step in intent.steps if step.agent for one in step.assigned}
    return agent.id == intent.agent or agent_address(agent.id) in work


def _ask(draft: Draft, command: Comment, directory: Directory) -> None:
    intent, person = draft.intent, command.principal
    if person.kind != "person":
        raise Forbidden("only reviewers ask the agent; an agent asks by filing an intent")
    if intent.terminal:
        raise NotPending(f"this intent has ended: {intent.status}", status=intent.status)
    found = _mentions(draft, command, directory)
    asking = intent.current.asking
    if person.id not in asking:
        draft.set_step(asking=(*asking, person.id))
    draft.log(
        "intent.asked_agent", person.actor, text=command.text, step=intent.step, **_named(found)
    )
    draft.tell("asked_agent")
    if found.told:
        draft.tell("mentioned", found.told)


def attach(draft: Draft, command: Attach, directory: Directory) -> None:
    """Record a file of a reviewer's. What is there already is not recorded again."""
    intent, principal = draft.intent, command.principal
    if intent.terminal:
        raise NotPending(f"this intent has ended: {intent.status}", status=intent.status)
    require_reviewer(principal, intent, directory)
    if any((one.sha256, one.name) == (command.sha256, command.name) for one in intent.files):
        return
    if len(intent.files) >= MOST_FILES:
        raise Conflict(f"there are {MOST_FILES} files here, and no more are taken")
    file = Attached(
        name=command.name,
        sha256=command.sha256,
        size=command.size,
        by=principal.id,
        at=draft.now,
    )
    draft.set(files=(*intent.files, file))
    draft.log(
        "intent.file_added",
        principal.actor,
        name=command.name,
        sha256=command.sha256,
        size=command.size,
        step=intent.step,
    )


def _mentions(draft: Draft, command: Comment, directory: Directory) -> Mentions:
    # An agent's words tell nobody: it cannot have people called at will.
    if command.principal.kind != "person":
        return Mentions()
    return mentions_in(command.text, draft.intent, directory, by=command.principal.id)


def _named(found: Mentions) -> dict[str, object]:
    return {
        "mentioned": list(found.told) or None,
        "not_told": [f"@{name}: {why}" for name, why in found.not_told] or None,
    }
