"""Whether an agent may act at all, and whether what it asked for can be decided."""

from __future__ import annotations

from holdshort.errors import Conflict, Forbidden
from holdshort.models import Directory, Intent, Principal, agent_address


def require_alive(principal: Principal, directory: Directory) -> None:
    """Raise Forbidden for an agent that was killed."""
    if principal.kind == "agent" and agent_address(principal.id) in directory.killed:
        raise Forbidden(
            f"{principal.id} was killed: it can ask for nothing and run nothing until an "
            "administrator resumes it",
            rule="killed",
        )


def require_going_on(intent: Intent, directory: Directory) -> None:
    """Raise Conflict for what stands still because its agent was killed."""
    if intent.paused_at is not None or agent_address(intent.agent) in directory.killed:
        raise Conflict(
            f"this stands still: {intent.agent} was killed. It can be answered once an "
            "administrator has let the agent go on; until then no time passes for it",
            rule="killed",
        )
