"""`holdshort agents`: which are alive, and the switch that stops one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from holdshort.cli import agent_limits, output
from holdshort.cli.agent_limits import number, path_of, print_limits
from holdshort.cli.command import command, new_group
from holdshort.cli.output import escape, line, when
from holdshort.cli.session import Session

group = new_group("Agents: their health, stopping one, and what they may ask for.")
Name = Annotated[
    str, typer.Argument(metavar="AGENT", help="agent://org/workspace/name, or its last part.")
]
#: The most agents that a list shows.
MOST = 500


class Health(StrEnum):
    """How an agent is."""

    healthy = "healthy"
    degraded = "degraded"
    unreachable = "unreachable"
    killed = "killed"
    unknown = "unknown"


@command(
    group,
    "list",
    acts="service",
    examples=["holdshort agents list", "holdshort agents list --health killed"],
)
def list_(
    session: Session,
    health: Annotated[Health | None, typer.Option(help="Only these.")] = None,
) -> None:
    """List agents: how each is, when it last gave a sign of life, what it used of its limits."""
    wanted = None if health is None else health.value
    found = session.call("GET", "/v1/mesh/agents", health=wanted, limit=MOST)
    shown, summary = found["agents"], found["summary"]
    if session.json:
        output.document({"agents": shown, "summary": summary})
        return
    if not shown:
        line("No agent is like that." if health else "There are no agents yet.")
    else:
        output.table(
            ["AGENT", "HEALTH", "LAST SIGN OF LIFE", "TODAY", "KILLED"],
            (
                [
                    one["address"],
                    one["health_status"],
                    when(one["last_heartbeat_at"]),
                    _today(one["limits"], one["usage"]),
                    when(one["killed_at"]),
                ]
                for one in shown
            ),
        )
    there_are = summary["total"] if wanted is None else summary[wanted]
    if there_are > len(shown):
        output.note(f"These are {len(shown)} of {there_are}.")


@command(group, "show", acts="service", examples=["holdshort agents show data-analyst"])
def show(session: Session, agent: Name) -> None:
    """Show one agent: its health, its limits and usage, what was refused, what was done to it."""
    found = session.call("GET", path_of(agent))
    if session.json:
        output.document({name: value for name, value in found.items() if name != "ok"})
        return
    one = found["agent"]
    line(f"{escape(one['address'])}: {one['health_status']}")
    if one["last_heartbeat_at"]:
        line(f"last sign of life: {when(one['last_heartbeat_at'])}")
    if one["resume_asked_by"]:
        line(f"asked to let it go on: {escape(one['resume_asked_by'])}; a second person has to")
    print_limits(found["limits"], found["usage"])
    own = {name: value for name, value in found["metrics"].items() if name != "self_reported"}
    if any(value is not None for value in own.values()):
        line(f"by its own account: {escape(_pairs(own))}")
    if found["refusals"]:
        line(f"refused: {found['refusals']} times")
    for refused in reversed(found["refused"]):
        line(f"  {refused['at']}  {escape(refused['intent_type'])}: {escape(refused['why'])}")
    for event in reversed(found["events"]):
        line(f"{event['created_at']}  {event['event_type']} by {escape(event['actor_id'])}")


@command(group, "kill", acts="service", examples=["holdshort agents kill data-analyst"])
def kill(session: Session, agent: Name) -> None:
    """Stop an agent at once: it files nothing, gets no work and runs nothing any more.

    What it had asked for stands still, and its unused permits are revoked for good.
    """
    _switch(session, agent, "kill", "Killed")


@command(group, "resume", acts="service", examples=["holdshort agents resume data-analyst"])
def resume(session: Session, agent: Name) -> None:
    """Let an agent go on that was killed. What stood still goes on; revoked permits stay revoked.

    Where that takes two people (holdshort settings set --two-people-resume), they do it in the
    inbox, on the page Agents: a key is no person.
    """
    _switch(session, agent, "resume", "Goes on")


def _switch(session: Session, agent: str, verb: str, done: str) -> None:
    found = session.call("POST", f"{path_of(agent)}/{verb}")["agent"]
    if session.json:
        output.document(found)
    else:
        line(f"{done}: {escape(found['address'])}")


def _today(limits: dict[str, Any] | None, usage: dict[str, Any]) -> str:
    """Return what an agent used of its limits of a day; nothing where it has none."""
    found = []
    if limits and limits["intents_per_day"] is not None:
        found.append(f"{usage['intents_today']:,} of {limits['intents_per_day']:,} intents")
    if limits and limits["cost_per_day"] is not None:
        cost = f"{number(usage['cost_today'])} of {number(limits['cost_per_day'])}"
        found.append(f"{cost} {limits['currency']}")
    return ", ".join(found)


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)


agent_limits.register(group)
