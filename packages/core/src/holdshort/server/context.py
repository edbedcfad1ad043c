"""What every route works with: the engine, who calls, the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request

from holdshort.engine.engine import Engine
from holdshort.errors import HoldshortError, InvalidRequest
from holdshort.lifecycle import Command
from holdshort.models import Intent, Principal
from holdshort.notify.base import Notifier
from holdshort.server.access import require_seen
from holdshort.server.auth import Authenticator
from holdshort.server.body import check_size, parse_json, validated
from holdshort.settings import Settings

M = TypeVar("M", bound=BaseModel)

SCOPE_KEY = "holdshort"

#: The longest that one request waits for news (seconds); clients ask again.
LONGEST_WAIT = 60.0
#: The most items in one page of a list.
LARGEST_PAGE = 500


@dataclass(frozen=True, slots=True)
class Context:
    """Put together once by the app; every request finds it with `context(request)`."""

    engine: Engine
    authenticate: Authenticator
    settings: Settings
    channels: Mapping[str, Notifier] = field(default_factory=dict)
    """The channels that messages leave by, by name."""

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
        return require_seen(principal, found, await self.engine.directory_now(principal.tenant))

    async def act(self, principal: Principal, intent_id: str, command: Command) -> Intent:
        """Apply a command to an intent that this caller may see; return the intent afterwards."""
        await self.intent(principal, intent_id)
        transition = await self.engine.submit(principal.tenant, intent_id, command)
        return transition.intent

    async def act_first(self, principal: Principal, intent_id: str, command: Command) -> Intent:
        """The same for commands whose own rule refuses whoever may not see the intent: looked at
        only where it is refused, so that a good answer costs one load instead of two."""
        try:
            transition = await self.engine.submit(principal.tenant, intent_id, command)
        except HoldshortError:
            await self.intent(principal, intent_id)
            raise
        return transition.intent

    async def intent_when(
        self,
        principal: Principal,
        intent_id: str,
        ready: Callable[[Intent], bool],
        seconds: float,
    ) -> Intent:
        """Return an intent that this caller may see, as soon as it is ready, or as it is when time
        is up. Holds no thread. Raises NotFound."""
        ends = time.monotonic() + min(seconds, LONGEST_WAIT)
        with self.engine.wake.on((principal.tenant, intent_id)) as subscription:
            found = await self.intent(principal, intent_id)
            while not ready(found):
                left = ends - time.monotonic()
                if left <= 0:
                    break
                await subscription.wait(left)
                found = subscription.latest or await self.intent(principal, intent_id)
            return found


def context(request: Request) -> Context:
    """Return the context of the app that this request came to."""
    found: Context = request.scope[SCOPE_KEY]
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
        raise _not_good(name, f"a number from {lowest:g} to {highest:g}", text)
    return number


def query_limit(request: Request) -> int:
    """Return how many items a page may have. Raises InvalidRequest that names it."""
    text = request.query_params.get("limit", "50")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LARGEST_PAGE):
        raise _not_good("limit", f"a whole number from 1 to {LARGEST_PAGE}", text)
    return int(text)


def query_choice(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return one of a few words from the query string. Raises InvalidRequest that names it."""
    text = request.query_params.get(name)
    if text is not None and text not in choices:
        raise _not_good(name, f"one of {', '.join(choices)}", text)
    return text


def _not_good(name: str, wanted: str, text: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name} must be {wanted}, not {text!r}",
        problems=[{"field": name, "problem": f"must be {wanted}"}],
    )
