"""The HTTP contract as one table: routes, OpenAPI and documentation are all made from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from holdshort import requests
from holdshort.server import (
    absences,
    administration,
    cards,
    directory,
    events,
    execution,
    files,
    intents,
    limiting,
    mail_replies,
    operations,
    runs,
    tasks,
)
from holdshort.server.reaching import AbsenceBody

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. Its summary is the first sentence of the handler's docstring."""

    method: str
    path: str
    handler: Handler
    roles: tuple[str, ...] = ("agent", "person", "service")
    """Whose keys may call it; empty where no key is needed."""
    body: type[BaseModel] | None = None
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    reply: str = "Ok"
    """The name of the response's schema in `schemas.py`."""
    media: str = "application/json"

    @property
    def route(self) -> str:
        """The path as the router takes it: an agent's address has slashes."""
        return self.path.replace("{agent}", "{agent:path}")


_AGENT = ("agent",)
_PERSON = ("person",)
_SERVICE = ("service",)
_I = "/v1/intents/{intent_id}"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("GET", "/health", operations.health, roles=(), reply="Health"),
    Endpoint("GET", "/ready", operations.ready, roles=(), reply="Ready"),
    Endpoint("GET", "/metrics", operations.metrics, roles=(), reply="Text", media="text/plain"),
    Endpoint("GET", "/v1/whoami", directory.whoami, reply="Whoami"),
    Endpoint(
        "POST",
        "/v1/intents",
        intents.create,
        _AGENT,
        requests.IntentRequest,
        headers=("Idempotency-Key",),
        reply="Filed",
    ),
    Endpoint(
        "GET",
        "/v1/intents",
        intents.list_,
        ("agent", "service"),
        query=("status", "intent_type", "agent", "key", "cursor", "limit"),
        reply="IntentPage",
    ),
    Endpoint(
        "POST",
        "/v1/intents/batch",
        intents.create_batch,
        _AGENT,
        intents.BatchRequest,
        reply="FiledBatch",
    ),
    Endpoint("GET", _I, intents.get, reply="IntentReply"),
    Endpoint("GET", f"{_I}/events", events.list_, query=("since",), reply="Events"),
    Endpoint(
        "GET",
        f"{_I}/events/stream",
        events.stream,
        query=("since", "wait_seconds"),
        headers=("Last-Event-ID",),
        reply="Text",
        media="text/event-stream",
    ),
    Endpoint(
        "GET", f"{_I}/decision", intents.decision, query=("wait_seconds",), reply="DecisionReply"
    ),
    Endpoint(
        "POST", f"{_I}/decision", tasks.decide, _PERSON, requests.DecisionRequest, reply="Decided"
    ),
    Endpoint("POST", f"{_I}/files", files.add, _PERSON, files.FileBody, reply="FileAdded"),
    Endpoint("GET", f"{_I}/files/{{sha256}}", files.get, reply="FileReply"),
    Endpoint("POST", f"{_I}/undo", tasks.undo, _PERSON, reply="TaskReply"),
    Endpoint("POST", f"{_I}/claim", tasks.claim, _PERSON, reply="TaskReply"),
    Endpoint("POST", f"{_I}/release", tasks.release, _PERSON, reply="TaskReply"),
    Endpoint(
        "POST",
        f"{_I}/delegate",
        tasks.delegate,
        _PERSON,
        requests.DelegateRequest,
        reply="TaskReply",
    ),
    Endpoint(
        "POST", f"{_I}/comments", intents.comment, body=requests.CommentRequest, reply="IntentReply"
    ),
    Endpoint(
        "POST",
        f"{_I}/cancel",
        intents.cancel,
        ("agent", "service"),
        requests.CancelRequest,
        reply="IntentReply",
    ),
    Endpoint(
        "POST",
        f"{_I}/fail",
        intents.fail,
        ("agent", "service"),
        requests.FailRequest,
        reply="IntentReply",
    ),
    Endpoint("GET", f"{_I}/continuation", intents.continuation, _AGENT, reply="Continuation"),
    Endpoint(
        "POST", f"{_I}/consume", execution.consume, _AGENT, requests.ConsumeRequest, reply="Permit"
    ),
    Endpoint(
        "POST", f"{_I}/report", execution.report, _AGENT, requests.ReportRequest, reply="Reported"
    ),
    Endpoint(
        "POST", "/v1/runs/open", runs.open_, _AGENT, requests.OpenRunRequest, reply="LeasedRunReply"
    ),
    Endpoint("POST", "/v1/runs/save", runs.save, _AGENT, requests.SaveRunRequest, reply="SavedRun"),
    Endpoint(
        "POST", "/v1/runs/renew", runs.renew, _AGENT, requests.RenewRunRequest, reply="RunReply"
    ),
    Endpoint(
        "GET",
        "/v1/runs",
        runs.list_,
        ("agent", "service"),
        query=("run_id", "app", "agent", "run_status", "cursor", "limit"),
        reply="RunPage",
    ),
    Endpoint("POST", "/v1/leases", execution.lease, _AGENT, requests.LeaseRequest, reply="Jobs"),
    Endpoint(
        "POST",
        f"{_I}/lease/renew",
        execution.renew,
        _AGENT,
        requests.LeaseChange,
        reply="LeaseReply",
    ),
    Endpoint(
        "POST",
        f"{_I}/lease/finish",
        execution.finish,
        _AGENT,
        requests.LeaseChange,
        reply="LeaseReply",
    ),
    Endpoint(
        "POST",
        f"{_I}/lease/return",
        execution.give_back,
        _AGENT,
        requests.LeaseChange,
        reply="LeaseReply",
    ),
    Endpoint("GET", f"{_I}/card", cards.show, _PERSON, reply="CardReply"),
    Endpoint(
        "GET",
        "/v1/tasks",
        tasks.list_,
        ("person", "service"),
        query=("all", "cursor", "limit"),
        reply="TaskPage",
    ),
    Endpoint(
        "GET",
        "/v1/deliveries",
        operations.list_deliveries,
        _SERVICE,
        query=("intent_id", "state", "cursor", "limit"),
        reply="DeliveryPage",
    ),
    Endpoint(
        "POST",
        "/v1/deliveries/{delivery_id}/retry",
        operations.retry_delivery,
        _SERVICE,
        reply="DeliveryReply",
    ),
    Endpoint(
        "GET",
        "/v1/audit/export",
        operations.export_log,
        _SERVICE,
        query=("intent_id",),
        reply="Text",
        media="application/x-ndjson",
    ),
    Endpoint(
        "GET",
        "/v1/audit/administration",
        administration.list_,
        _SERVICE,
        query=("before", "limit"),
        reply="Administration",
    ),
    Endpoint("GET", "/v1/limits", limiting.list_, _SERVICE, reply="LimitsList"),
    Endpoint("GET", "/v1/limits/{agent}", limiting.get, ("agent", "service"), reply="LimitsReply"),
    Endpoint(
        "PUT",
        "/v1/limits/{agent}",
        limiting.put,
        _SERVICE,
        limiting.LimitsBody,
        reply="LimitsReply",
    ),
    Endpoint("DELETE", "/v1/limits/{agent}", limiting.delete, _SERVICE),
    Endpoint("GET", "/v1/settings", directory.get_settings, _SERVICE, reply="SettingsReply"),
    Endpoint(
        "PUT",
        "/v1/settings",
        directory.put_settings,
        _SERVICE,
        directory.SettingsBody,
        reply="SettingsReply",
    ),
    Endpoint(
        "POST",
        "/v1/sign-in-links",
        directory.sign_in_link,
        _SERVICE,
        directory.LinkBody,
        reply="SignInLink",
    ),
    Endpoint("GET", "/v1/absences", absences.list_, ("person", "service"), reply="Absences"),
    Endpoint(
        "POST",
        "/v1/absences",
        absences.create,
        ("person", "service"),
        AbsenceBody,
        reply="AbsenceReply",
    ),
    Endpoint(
        "DELETE", "/v1/absences/{absence_id}", absences.delete, ("person", "service"), reply="Ok"
    ),
    Endpoint(
        "GET",
        "/v1/rotas/{name}/on-call",
        absences.on_call,
        ("person", "service"),
        query=("at",),
        reply="OnCall",
    ),
    Endpoint("DELETE", "/v1/people/{name}/sign-in", directory.reset_sign_in, _SERVICE),
    Endpoint(
        "POST",
        "/v1/mail-replies",
        mail_replies.receive,
        _SERVICE,
        mail_replies.MailReply,
        reply="IntentReply",
    ),
    Endpoint("GET", "/v1/keys", directory.list_keys, _SERVICE, reply="Keys"),
    Endpoint(
        "POST", "/v1/keys", directory.create_key, _SERVICE, directory.KeyBody, reply="KeyReply"
    ),
    Endpoint("DELETE", "/v1/keys/{key_id}", directory.revoke_key, _SERVICE),
    *(
        endpoint
        for name, (_, model) in directory.COLLECTIONS.items()
        for endpoint in (
            Endpoint("GET", f"/v1/{name}", directory.list_, _SERVICE, reply="Items"),
            Endpoint(
                "PUT", f"/v1/{name}/{{name}}", directory.put, _SERVICE, model, reply="ItemReply"
            ),
            Endpoint("DELETE", f"/v1/{name}/{{name}}", directory.delete, _SERVICE),
        )
    ),
)
