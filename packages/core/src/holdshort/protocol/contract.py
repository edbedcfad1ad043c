"""The protocol's paths as one table. What has the same path and shape in Holdshort's own contract
(filing, looking, events, their stream) is served there.

Wire: PyPI package `axme` 0.2.0 and the command line 0.2.13.
"""

from __future__ import annotations

from typing import cast

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdshort.protocol import (
    accounts,
    answering,
    controls,
    listening,
    mesh,
    publishing,
    scenarios,
    tasks,
    threads,
    webhooks,
)
from holdshort.server.contract import Handler
from holdshort.server.problems import reply_to

_ACCOUNT = "/v1/service-accounts/{account}"

PATHS: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/intents/bulk-cancel", answering.bulk_cancel),
    ("POST", "/v1/intents/{intent_id}/resume", answering.resume),
    ("POST", "/v1/intents/{intent_id}/resolve", answering.resolve),
    ("POST", "/v1/intents/{intent_id}/controls", controls.change),
    ("POST", "/v1/intents/{intent_id}/policy", controls.change),
    ("GET", "/v1/me/tasks", tasks.mine),
    ("POST", "/v1/approvals/{intent_id}/decision", tasks.approval),
    ("GET", "/v1/capabilities", tasks.capabilities),
    ("GET", "/v1/inbox", threads.list_),
    ("GET", "/v1/inbox/changes", threads.changes),
    ("GET", "/v1/inbox/{thread}", threads.get),
    ("POST", "/v1/inbox/{thread}/reply", threads.reply),
    ("POST", "/v1/inbox/{thread}/delegate", threads.delegate),
    ("POST", "/v1/inbox/{thread}/approve", threads.approve),
    ("POST", "/v1/inbox/{thread}/reject", threads.reject),
    ("POST", "/v1/inbox/{thread}/messages/delete", threads.hide),
    ("POST", "/v1/webhooks/subscriptions", webhooks.upsert),
    ("GET", "/v1/webhooks/subscriptions", webhooks.list_),
    ("DELETE", "/v1/webhooks/subscriptions/{subscription}", webhooks.delete),
    ("POST", "/v1/webhooks/events", publishing.publish),
    ("POST", "/v1/webhooks/events/{event}/replay", publishing.replay),
    ("GET", "/v1/service-accounts", accounts.list_),
    ("POST", "/v1/service-accounts", accounts.create),
    ("GET", _ACCOUNT, accounts.get),
    ("DELETE", _ACCOUNT, accounts.delete),
    ("POST", f"{_ACCOUNT}/keys", accounts.create_key),
    ("POST", f"{_ACCOUNT}/keys/{{key_id}}/revoke", accounts.revoke_key),
    ("GET", "/v1/agents", accounts.agents),
    ("GET", "/v1/agents/{address:path}/intents/stream", listening.stream),
    ("GET", "/v1/agents/{address:path}", accounts.agent),
    ("POST", "/v1/scenarios/apply", scenarios.apply),
    ("POST", "/v1/scenarios/validate", scenarios.validate),
    ("GET", "/v1/tool-registry/macros", scenarios.macros),
    ("POST", "/v1/mesh/heartbeat", mesh.heartbeat),
    ("GET", "/v1/mesh/agents", mesh.agents),
    ("POST", "/v1/mesh/agents/{address:path}/kill", mesh.kill),
    ("POST", "/v1/mesh/agents/{address:path}/resume", mesh.resume),
    ("GET", "/v1/mesh/agents/{address:path}/policies/cost", mesh.cost_policy),
    ("PUT", "/v1/mesh/agents/{address:path}/policies/cost", mesh.put_cost_policy),
    ("GET", "/v1/mesh/agents/{address:path}", mesh.agent),
    ("GET", "/v1/mesh/events", mesh.events),
)


class _Operation:
    """One handler as an ASGI application: its reply, or the problem that it ended in."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._handler(request)
        except Exception as error:
            response = reply_to(request, error)
        await response(scope, receive, send)


ROUTES = [
    Route(path, cast("ASGIApp", _Operation(handler)), methods=[method])
    for method, path, handler in PATHS
]
