"""The tools of a scene: plain functions that write down what they did."""

# Without postponed annotations: frameworks read the types of the parameters.

from collections.abc import Callable
from typing import Any

from holdshort.testing.adapter.journal import Faults, Journal


class ToolFailure(Exception):
    """The tool failed, or so the scene has it."""


def tools(variant: str, effects: Journal, faults: Faults) -> list[Callable[..., str]]:
    """Return the tools as they are deployed in this variant of a scene."""

    def act(tool: str, said: str, **arguments: Any) -> str:
        effects.add({"tool": tool, "arguments": arguments, "at": "begin"})
        faults.meet("tool", tool, ToolFailure("the bank is closed"))
        effects.add({"tool": tool, "arguments": arguments, "at": "end"})
        return said

    def pay(to: str, amount: int) -> str:
        """Pay an amount to somebody."""
        return act("pay", f"paid {amount} to {to}", to=to, amount=amount)

    def pay_out(to: str, amount: int) -> str:
        """Pay an amount to somebody."""
        return act("pay_out", f"paid {amount} to {to}", to=to, amount=amount)

    def pay_in_cents(to: str, cents: int) -> str:
        """Pay an amount, in cents, to somebody."""
        return act("pay", f"paid {cents} cents to {to}", to=to, cents=cents)

    def refund(order: str, amount: int) -> str:
        """Refund an amount for an order."""
        return act("refund", f"refunded {amount} for {order}", order=order, amount=amount)

    def look(what: str) -> str:
        """Look something up."""
        return act("look", f"saw {what}", what=what)

    pay_in_cents.__name__ = pay_in_cents.__qualname__ = "pay"
    deployed: dict[str, list[Callable[..., str]]] = {
        "removed": [],
        "renamed": [pay_out],
        "changed": [pay_in_cents],
    }
    return [*deployed.get(variant, [pay]), refund, look]
