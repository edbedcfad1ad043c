"""A request that is fine as such for every endpoint, about things that really are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdshort.ids import hash_of
from holdshort.server.contract import Endpoint
from holdshort.store.base import Session

from .house import AGENT, ANA, BO, TYPE, House

REPLY_TOKEN = "a" * 32

BODIES: dict[str, dict[str, Any]] = {
    "IntentRequest": {"intent_type": TYPE, "to": ANA},
    "BatchRequest": {"intents": [{"intent_type": TYPE, "to": ANA}]},
    "DecisionRequest": {"outcome": "approved"},
    "DelegateRequest": {"to": BO},
    "CommentRequest": {"text": "hm"},
    "CancelRequest": {"reason": "x"},
    "FailRequest": {"error": "x"},
    "ConsumeRequest": {"digest": "0" * 64, "attempt_id": "a"},
    "ReportRequest": {"attempt_id": "a", "succeeded": True},
    "LeaseRequest": {"worker": "w", "intent_types": [TYPE]},
    "LeaseChange": {"worker": "w", "epoch": 1},
    "OpenRunRequest": {"run_id": "r-new", "app": "refunds", "worker": "w"},
    "SaveRunRequest": {
        "run_id": "r",
        "worker": "w",
        "epoch": 1,
        "save_id": "s",
        "status": "running",
    },
    "LinkBody": {"person": BO},
    "MailReply": {"token": REPLY_TOKEN, "sender": ANA, "text": "which customers?"},
    "RenewRunRequest": {"run_id": "r", "worker": "w", "epoch": 1},
    "SettingsBody": {"default_reviewers": [ANA], "channels": ["console"]},
    "KeyBody": {"role": "person", "subject": BO},
    "PersonBody": {"name": "Bo"},
    "TeamBody": {"members": [ANA]},
    "TenantPolicy": {"quorum": 1},
    "WebhookBody": {"url": "https://example.com/h"},
    "RotaBody": {"members": [ANA, BO], "starts": "2026-11-16"},
    "FileBody": {"name": "photo.jpg", "data": "AAEC"},
    "LimitsBody": {"intents_per_day": 1000},
    "AbsenceBody": {"from": "2027-01-20", "until": "2027-01-21"},
}


@dataclass(frozen=True)
class Things:
    """Ids of things in the tenant `default`: an intent of the agent's that Ana is asked about, and
    one of each other kind. The agent's run is `r`, held by `w`."""

    intent_id: str
    delivery_id: str
    key_id: str
    absence_id: str
    sha256: str

    def names(self, endpoint: Endpoint) -> dict[str, str]:
        """What the endpoint's path has to be filled in with."""
        return {
            "intent_id": self.intent_id,
            "delivery_id": self.delivery_id,
            "key_id": self.key_id,
            "absence_id": self.absence_id,
            "sha256": self.sha256,
            "name": name_for(endpoint),
            "agent": AGENT,
        }


async def things(house: House) -> Things:
    """Make one of each."""
    intent_id = await house.ask(continuation={"state": 1}, to=[ANA, "team:finance"])
    for path, body in DIRECTORY.items():
        await house.ok("PUT", path, house.admin, body, name=NAMES[path])
    key = {"role": "agent", "subject": "agent://acme/x/spare"}
    made = await house.ok("POST", "/v1/keys", house.admin, key)
    caps = {"intents_per_day": 100_000}
    await house.ok("PUT", "/v1/limits/{agent}", house.admin, caps, agent=AGENT)
    run = {"run_id": "r", "app": "refunds", "worker": "w"}
    await house.ok("POST", "/v1/runs/open", house.agent, run)
    delivery = (await house.deliveries(intent_id))[0]
    await house.ok("POST", "/v1/sign-in-links", house.admin, {"person": BO})
    reply = Session(
        hash=hash_of(REPLY_TOKEN),
        tenant="default",
        purpose="reply",
        person=ANA,
        created_at=house.clock.now(),
        expires_at=house.clock.now() + 3600_000,
        doc={"intent": intent_id},
    )
    await house.engine.write(lambda tx: (tx.end_session(reply.hash), tx.add_session(reply)))
    away = {"from": "2027-01-20", "until": "2027-01-22", "person": ANA}
    absent = await house.ok("POST", "/v1/absences", house.admin, away)
    return Things(
        intent_id,
        delivery["delivery_id"],
        made["key"]["key_id"],
        absent["absence"]["absence_id"],
        await house.attach(intent_id),
    )


NAMES = {
    "/v1/people/{name}": BO,
    "/v1/teams/{name}": "finance",
    "/v1/policies/{name}": "intent.pay.*",
    "/v1/webhooks/{name}": "ci",
    "/v1/rotas/{name}": "ops",
    "/v1/rotas/{name}/on-call": "ops",
    "/v1/people/{name}/sign-in": BO,
}
DIRECTORY = {
    "/v1/people/{name}": {"roles": ["cfo"]},
    "/v1/teams/{name}": {"members": [BO]},
    "/v1/policies/{name}": {"quorum": 2},
    "/v1/webhooks/{name}": {"url": "https://example.com/hook", "active": False},
    "/v1/rotas/{name}": {"members": [BO], "starts": "2026-11-16"},
}


def name_for(endpoint: Endpoint) -> str:
    return NAMES.get(endpoint.path, "")


def body_for(endpoint: Endpoint) -> dict[str, Any] | None:
    return None if endpoint.body is None else BODIES[endpoint.body.__name__]


def query_for(endpoint: Endpoint) -> dict[str, str]:
    """No stream is waited for."""
    return {"wait_seconds": "1"} if endpoint.path.endswith("/stream") else {}
