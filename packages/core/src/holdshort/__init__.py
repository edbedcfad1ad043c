"""Holdshort: durable human decisions for AI agents.

>>> from holdshort import Client
>>> client = Client()
>>> intent_id = client.send_intent("intent.data.export.v1", payload={"rows": 9}, to="ana@acme.com")
>>> decision = client.wait_for(intent_id)
"""

from holdshort.client import AsyncClient, AsyncReviewer, Client, Decision, Reviewer
from holdshort.errors import (
    AlreadyDecided,
    ConfigurationError,
    Conflict,
    Forbidden,
    GrantRefused,
    HoldshortError,
    InvalidRequest,
    KeyConflict,
    LeaseLost,
    LimitReached,
    NotAReviewer,
    NotFound,
    NotPending,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RunBusy,
    StaleDigest,
    StaleGeneration,
    Unauthenticated,
    Unavailable,
    WaitTimeout,
)
from holdshort.gate import gate
from holdshort.worker import Job, Worker

__version__ = "0.1.0"

__all__ = [
    "AlreadyDecided",
    "AsyncClient",
    "AsyncReviewer",
    "Client",
    "ConfigurationError",
    "Conflict",
    "Decision",
    "Forbidden",
    "GrantRefused",
    "HoldshortError",
    "InvalidRequest",
    "Job",
    "KeyConflict",
    "LeaseLost",
    "LimitReached",
    "NotAReviewer",
    "NotFound",
    "NotPending",
    "OutcomeUnknown",
    "RateLimited",
    "Rejected",
    "Reviewer",
    "RunBusy",
    "StaleDigest",
    "StaleGeneration",
    "Unauthenticated",
    "Unavailable",
    "WaitTimeout",
    "Worker",
    "__version__",
    "gate",
]
