"""Who takes part: agents and reviewers with keys of their own."""

from __future__ import annotations

import http.client
from dataclasses import dataclass

from benchmarks.server import Server

#: So many reviewers at most; agents share them in turn.
MOST_REVIEWERS = 32


@dataclass(frozen=True)
class Cast:
    """Keys by who holds them."""

    agents: list[str]
    reviewers: list[str]
    addresses: list[str]


def hire(server: Server, agents: int) -> Cast:
    """Give so many agents their keys, and people to ask."""
    connection = server.connect()
    addresses = [f"reviewer{n}@acme.com" for n in range(min(agents, MOST_REVIEWERS))]
    for address in addresses:
        server.call("PUT", f"/v1/people/{address}", {"name": address}, over=connection)
    cast = Cast(
        agents=[
            _key(server, connection, "agent", f"agent://acme/bench/agent-{n}")
            for n in range(agents)
        ],
        reviewers=[_key(server, connection, "person", address) for address in addresses],
        addresses=addresses,
    )
    connection.close()
    return cast


def _key(server: Server, connection: http.client.HTTPConnection, role: str, subject: str) -> str:
    answer = server.call("POST", "/v1/keys", {"role": role, "subject": subject}, over=connection)
    return str(answer["token"])
