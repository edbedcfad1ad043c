"""Whether an agent may act at all."""

from __future__ import annotations

from holdshort.errors import Forbidden
from holdshort.models import Directory, Principal, agent_address


def require_alive(principal: Principal, directory: Directory) -> None:
    """Raise Forbidden for an agent that was killed."""
    if principal.kind == "agent" and agent_address(principal.id) in directory.killed:
        raise Forbidden(
            f"{principal.id} was killed: it can ask for nothing and run nothing until an "
            "administrator resumes it",
            rule="killed",
        )
