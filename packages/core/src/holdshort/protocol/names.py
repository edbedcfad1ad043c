"""Which agent an address stands for."""

from __future__ import annotations

import re
from collections.abc import Collection

from holdshort.errors import Forbidden, InvalidRequest, NotFound
from holdshort.models import Directory, Principal, agent_address

#: `agent://` and one to three segments. Longer and shorter ones than the protocol's are taken:
#: its own clients use them.
_ADDRESS = re.compile(r"agent://[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,2}")
LONGEST = 383


def checked(text: str) -> str:
    """Return an agent's address, `agent://…`. Raises InvalidRequest for what is none."""
    address = agent_address(text.strip())
    if len(address) > LONGEST or not _ADDRESS.fullmatch(address):
        raise InvalidRequest(
            f"{text!r:.200} is no agent's address: write agent://org/workspace/name",
            problems=[{"field": "address", "problem": "not agent://org/workspace/name"}],
        )
    return address


def found(
    text: str,
    directory: Directory,
    *,
    caller: Principal | None = None,
    others: Collection[str] = (),
) -> str:
    """Return the full address that this one, or a bare name, stands for; the caller's own first.

    Args:
        others: addresses that may be meant as well, besides those that are registered or killed.

    Raises NotFound for a name that no agent has, or more than one.
    """
    address = checked(text)
    known = directory.agents | directory.killed | set(others)
    mine = agent_address(caller.id) if caller is not None and caller.kind == "agent" else None
    if mine is not None and _means(address, mine):
        return mine
    if address in known:
        return address
    named = [one for one in known if _means(address, one)]
    if not named:
        raise NotFound(f"there is no agent {address} here; `holdshort agents list` shows which are")
    if len(named) > 1:
        raise NotFound(f"{text} names several agents: write the whole address of one")
    return named[0]


def own(text: str, directory: Directory, caller: Principal) -> str:
    """The same for what only the agent itself and service keys may see. Raises Forbidden."""
    address = found(text, directory, caller=caller)
    if caller.kind == "agent" and address != agent_address(caller.id):
        raise Forbidden(f"this key is of {agent_address(caller.id)}, not of {address}")
    return address


def _means(said: str, address: str) -> bool:
    bare = said.removeprefix("agent://")
    return said == address or ("/" not in bare and address.endswith(f"/{bare}"))
