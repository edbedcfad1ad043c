"""Identifiers: UUID version 7 (RFC 9562 section 5.7), so that ids sort by time of making."""

from __future__ import annotations

import hashlib
import secrets
import uuid


def new_id(now: int) -> str:
    """Return a new id for this moment (milliseconds UTC)."""
    return _uuid7(now, secrets.token_bytes(10))


def derived_id(now: int, *parts: str) -> str:
    """Return the id that follows from these parts: the same parts at the same time, the same id."""
    return _uuid7(now, hashlib.sha256("\0".join(parts).encode()).digest()[:10])


def _uuid7(now: int, rest: bytes) -> str:
    value = (now & (2**48 - 1)) << 80 | int.from_bytes(rest)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def hash_of(secret: str) -> str:
    """Return what is stored of a secret. It has 256 random bits: a plain hash cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
