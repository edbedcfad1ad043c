"""Every operation of the clients, once: what is asked, what is tried again, what it means.

A flow does no I/O. It yields `Call` and `Pause`, and whoever drives it (blocking or async) sends
the replies back in or throws `CouldNotReach`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import time
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from holdshort.client.calls import Call, CouldNotReach, Flow, Pause, Reply
from holdshort.client.decision import Decision
from holdshort.durations import seconds
from holdshort.errors import (
    ConfigurationError,
    GrantRefused,
    InvalidRequest,
    LimitReached,
    Rejected,
    Unavailable,
    WaitTimeout,
    from_problem,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

#: An amount (US dollars), an amount with its currency, or the object of the API.
Cost = float | Decimal | str | tuple[float | Decimal | str, str] | dict[str, Any]

#: For how long a request is tried again while the server cannot be reached (seconds).
RETRY_FOR = 30.0
#: How long the server holds a waiting request before it says "not yet" (seconds).
HOLD = 25.0
_LONGEST_PAUSE = 5.0
_PAUSE_TYPE = "intent.approval.pause.v1"


def call(request: Call, *, retry_for: float = RETRY_FOR) -> Flow[dict[str, Any]]:
    """Send a request that is safe to repeat; return the body of the answer.

    Tried again on lost connections, 429 and 5xx, with jitter. Raises the HoldshortError that the
    server answered with, or Unavailable when it could not be reached for `retry_for` seconds.
    """
    ends = time.monotonic() + retry_for
    tries = 0
    while True:
        try:
            reply = yield request
        except CouldNotReach as error:
            problem: Exception = Unavailable(f"cannot reach Holdshort: {error}")
            pause = None
        else:
            assert reply is not None
            if reply.status < 400:
                return _ours(reply)
            problem = from_problem(reply.status, reply.body)
            # An agent's own limit is no traffic jam: nothing is won by asking again.
            if reply.status not in (429, 500, 502, 503, 504) or isinstance(problem, LimitReached):
                raise problem
            pause = reply.retry_after
        tries += 1
        wait = _backoff(tries) if pause is None else pause
        if time.monotonic() + wait > ends:
            raise problem
        yield Pause(wait)


def _ours(reply: Reply) -> dict[str, Any]:
    """Return the body of a good answer. Raises ConfigurationError for what Holdshort never says: a
    redirect, or some other page."""
    if reply.status < 300 and isinstance(reply.body, dict) and "ok" in reply.body:
        return reply.body
    raise ConfigurationError(
        f"what answers at this address (with status {reply.status}) is not Holdshort: check the "
        "URL, whether it is http or https, and the proxies between"
    )


def _backoff(tries: int) -> float:
    return random.uniform(0.05, min(_LONGEST_PAUSE, 0.1 * 2.0**tries))


def send_intent(
    intent: str | Mapping[str, Any],
    *,
    key: str | None = None,
    form: type[BaseModel] | dict[str, Any] | None = None,
    **fields: Any,
) -> Flow[str]:
    """File an intent; return its id."""
    body = intent_body(intent, form=form, **fields)
    # Without a key of the caller's, a fresh one still makes this call's own retries find one
    # intent.
    headers = {"Idempotency-Key": key if key is not None else f"call-{uuid.uuid4()}"}
    reply = yield from call(Call("POST", "/v1/intents", body, headers=headers))
    return str(reply["intent_id"])


def intent_body(
    intent: str | Mapping[str, Any],
    *,
    form: type[BaseModel] | dict[str, Any] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return the request's body: the mapping form and the keyword form, in one."""
    body: dict[str, Any] = {"intent_type": intent} if isinstance(intent, str) else dict(intent)
    said = {name: value for name, value in fields.items() if value is not None}
    twice = sorted(body.keys() & said.keys())
    if twice:
        raise TypeError(f"said twice, in the mapping and as an argument: {', '.join(twice)}")
    body |= said
    for name in ("remind_after", "remind_every", "deadline", "escalate_after"):
        if name in body:
            try:
                body[name] = seconds(body[name])
            except ValueError as error:
                problem = {"field": name, "problem": str(error)}
                raise InvalidRequest(f"{name}: {error}", problems=[problem]) from None
    if "cost" in body:
        body["cost"] = cost_body(body["cost"])
    if form is not None:
        schema = form if isinstance(form, dict) else form.model_json_schema()
        task = dict(body.get("human_task") or {})
        body["human_task"] = task | {"form_schema": schema}
        if "task" not in body and "task_type" not in task:
            body["task"] = "form"
    return body


def cost_body(cost: Cost | None) -> dict[str, Any] | None:
    """Return a cost as the API takes it.

    >>> cost_body((12.5, "EUR"))
    {'amount': 12.5, 'currency': 'EUR'}
    """
    if cost is None or isinstance(cost, dict):
        return cost
    amount, *currency = cost if isinstance(cost, tuple) else (cost,)
    said = {"amount": str(amount) if isinstance(amount, Decimal) else amount}
    return said | ({"currency": currency[0]} if currency else {})


def wait_for(
    intent_id: str,
    *,
    timeout: float | None = None,
    form: type[BaseModel] | dict[str, Any] | None = None,
) -> Flow[Decision]:
    """Return the decision as soon as there is one.

    Restarts, lost connections, 5xx and 429 are waited out for as long as `timeout` (seconds; None:
    for ever) allows. Raises WaitTimeout after it: the intent is still pending then.
    """
    ends = None if timeout is None else time.monotonic() + seconds(timeout)
    tries = 0
    last: Exception | None = None
    while True:
        left = HOLD if ends is None else max(0.0, ends - time.monotonic())
        hold = min(HOLD, left)
        request = Call(
            "GET",
            f"/v1/intents/{intent_id}/decision",
            query={"wait_seconds": f"{hold:.3f}"},
            timeout=hold + 15.0,
        )
        pause = 0.0
        try:
            reply = yield request
        except CouldNotReach as error:
            last, tries = error, tries + 1
            pause = _backoff(tries)
        else:
            assert reply is not None
            answer = _decision_in(reply, form)
            if answer is not None:
                return answer
            if reply.status >= 400:
                last, tries = from_problem(reply.status, reply.body), tries + 1
                pause = reply.retry_after or _backoff(tries)
            else:
                last, tries = None, 0
        if ends is not None:
            left = ends - time.monotonic()
            if left <= 0:
                raise WaitTimeout(intent_id=intent_id) from last
            pause = min(pause, left)
        if pause:
            yield Pause(pause)


def _decision_in(reply: Reply, form: type[BaseModel] | dict[str, Any] | None) -> Decision | None:
    """Return the decision in a reply, or None where it is worth asking again."""
    if reply.status < 400:
        wire = _ours(reply)["decision"]
        model = form if isinstance(form, type) else None
        return None if wire is None else Decision.of(wire, model)
    if reply.status < 500 and reply.status != 429:
        raise from_problem(reply.status, reply.body)
    return None


def wait_for_human(
    *,
    task: str = "approval",
    assignee: str | list[str] | None = None,
    timeout: float | None = None,
    intent_type: str | None = None,
    form: type[BaseModel] | dict[str, Any] | None = None,
    key: str | None = None,
    **fields: Any,
) -> Flow[Decision]:
    """Ask and wait in one."""
    intent_id = yield from send_intent(
        intent_type or f"intent.human.{task}.v1",
        task=task,
        to=assignee,
        form=form,
        key=key,
        **fields,
    )
    return (yield from wait_for(intent_id, timeout=timeout, form=form))


def pause(
    approval_request_id: str,
    *,
    expires_in_hours: float = 72,
    timeout: float | None = None,
    **fields: Any,
) -> Flow[Decision]:
    """Ask under a name of the caller's own, and wait. Asking again under it finds the same
    intent.
    """
    fields.setdefault("intent_type", _PAUSE_TYPE)
    fields.setdefault("title", f"Approve: {approval_request_id}"[:255])
    intent_type = fields.pop("intent_type")
    intent_id = yield from send_intent(
        intent_type,
        key=_pause_key(approval_request_id),
        deadline=expires_in_hours * 3600,
        **fields,
    )
    return (yield from wait_for(intent_id, timeout=timeout))


def wait_for_resume(
    approval_request_id: str, *, timeout: float | None = None
) -> Flow[Decision | None]:
    """Go on waiting for what `pause` asked, in any process. None at once when nothing was asked."""
    found = yield from find(_pause_key(approval_request_id))
    if found is None:
        return None
    return (yield from wait_for(found["intent_id"], timeout=timeout))


def _pause_key(approval_request_id: str) -> str:
    return f"pause:{approval_request_id}"


def find(key: str) -> Flow[dict[str, Any] | None]:
    """Return the intent that was filed under this key, or None."""
    reply = yield from call(Call("GET", "/v1/intents", query={"key": key}))
    return reply["intents"][0] if reply["intents"] else None


def get_intent(intent_id: str) -> Flow[dict[str, Any]]:
    """Return the intent as it is now."""
    reply = yield from call(Call("GET", f"/v1/intents/{intent_id}"))
    found: dict[str, Any] = reply["intent"]
    return found


def list_intents(**query: Any) -> Flow[list[dict[str, Any]]]:
    """Return a page of intents, newest first."""
    said = {name: str(value) for name, value in query.items() if value is not None}
    reply = yield from call(Call("GET", "/v1/intents", query=said))
    found: list[dict[str, Any]] = reply["intents"]
    return found


def list_intent_events(intent_id: str, *, since: int = 0) -> Flow[list[dict[str, Any]]]:
    """Return the events after `since`."""
    reply = yield from call(
        Call("GET", f"/v1/intents/{intent_id}/events", query={"since": str(since)})
    )
    found: list[dict[str, Any]] = reply["events"]
    return found


def questions(intent_id: str) -> Flow[list[dict[str, Any]]]:
    """Return what reviewers have asked the agent since its last remark."""
    open_ones: list[dict[str, Any]] = []
    since = 0
    while True:
        events = yield from list_intent_events(intent_id, since=since)
        for event in events:
            since, details = event["seq"], event.get("details", {})
            if event["event_type"] == "intent.asked_agent":
                by = event["actor"].removeprefix("person:")
                open_ones.append({"by": by, "at": event["at"], "text": details["text"]})
            elif event["event_type"] == "intent.commented" and details.get("answers"):
                open_ones.clear()
        if not events:
            return open_ones


def file(intent_id: str, sha256: str) -> Flow[bytes]:
    """Return a file, which is what its hash says."""
    reply = yield from call(Call("GET", f"/v1/intents/{intent_id}/files/{sha256}"))
    data = base64.b64decode(reply["data"])
    if hashlib.sha256(data).hexdigest() != sha256:
        raise Unavailable("this file is not what its hash says; ask again")
    return data


def continuation(intent_id: str) -> Flow[Any]:
    """Return what was stored to resume from."""
    reply = yield from call(Call("GET", f"/v1/intents/{intent_id}/continuation"))
    return reply["continuation"]


def post(intent_id: str, action: str, body: dict[str, Any] | None = None) -> Flow[dict[str, Any]]:
    """Do something to an intent; what is None is left out. Safe to repeat by the server's rules."""
    said = {name: value for name, value in (body or {}).items() if value is not None}
    return (yield from call(Call("POST", f"/v1/intents/{intent_id}/{action}", said)))


def attach(intent_id: str, name: str, data: bytes) -> Flow[dict[str, Any]]:
    """Put a file beside an intent; return it as a piece of evidence, `{"name", "sha256"}`."""
    body = {"name": name, "data": base64.b64encode(data).decode("ascii")}
    file = (yield from post(intent_id, "files", body))["file"]
    return {"name": file["name"], "sha256": file["sha256"]}


def lease(
    worker: str,
    intent_types: list[str],
    *,
    lease_seconds: float,
    limit: int,
    wait_seconds: float,
    apps: list[str] | None = None,
) -> Flow[dict[str, Any]]:
    """Take decided intents (`jobs`) and runs that can go on (`runs`)."""
    body = {
        "worker": worker,
        "intent_types": intent_types,
        "apps": apps or [],
        "seconds": lease_seconds,
        "limit": limit,
        "wait_seconds": wait_seconds,
    }
    return (yield from call(Call("POST", "/v1/leases", body, timeout=wait_seconds + 15.0)))


def on_run(action: str, body: dict[str, Any]) -> Flow[dict[str, Any]]:
    """`open`, `save` or `renew` a run; what is None is left out. Safe to repeat: the worker's name,
    or the save's id, makes a retry known."""
    said = {name: value for name, value in body.items() if value is not None}
    return (yield from call(Call("POST", f"/v1/runs/{action}", said)))


def get_run(run_id: str) -> Flow[dict[str, Any] | None]:
    """Return a run of this agent's as it is now, without its state; None where there is none."""
    reply = yield from call(Call("GET", "/v1/runs", query={"run_id": run_id}))
    return reply["runs"][0] if reply["runs"] else None


def tasks(
    *, all: bool = False, limit: int = 50, cursor: str | None = None
) -> Flow[list[dict[str, Any]]]:
    """Return open tasks, oldest first."""
    query = {"limit": str(limit)}
    if all:
        query["all"] = "true"
    if cursor:
        query["cursor"] = cursor
    reply = yield from call(Call("GET", "/v1/tasks", query=query))
    found: list[dict[str, Any]] = reply["tasks"]
    return found


def answer(
    intent_id: str,
    *,
    positive: bool,
    comment: str | None = None,
    arguments: dict[str, Any] | None = None,
    digest: str | None = None,
) -> Flow[dict[str, Any]]:
    """Say yes or no in the words of the task's kind.

    The digest of what was looked at goes with the answer, so that a yes can only meet what was
    read.
    """
    found = yield from get_intent(intent_id)
    task = found["human_task"]
    words = task["positive_outcomes"] if positive else task["negative_outcomes"]
    if not words:
        raise InvalidRequest(
            f"this task has no {'yes' if positive else 'no'}; its outcomes are: "
            f"{', '.join(task['allowed_outcomes'])}. Use submit."
        )
    body = {
        "outcome": words[0],
        "comment": comment,
        "arguments": arguments,
        "digest": digest or found["digest"],
        "step": found["step"],
    }
    return (yield from post(intent_id, "decision", body))


def submit(intent_id: str, body: dict[str, Any]) -> Flow[dict[str, Any]]:
    """Give an answer to the step that is open now. Its number goes with the answer: were it left
    out, a repeated request could be taken for an answer to the next step, where the same person is
    asked again.
    """
    found = yield from get_intent(intent_id)
    return (yield from post(intent_id, "decision", {**body, "step": found["step"]}))


def report_run(
    intent_id: str,
    attempt_id: str,
    *,
    result: Any = None,
    error: BaseException | None = None,
    began: bool = True,
) -> Flow[None]:
    """Say how a run ended. It is over and done with: what cannot be recorded of it (no JSON, too
    large) is left out, and refuses nothing."""
    body: dict[str, Any] = {"attempt_id": attempt_id, "succeeded": error is None}
    if not began:
        body |= {"succeeded": False, "began": False}
    said = dict(body)
    if error is not None:
        text = f"{type(error).__name__}: {error}"[:10_000]
        said["error"] = text.encode(errors="replace").decode()
    elif _is_json(result):
        said["result"] = result
    try:
        yield from post(intent_id, "report", said)
    except InvalidRequest:
        yield from post(intent_id, "report", body)


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def permit(
    intent: str | Mapping[str, Any], *, attempt_id: str, timeout: float | None, **fields: Any
) -> Flow[dict[str, Any]]:
    """Ask, wait, and take the permit; return it (see `POST /v1/intents/{id}/consume`). Where an
    earlier attempt has done it, `run` is false and `result` is what was recorded.

    Raises Rejected with the reviewer's words where the answer is no.
    """
    intent_id = yield from send_intent(intent, **fields)
    decision = yield from wait_for(intent_id, timeout=timeout)
    if not decision.approved:
        said = decision.comment or "no reason was given"
        raise Rejected(
            f"{decision.outcome} by {decision.decided_by or 'nobody'}: {said}", decision=decision
        )
    body = {"digest": decision.digest, "attempt_id": attempt_id}
    try:
        return (yield from post(intent_id, "consume", body))
    except GrantRefused as refused:
        if refused.details.get("reason") != "done":
            raise
        return {"run": False, "result": refused.details.get("result")}
