"""What a caller may see. What they may not see does not exist for them: 404, never 403."""

from __future__ import annotations

from holdshort.errors import NotFound
from holdshort.models import Directory, Intent, Principal, agent_address
from holdshort.policy.eligible import ADMIN_ROLE as ADMIN_ROLE
from holdshort.policy.eligible import may_look

#: The team that is asked where nobody else is named.
ADMIN_TEAM = "admins"


def may_see(principal: Principal, intent: Intent, directory: Directory) -> bool:
    """Return whether this caller may look at this intent.

    An agent sees what it filed, and the questions about its runs; a person what they are or were
    asked; a service key and people with the role `admin` see all of their tenant.
    """
    if principal.tenant != intent.tenant:
        return False
    if principal.kind == "service":
        return True
    if principal.kind == "agent":
        # What Holdshort asks about an agent's run is the agent's to wait for, too.
        about = intent.run[0] if intent.settles is not None and intent.run else None
        mine = agent_address(principal.id)
        given = any(mine in step.assigned for step in intent.steps if step.agent is not None)
        return given or principal.id in (intent.agent, about)
    return may_look(principal.id, intent, directory)


def require_seen(principal: Principal, intent: Intent | None, directory: Directory) -> Intent:
    """Return the intent. Raises NotFound for what is not there and for what is not the caller's."""
    if intent is None or not may_see(principal, intent, directory):
        raise NotFound("there is no such intent")
    return intent


def is_admin(person: str, directory: Directory) -> bool:
    """Return whether a person runs this tenant: in the role `admin`, or in `team:admins`."""
    asked_as = directory.addresses_of(person)
    return f"role:{ADMIN_ROLE}" in asked_as or f"team:{ADMIN_TEAM}" in asked_as
