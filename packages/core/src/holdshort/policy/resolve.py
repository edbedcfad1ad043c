"""From the levels of policy (built in, tenant, intent type, call) to the one that holds for a
step.
"""

from __future__ import annotations

from typing import Any

from holdshort.durations import spell
from holdshort.errors import Forbidden, InvalidRequest
from holdshort.models import Directory, Policy, Rung
from holdshort.people import Hours
from holdshort.requests import PolicyPatch, RungRequest, TenantPolicy

#: What holds where nobody says otherwise: reminded after 5 and after 30 minutes, escalated after
#: 30, timed out after 8 hours to *reject*.
BUILT_IN: dict[str, Any] = {
    "remind_after": 300.0,
    "remind_every": 1500.0,
    "max_reminders": 2,
    "escalate_after": 1800.0,
    "deadline": 28800.0,
    "fallback": "reject",
    "quorum": 1,
    "reject_quorum": 1,
    "risk": "medium",
    "allow_edit": True,
    "require_comment": False,
    "separation_of_duties": True,
    "grant_ttl": 86400.0,
    "execution_timeout": 900.0,
}

#: When the second and later rungs come, where the ladder does not say: this long after the one
#: before.
RUNG_EVERY = 1800.0

#: The name of the calendar in which all time counts.
ALWAYS = "always"

#: What a call may ask for. A policy set by the tenant's own people is not held to these.
SHORTEST_REMINDER = 1.0
LONGEST_DEADLINE = 366 * 86400.0


def type_policy(directory: Directory, intent_type: str) -> TenantPolicy:
    """Return what the tenant says about this intent type: the longest matching pattern wins, and
    what it leaves unsaid is as the tenant's policy for everything (`*`) has it."""
    known: TenantPolicy | None = directory.memo.get(intent_type)
    if known is None:
        best: tuple[int, dict[str, Any]] = (-1, {})
        for pattern, patch in directory.type_policies.items():
            prefix = pattern.removesuffix("*")
            matches = pattern == intent_type or (
                prefix != pattern and intent_type.startswith(prefix)
            )
            if matches and len(pattern) > best[0]:
                best = (len(pattern), patch)
        known = TenantPolicy.model_validate(directory.default_policy | best[1])
        directory.memo[intent_type] = known
    return known


def resolve(
    directory: Directory, by_type: TenantPolicy, *calls: PolicyPatch, field: str = ""
) -> Policy:
    """Return the policy for a step: built in, then the tenant's for this type, then the call's.

    A call may make a policy stricter, not weaker: it can raise a quorum and not lower it, and where
    the policy names who decides it cannot add people by its own escalation ladder. Raises Forbidden
    where it asks for a fallback that only a policy may set, and InvalidRequest where it asks for
    times outside what is allowed (field.md 3.3, cases 52 and 53).
    """
    standing = BUILT_IN | _said(by_type)
    said = dict(standing)
    for call in calls:
        _check_call(call, standing["fallback"], field)
        said |= _said(call)
    said["quorum"] = max(said["quorum"], standing["quorum"])
    said["reject_quorum"] = min(said["reject_quorum"], standing["reject_quorum"])
    if by_type.reviewers:
        said["escalate"] = standing.get("escalate")
    if by_type.calendar not in (None, ALWAYS):
        said["calendar"] = _calendar(directory, by_type.calendar or "")
    escalate_after = said.pop("escalate_after")
    asked = said.pop("escalate", None)
    if asked is None:
        asked = (
            (RungRequest(to=directory.default_reviewers),) if directory.default_reviewers else ()
        )
    return Policy(escalate=_ladder(asked, escalate_after), **said)


def _calendar(directory: Directory, name: str) -> Hours:
    found = directory.calendars.get(name)
    if found is None:
        raise InvalidRequest(
            f"the policy counts time by the calendar {name!r}, and there is none of this name; set "
            "it with `holdshort settings set --calendar`, or take another one",
            problems=[{"field": "calendar", "problem": "there is no such calendar"}],
        )
    return found


def _said(patch: PolicyPatch) -> dict[str, Any]:
    return {
        name: getattr(patch, name)
        for name in patch.model_fields_set
        if name in _POLICY_FIELDS and getattr(patch, name) is not None
    }


_POLICY_FIELDS = frozenset(Policy.model_fields) - {"calendar", "ends_at"} | {"escalate_after"}


def _ladder(rungs: tuple[RungRequest, ...], first: float) -> tuple[Rung, ...]:
    ladder: list[Rung] = []
    for rung in rungs:
        default = ladder[-1].after + RUNG_EVERY if ladder else first
        ladder.append(Rung(after=default if rung.after is None else rung.after, to=rung.to))
    return tuple(sorted(ladder, key=lambda rung: rung.after))


def _check_call(call: PolicyPatch, allowed_fallback: str, field: str) -> None:
    if call.fallback == "approve" and allowed_fallback != "approve":
        raise Forbidden(
            "only a policy may let a timeout approve; a call may not. Set fallback=approve for "
            "this intent type with PUT /v1/policies, or leave it out to get 'reject'.",
            field=f"{field}fallback",
        )
    for name in ("remind_after", "remind_every"):
        value = getattr(call, name)
        if value is not None and value < SHORTEST_REMINDER:
            raise InvalidRequest(
                f"{name} is {spell(value)}; the shortest allowed is {spell(SHORTEST_REMINDER)}",
                problems=[{"field": field + name, "problem": "too short"}],
            )
    if call.deadline is not None and call.deadline > LONGEST_DEADLINE:
        raise InvalidRequest(
            f"deadline is {spell(call.deadline)}; the longest allowed is {spell(LONGEST_DEADLINE)}",
            problems=[{"field": field + "deadline", "problem": "too long"}],
        )
