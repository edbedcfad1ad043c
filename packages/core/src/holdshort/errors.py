"""Everything that Holdshort raises or answers with, in one tree.

HoldshortError
├── InvalidRequest          422  the request is wrong; `details.problems` names each field
│   ├── PayloadTooLarge     413
│   └── UnknownKind         422
├── Unauthenticated         401  no key, or one that is unknown or revoked
├── Forbidden               403  the caller is known and may not do this
│   └── NotAReviewer        403  this person may not decide this step
├── NotFound                404  no such thing in the caller's tenant
├── Conflict                409  the request collides with what is recorded
│   ├── AlreadyDecided      409  somebody (or a timer) was first: see `details.decision`
│   ├── NotPending          409  the intent has ended, or is at another step
│   ├── KeyConflict         409  the same key with another body: see `details.differs`
│   ├── StaleDigest         409  what was shown is not what is stored
│   ├── StaleGeneration     409  somebody else changed it: see `details.policy_generation`
│   ├── LeaseLost           409  another worker holds the lease by now
│   └── RunBusy             409  somebody else is working on this run: see `details.held_by`
├── GrantRefused            409  the action may not run; `details.reason` says why
│   └── OutcomeUnknown      409  a run started and never reported; a person is being asked
├── RateLimited             429  `retry_after` seconds
│   └── LimitReached        429  the agent's own limit: see `details.dimension`, `reset_at`
├── Unavailable             503  the database cannot be written to right now; safe to try again
├── WaitTimeout                  the caller's own patience ended; the intent is still pending
├── Rejected                     a gated call was refused by a person or a named policy
└── ConfigurationError           Holdshort was set up in a way that cannot work

A class's docstring is its default message, so that text and type cannot drift apart. `code` is
stable and is what programs compare; the text may be reworded.
"""

from __future__ import annotations

import inspect
from typing import Any, ClassVar


class HoldshortError(Exception):
    """Something went wrong in Holdshort."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(self, message: str | None = None, /, **details: Any) -> None:
        self.message = message or inspect.getdoc(type(self)) or self.code
        self.details = details
        super().__init__(self.message)


class InvalidRequest(HoldshortError):
    """The request is not valid."""

    code = "schema_invalid"
    status = 422


class PayloadTooLarge(InvalidRequest):
    """The body is larger than this server takes. Send a reference to the data instead of the
    data.
    """

    code = "payload_too_large"
    status = 413


class UnknownKind(InvalidRequest):
    """There is no such kind of human task."""

    code = "unknown_kind"


class Unauthenticated(HoldshortError):
    """No valid API key. Send it as `Authorization: Bearer <key>` or `x-api-key: <key>`."""

    code = "invalid_api_key"
    status = 401


class Forbidden(HoldshortError):
    """This key may not do that."""

    code = "forbidden"
    status = 403


class NotAReviewer(Forbidden):
    """This person is not among those who may decide this step."""

    code = "not_a_reviewer"


class NotFound(HoldshortError):
    """There is no such thing here."""

    code = "not_found"
    status = 404


class Conflict(HoldshortError):
    """The request collides with what is recorded."""

    code = "conflict"
    status = 409


class AlreadyDecided(Conflict):
    """This was already decided."""

    code = "already_decided"


class NotPending(Conflict):
    """This intent is not waiting for that."""

    code = "not_pending"


class KeyConflict(Conflict):
    """idempotency key reused with different payload"""

    code = "idempotency_conflict"


class StaleDigest(Conflict):
    """What you were shown is not what is stored any more. Load the task again and look at it."""

    code = "stale_digest"


class StaleGeneration(Conflict):
    """Somebody else has changed this since you looked. Look again, and send what you see."""

    code = "stale_policy_generation"


class LeaseLost(Conflict):
    """The lease on this work has passed to another worker. Stop working on it."""

    code = "lease_lost"


class RunBusy(Conflict):
    """Somebody else is working on this run right now."""

    code = "run_busy"


class GrantRefused(HoldshortError):
    """There is no permit for this action."""

    code = "grant_refused"
    status = 409


class OutcomeUnknown(GrantRefused):
    """A run of this action started and never reported. A person is being asked what happened."""

    code = "outcome_unknown"


class RateLimited(HoldshortError):
    """Too many requests with this key. Wait and try again."""

    code = "rate_limit_exceeded"
    status = 429

    def __init__(self, message: str | None = None, /, *, retry_after: float = 1.0, **details: Any):
        super().__init__(message, retry_after=retry_after, **details)
        self.retry_after = retry_after


class LimitReached(RateLimited):
    """This agent has reached one of its limits."""

    code = "quota_exceeded"


class Unavailable(HoldshortError):
    """The database cannot be written to right now. Nothing was changed; try again."""

    code = "unavailable"
    status = 503


class WaitTimeout(HoldshortError, TimeoutError):
    """Nobody has decided yet. The intent is still pending: call wait_for again with the same id."""

    code = "wait_timeout"
    status = 408


class Rejected(HoldshortError):
    """The action was rejected."""

    code = "rejected"
    status = 409

    def __init__(self, message: str | None = None, /, *, decision: Any = None, **details: Any):
        super().__init__(message, **details)
        self.decision = decision


class ConfigurationError(HoldshortError):
    """Holdshort is set up in a way that cannot work."""

    code = "configuration_error"


def _tree(base: type[HoldshortError]) -> dict[str, type[HoldshortError]]:
    found = {base.code: base}
    for child in base.__subclasses__():
        found |= _tree(child)
    return found


#: Every error by its stable code: the client turns a problem document back into the class by it.
BY_CODE: dict[str, type[HoldshortError]] = _tree(HoldshortError)


def from_problem(status: int, body: Any) -> HoldshortError:
    """Turn a problem document back into the error that it stands for."""
    details: dict[str, Any] = {}
    code, message = "", None
    if isinstance(body, dict):
        found = body.get("error")
        if isinstance(found, dict):
            code = str(found.get("code", ""))
            message = found.get("message")
            if isinstance(found.get("details"), dict):
                details = found["details"]
        message = message or body.get("detail")
    kind = BY_CODE.get(code) or _by_status(status)
    error = kind(str(message) if message else f"the server answered {status}", **details)
    return error


def _by_status(status: int) -> type[HoldshortError]:
    for kind in BY_CODE.values():
        if kind.status == status:
            return kind
    return HoldshortError
