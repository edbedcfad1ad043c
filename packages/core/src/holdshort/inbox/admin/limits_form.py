"""An agent's limits as a form: what stands in its fields, and what was filled in as limits."""

from __future__ import annotations

from typing import Any

from holdshort.inbox.web import one
from holdshort.limits import Breach, Limits, Scope
from holdshort.server.body import validated
from holdshort.server.limiting import LimitsBody, shown

COUNTS = ("intents_per_hour", "intents_per_day")
AMOUNTS = ("cost_per_hour", "cost_per_day")
#: (field, the scope it is part of, which half of it)
SCOPES = (
    ("types_allowed", "intent_types", "allow"),
    ("types_denied", "intent_types", "deny"),
    ("tools_allowed", "tools", "allow"),
    ("tools_denied", "tools", "deny"),
)
#: What happens where a limit would be passed, in words.
BREACHES: dict[Breach, str] = {
    "block": "It is refused",
    "require_approval": "The approvers are asked first",
    "alert": "It goes on; they are told",
}

#: What stands in the fields, by their names; `require_cost` is "1" or empty.
Filled = dict[str, str]


def filled(limits: Limits) -> Filled:
    """Return the fields of limits that are set."""
    body = shown(limits)
    found = {name: _text(body[name]) for name in (*COUNTS, *AMOUNTS)}
    found |= {"currency": limits.currency, "on_breach": limits.on_breach}
    found |= {"approvers": " ".join(limits.approvers)}
    found |= {"require_cost": "1" if limits.require_cost else ""}
    for name, scope, half in SCOPES:
        patterns: Scope = getattr(limits, scope)
        found[name] = "\n".join(getattr(patterns, half))
    return found


def as_posted(posted: dict[str, list[str]]) -> Filled:
    """Return the fields as somebody filled them in, good or not."""
    names = (*filled(Limits()),)
    return {name: one(posted, name) or "" for name in names}


def limits_in(said: Filled) -> Limits:
    """Return the limits that these fields say. Raises InvalidRequest that names the field."""
    body: dict[str, Any] = {name: _count(said[name]) for name in COUNTS}
    body |= {name: said[name].strip() or None for name in AMOUNTS}
    body |= {
        "currency": said["currency"].strip().upper() or "USD",
        "on_breach": said["on_breach"] or "block",
        "approvers": said["approvers"].replace(",", " ").split(),
        "require_cost": said["require_cost"] == "1",
    }
    for name, scope, half in SCOPES:
        body.setdefault(scope, {})[half] = list(dict.fromkeys(said[name].split()))
    return validated(LimitsBody, body).limits()


def _count(text: str) -> int | str | None:
    """Return a whole number where it is one; else what was written, for the error to name."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 20 else plain or None


def _text(value: float | None) -> str:
    """Write a number without an exponent and without needless decimals."""
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".")
