"""The digest that binds a decision to exactly one action.

SHA-256 over the canonical JSON (RFC 8785) of tool, arguments, agent and environment. Key order does
not matter; any other difference (`1` and `"1"`, one byte, another agent) gives another digest.
"""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

from holdshort.errors import InvalidRequest


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 form of a JSON value.

    Raises InvalidRequest for what JSON cannot carry exactly: NaN and infinities, integers beyond
    2**53 - 1 (RFC 8785 section 3.2.2.3), lone surrogates, keys that are not strings; and for
    nesting deeper than it can follow.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise InvalidRequest(
            f"this cannot be written as exact JSON: {error}. Send large integers as strings, and "
            "no NaN, infinity or unpaired surrogate."
        ) from error
    except UnicodeEncodeError as error:
        raise InvalidRequest(
            "this text holds an unpaired surrogate, which is not a character"
        ) from error
    except RecursionError as error:
        raise InvalidRequest("this is nested too deeply to be written as exact JSON") from error


def sha256(data: bytes) -> str:
    """Return the SHA-256 of the bytes, as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def action_digest(*, tool: str, arguments: Any, agent: str, environment: str = "") -> str:
    """Return the digest of one action.

    >>> a = action_digest(tool="pay", arguments={"to": "x", "sum": 5}, agent="agent://acme/prod/bot")
    >>> a == action_digest(tool="pay", arguments={"sum": 5, "to": "x"}, agent="agent://acme/prod/bot")
    True
    """
    return sha256(
        canonical(
            {"tool": tool, "arguments": arguments, "agent": agent, "environment": environment}
        )
    )
