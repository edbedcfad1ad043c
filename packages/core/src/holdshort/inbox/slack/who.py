"""Who pressed a button: a member of our workspace, known by id, who is one of our people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdshort.models import Principal
from holdshort.notify.slack import SlackNotifier
from holdshort.notify.slack_refused import SlackRefused
from holdshort.server.context import Context


class Stranger(Exception):
    """Nobody who decides here.

    Args:
        why: for the log.
        told: what they are told.
    """

    def __init__(self, why: str, told: str) -> None:
        super().__init__(why)
        self.told = told


@dataclass(frozen=True)
class Caller:
    """Somebody as a verified payload names them. Names that they chose themselves are not read."""

    team: str
    user: str
    home: str
    """The workspace (or organisation) that they belong to; empty where Slack does not say."""
    enterprise: str

    @classmethod
    def of(cls, payload: dict[str, Any]) -> Caller:
        """Raises ValueError for a payload that says of nobody that they did it."""
        team, user = payload.get("team"), payload.get("user")
        if not isinstance(team, dict) or not isinstance(user, dict):
            raise ValueError("no team or no user")
        grid = team.get("enterprise_id") or (payload.get("enterprise") or {}).get("id") or ""
        found = (team.get("id"), user.get("id"), user.get("team_id") or "", grid)
        texts = [one for one in found if isinstance(one, str)]
        if len(texts) != len(found) or not (texts[0] and texts[1]):
            raise ValueError("no team or no user")
        return cls(*texts)


_UNKNOWN = (
    "Holdshort does not know you by this Slack account, so nothing was decided. An administrator "
    "can add your member id to your entry."
)
_OUTSIDE = "Only members of the workspace that this belongs to can answer here."
_UNSURE = "Slack did not say who you are just now, so nothing was decided. Try again."


async def person_of(ctx: Context, slack: SlackNotifier, caller: Caller, tenant: str) -> Principal:
    """Return the person of this tenant that the caller is. Raises Stranger for everybody else."""
    try:
        ours = await slack.web.team()
        if caller.team != ours:
            raise Stranger(f"workspace {caller.team} is not ours", _OUTSIDE)
        if caller.home not in ("", caller.team, caller.enterprise):
            raise Stranger(f"they belong to workspace {caller.home}", _OUTSIDE)
        found = await slack.web.call(lambda client: client.users_info(user=caller.user))
    except SlackRefused as refused:
        raise Stranger(f"Slack does not say who they are: {refused.code}", _UNSURE) from None
    _require_member(found.get("user"))
    return await _known(ctx, caller, tenant)


def _require_member(user: Any) -> None:
    if not isinstance(user, dict):
        raise Stranger("Slack does not say who they are", _UNSURE)
    for mark in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"):
        if user.get(mark):
            raise Stranger(f"in Slack they are marked {mark}", _OUTSIDE)


async def _known(ctx: Context, caller: Caller, tenant: str) -> Principal:
    entries = await ctx.engine.read(ctx.engine.store.entries, tenant, "person")
    ids = (caller.user, f"{caller.team}/{caller.user}")
    found = [entry for entry in entries if entry.doc.get("slack") in ids]
    if not found:
        raise Stranger("no person has this member id", _UNKNOWN)
    if len(found) > 1:
        names = ", ".join(entry.name for entry in found)
        raise Stranger(f"several people have this member id: {names}", _UNKNOWN)
    (entry,) = found
    if not entry.doc.get("active", True):
        raise Stranger(f"{entry.name} was deactivated", "You do not decide here any more.")
    return Principal(kind="person", id=entry.name, tenant=tenant, via="slack")
