"""Who may decide a step."""

from __future__ import annotations

from holdshort.errors import Forbidden, NotAReviewer
from holdshort.models import Directory, Intent, Principal, Step


def require_reviewer(principal: Principal, intent: Intent, directory: Directory) -> str:
    """Return the person who decides.

    Raises Forbidden for anything that is not a person and for the agent's own owner where duties
    are separated, NotAReviewer for a person who is not asked.
    """
    if principal.kind != "person":
        raise Forbidden(
            f"only people decide; this key belongs to {_a(principal.kind)}. Give the person a key "
            "of their own: holdshort keys create --person ana@acme.com",
        )
    step = intent.current
    if not directory.addresses_of(principal.id) & set(step.assigned):
        raise NotAReviewer(
            f"{principal.id} is not asked here; asked are: {', '.join(step.assigned) or 'nobody'}"
        )
    if step.policy.separation_of_duties and principal.id == intent.owner:
        raise Forbidden(
            f"{principal.id} owns the agent that asks this, so somebody else has to decide",
            rule="separation_of_duties",
        )
    return principal.id


def may_delegate(person: str, step: Step, directory: Directory) -> bool:
    """Return whether this person was asked directly, and so may hand the step on.

    Who was only delegated to may not delegate again: one hop, so there can be no circle.
    """
    received = {to for _, to in step.delegated}
    return bool(directory.addresses_of(person) & (set(step.assigned) - received))


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "agent" else f"a {kind}"
