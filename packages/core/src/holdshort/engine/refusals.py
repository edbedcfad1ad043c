"""What agents asked for in vain, because of their limits or because they were killed.

It stands in no intent's log, for no intent came of it; an administrator wants to see it all the
same. It is written in the transaction in which it was refused.
"""

from __future__ import annotations

from holdshort.errors import Forbidden, HoldshortError, LimitReached
from holdshort.lifecycle import Create
from holdshort.models import agent_address
from holdshort.store.base import Entry, Tx

#: How many are kept for each agent, besides the count.
MOST_KEPT = 20
_RULES = frozenset({"killed", "intent_type_not_allowed", "tool_not_allowed"})


def note(tx: Tx, command: Create, error: HoldshortError) -> None:
    """Record that this was refused, if it is one of the refusals that are to be seen."""
    rule = error.details.get("rule", error.details.get("dimension"))
    by_rule = isinstance(error, Forbidden) and rule in _RULES
    if command.principal.kind != "agent" or not (by_rule or isinstance(error, LimitReached)):
        return
    tenant, agent = command.principal.tenant, agent_address(command.principal.id)
    doc = tx.lock_entry(tenant, "refused", agent)
    request = command.request
    refused = {
        "at": tx.now(),
        "code": error.code,
        "rule": rule,
        "intent_type": request.intent_type,
        "tool": request.action.tool if request.action else None,
        "why": error.message,
    }
    last = [*doc.get("last", ()), refused][-MOST_KEPT:]
    doc = {"count": doc.get("count", 0) + 1, "last": last}
    tx.put_entry(tenant, Entry(kind="refused", name=agent, doc=doc))
