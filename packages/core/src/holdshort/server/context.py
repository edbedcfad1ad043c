"""What every route works with: the engine, who calls, the limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from holdshort.engine.engine import Engine
from holdshort.errors import InvalidRequest
from holdshort.lifecycle import Command
from holdshort.models import Intent, Principal
from holdshort.server.access import require_seen
from holdshort.server.auth import Authenticator
from holdshort.server.body import check_size, parse_json, validated
from holdshort.settings import Settings

M = TypeVar("M", bound=BaseModel)

#: The longest that one request waits for news (seconds); clients ask again.
LONGEST_WAIT = 60.0


@dataclass(frozen=True, slots=True)
class Context:
    """Put together once by the app; every request finds it at `request.app.state.holdshort`."""

    engine: Engine
    authenticate: Authenticator
    settings: Settings

    async def body(self, request: Request, model: type[M], limit: int | None = None) -> M:
        """Return the request's body as this model. An empty body is an empty object."""
        most = limit or self.settings.max_body
        # Judge what is announced first, so that a huge body is not read only to be refused.
        check_size(int(request.headers.get("content-length") or 0), most)
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            check_size(size, most)
            chunks.append(chunk)
        value = parse_json(b"".join(chunks) or b"{}", max_depth=self.settings.max_depth)
        if not isinstance(value, dict):
            raise InvalidRequest("the body must be a JSON object")
        return validated(model, value)

    async def intent(self, principal: Principal, intent_id: str) -> Intent:
        """Return an intent that this caller may see. Raises NotFound for any other."""
        store = self.engine.store
        found = await self.engine.read(store.intent, principal.tenant, intent_id)
        return require_seen(principal, found, self.engine.directory(principal.tenant))

    async def act(self, principal: Principal, intent_id: str, command: Command) -> Intent:
        """Apply a command to an intent that this caller may see; return the intent afterwards."""
        await self.intent(principal, intent_id)
        transition = await self.engine.submit(principal.tenant, intent_id, command)
        return transition.intent

    async def wait_until(
        self, found: Intent, ready: Callable[[Intent], bool], seconds: float
    ) -> Intent:
        """Return the intent as soon as it is ready, or as it is when time is up. Holds no
        thread.
        """
        ref = (found.tenant, found.id)
        ends = time.monotonic() + min(seconds, LONGEST_WAIT)
        with self.engine.wake.on(ref) as subscription:
            while True:
                latest = await self.engine.read(self.engine.store.intent, *ref)
                while latest is not None:
                    if ready(latest):
                        return latest
                    found = latest
                    left = ends - time.monotonic()
                    if left <= 0:
                        return found
                    await subscription.wait(left)
                    latest = subscription.latest


def context(request: Request) -> Context:
    """Return the context of the app that this request came to."""
    found: Context = request.app.state.holdshort
    return found


def query_number(
    request: Request, name: str, default: float, *, lowest: float = 0, highest: float
) -> float:
    """Return a number from the query string. Raises InvalidRequest that names it."""
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not lowest <= number <= highest:
        raise InvalidRequest(
            f"{name} must be a number from {lowest:g} to {highest:g}, not {text!r}",
            problems=[{"field": name, "problem": "not a number in range"}],
        )
    return number
