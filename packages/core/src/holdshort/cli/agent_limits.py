"""`holdshort agents limits`: what an agent may ask for, shown and changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command
from holdshort.cli.keys import segment
from holdshort.cli.output import escape, line
from holdshort.cli.session import Session

#: What stands in the API for every agent that has no limits of its own.
EVERY = "*"


class Breach(StrEnum):
    """What happens where a limit would be passed."""

    block = "block"
    alert = "alert"
    require_approval = "require-approval"


def register(group: typer.Typer) -> None:
    """Add the command."""
    command(
        group,
        "limits",
        acts="service",
        makes=True,
        examples=[
            "holdshort agents limits data-analyst",
            "holdshort agents limits agent://acme/prod/buyer --cost-per-day 500 --require-cost",
            "holdshort agents limits agent://acme/prod/buyer --deny-tool 'shell*'",
            "holdshort agents limits --every --intents-per-hour 100 --on-breach alert",
            "holdshort agents limits agent://acme/prod/buyer --clear",
        ],
    )(limits)


def limits(
    session: Session,
    agent: Annotated[
        str | None, typer.Argument(metavar="AGENT", help="Which agent; or * as with --every.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--every", help="Every agent that has no limits of its own.")
    ] = False,
    intents_per_hour: Annotated[str | None, typer.Option(metavar="N")] = None,
    intents_per_day: Annotated[str | None, typer.Option(metavar="N")] = None,
    cost_per_hour: Annotated[str | None, typer.Option(metavar="AMOUNT")] = None,
    cost_per_day: Annotated[str | None, typer.Option(metavar="AMOUNT")] = None,
    currency: Annotated[str | None, typer.Option(metavar="CODE", help="Such as EUR.")] = None,
    on_breach: Annotated[
        Breach | None,
        typer.Option(help="Where a limit would be passed: refuse, tell and go on, or ask first."),
    ] = None,
    approver: Annotated[
        list[str] | None, typer.Option(help="Who is asked or told then. Repeatable.")
    ] = None,
    require_cost: Annotated[
        bool | None,
        typer.Option(
            "--require-cost/--no-require-cost",
            help="Refuse an action that does not say what it may cost.",
        ),
    ] = None,
    allow_type: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only these types. Repeatable.")
    ] = None,
    deny_type: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Never these types. Repeatable.")
    ] = None,
    allow_tool: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Only these tools. Repeatable.")
    ] = None,
    deny_tool: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Never these tools. Repeatable.")
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Take its own limits away before anything else.")
    ] = False,
) -> None:
    """Show what an agent may ask for, or change it. What is not said stays as it is.

    A list given here takes the place of the list there was; `-` as a number or in a list takes it
    away. Limits of its own take the place of those for every agent. Hours and days are UTC's.
    """
    address = _whose(session, agent, every=every)
    said: dict[str, Any] = {
        "intents_per_hour": intents_per_hour,
        "intents_per_day": intents_per_day,
        "cost_per_hour": cost_per_hour,
        "cost_per_day": cost_per_day,
        "currency": currency,
        "on_breach": on_breach and on_breach.value.replace("-", "_"),
        "approvers": approver,
        "require_cost": require_cost,
    }
    scopes = {
        "intent_types": {"allow": allow_type, "deny": deny_type},
        "tools": {"allow": allow_tool, "deny": deny_tool},
    }
    path = f"/v1/limits/{segment(address)}"
    found = session.call("GET", path)
    changed = {name: value for name, value in said.items() if value is not None}
    patches = {name: _said(halves) for name, halves in scopes.items() if _said(halves)}
    if changed or patches:
        before = {} if clear or not found["own"] else found["limits"]
        body = before | {name: _plain(value) for name, value in changed.items()}
        for name, halves in patches.items():
            body[name] = (before.get(name) or {}) | halves
        found = session.call("PUT", path, body)
    elif clear and found["own"]:
        session.call("DELETE", path)
        found = session.call("GET", path)
    if session.json:
        output.document({name: value for name, value in found.items() if name != "ok"})
        return
    whose = "every agent" if address == EVERY else found["agent"]
    inherited = found["limits"] is not None and not found["own"]
    line(f"{escape(whose)}{' (those for every agent)' if inherited else ''}")
    print_limits(found["limits"], None if address == EVERY else found["usage"])


def _whose(session: Session, agent: str | None, *, every: bool) -> str:
    """Return the agent that is meant: a whole address as it is, also of one that is yet to come; a
    bare name as the server knows it."""
    if every or agent == EVERY:
        if agent not in (None, EVERY):
            raise typer.BadParameter("say AGENT or --every, not both")
        return EVERY
    if not agent:
        raise typer.BadParameter("say which agent, or --every")
    if "/" in agent.removeprefix("agent://"):
        return agent
    address: str = session.call("GET", path_of(agent))["agent"]["address"]
    return address


def _said(halves: dict[str, list[str] | None]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in halves.items() if value is not None}


def _plain(value: Any) -> Any:
    """Return a value as the API takes it: `-` stands for nothing."""
    if isinstance(value, list):
        return [one for one in value if one != "-"]
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return None if value == "-" else value


def path_of(agent: str) -> str:
    """Return where the API shows an agent."""
    return f"/v1/mesh/agents/{segment(agent)}"


def print_limits(limits: dict[str, Any] | None, usage: dict[str, Any] | None) -> None:
    """Print limits, with what was used of them where that is known."""
    if limits is None:
        line("limits: none")
        return
    used = usage if usage and usage["counted"] else {}
    currency = limits["currency"]
    for name, now, unit in (
        ("intents_per_hour", "intents_this_hour", ""),
        ("intents_per_day", "intents_today", ""),
        ("cost_per_hour", "cost_this_hour", f" {currency}"),
        ("cost_per_day", "cost_today", f" {currency}"),
    ):
        if limits[name] is not None:
            so_far = f"{number(used[now])} of " if now in used else ""
            line(f"{name}: {so_far}{number(limits[name])}{unit}")
    line(f"on_breach: {limits['on_breach']}")
    for name in ("approvers", "require_cost"):
        if limits[name]:
            line(f"{name}: {escape(_words(limits[name]))}")
    for name in ("intent_types", "tools"):
        for half in ("allow", "deny"):
            if limits[name][half]:
                line(f"{name}.{half}: {escape(_words(limits[name][half]))}")


def number(value: float) -> str:
    """Write a number as people do: 1,500,000 and 0.25, never with an exponent."""
    return f"{value:,.6f}".rstrip("0").rstrip(".")


def _words(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else "yes"
