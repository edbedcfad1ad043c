"""Webhook secrets and what is signed with them, as Standard Webhooks writes it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook


def new_secret() -> str:
    """Return a new webhook secret: `whsec_` and 32 random bytes in base64."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def signed(message_id: str, body: str, keys: Sequence[str], *, now: float) -> dict[str, str]:
    """Return the three headers that let a receiver verify this message.

    Args:
        message_id: stays the same over every try.
        body: exactly what is sent.
        keys: every secret that is valid now, newest first; each gives one signature, so that a
            receiver verifies with the old or with the new one while a secret is being replaced.
        now: seconds UTC by the wall clock; receivers refuse what is too far from theirs.

    Raises ValueError where there is no secret, or one that is not base64.
    """
    if not keys:
        raise ValueError("there is no secret")
    moment = datetime.fromtimestamp(int(now), UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": " ".join(
            Webhook(_checked(key)).sign(message_id, moment, body) for key in keys
        ),
    }


def _checked(key: str) -> bytes:
    # The library's own decoding passes over characters that are not base64, and so would sign with
    # another key than the one that was meant.
    raw = base64.b64decode(key.removeprefix("whsec_"), validate=True)
    if not raw:
        raise ValueError("the secret is empty")
    return raw
