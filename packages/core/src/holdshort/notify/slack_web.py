"""Slack's Web API and its signatures by slack-sdk, on threads of our own. Only `app` imports this:
the rest works with what is handed to it, whether slack-sdk is installed or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from holdshort.errors import ConfigurationError
from holdshort.notify.slack_refused import SlackRefused
from holdshort.visible import visible

try:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError, SlackClientError
    from slack_sdk.signature import Clock, SignatureVerifier
    from slack_sdk.web import SlackResponse
    from slack_sdk.webhook import WebhookClient
except ImportError as error:
    raise ConfigurationError("Slack needs slack-sdk: pip install 'holdshort[slack]'") from error

_THREADS = 8
_LONGEST_RETRY_AFTER = 24 * 3600.0


class SlackWeb:
    """Calls the Web API with a bot's token. Nothing is tried twice here: the outbox does that.

    Args:
        token: the bot's token, `xoxb-…`.
        signing_secret: what Slack signs its requests to us with; None takes none over HTTP.
        url: where the API is; an enterprise's proxy may stand elsewhere.
        timeout: seconds that one call may take.
    """

    def __init__(
        self, token: str, *, url: str, signing_secret: str | None = None, timeout: float = 10.0
    ) -> None:
        self.client = new_client(token, url, timeout)
        self._signing_secret = signing_secret
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="holdshort-slack")
        self._team: str | None = None

    async def call(self, run: Callable[[WebClient], SlackResponse]) -> dict[str, Any]:
        """Make one call; return what Slack answers. Raises SlackRefused."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _called, run, self.client)

    async def say(self, url: str, body: dict[str, Any]) -> None:
        """Post to a `response_url` that came with a verified interaction. Raises SlackRefused."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, _said, url, body, self.client.timeout)

    async def team(self) -> str:
        """Return the workspace that the token belongs to. Raises SlackRefused."""
        if self._team is None:
            self._team = str((await self.call(lambda client: client.auth_test()))["team_id"])
        return self._team

    def signed(self, body: bytes, timestamp: str, signature: str, *, now: float) -> bool:
        """Whether Slack has signed exactly these bytes, within five minutes of now.

        Args:
            now: seconds UTC by the wall clock.
        """
        if self._signing_secret is None or not signature.isascii():
            return False
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
            return False
        verifier = SignatureVerifier(self._signing_secret, _At(now))
        try:
            return bool(verifier.is_valid(body, timestamp, signature))
        except UnicodeDecodeError:  # slack-sdk signs text; Slack sends nothing else
            return False

    def close(self) -> None:
        """End the threads, after what they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _At(Clock):
    """A time that stands still."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


def new_client(token: str | None, url: str, timeout: float) -> WebClient:
    """Return slack-sdk's client, which says nothing of what it sends: on DEBUG it would log whole
    messages."""
    base = url if url.endswith("/") else f"{url}/"
    client = WebClient(
        token, base_url=base, timeout=max(1, round(timeout)), retry_handlers=[], logger=quiet()
    )
    # The system's own proxy settings are heeded below, by urllib, and NO_PROXY with them.
    client.proxy = None
    return client


def quiet() -> logging.Logger:
    """Return a logger for slack-sdk that passes nothing on."""
    found = logging.getLogger("holdshort.slack.sdk")
    found.setLevel(logging.CRITICAL)
    return found


def _called(run: Callable[[WebClient], SlackResponse], client: WebClient) -> dict[str, Any]:
    try:
        found = run(client).data
    except SlackApiError as error:
        raise _refused(error) from None
    except (SlackClientError, OSError, ValueError) as error:
        raise SlackRefused(_reason(error), passing=True) from None
    if not isinstance(found, dict):
        raise SlackRefused("no answer that can be read", passing=True)
    return found


def _said(url: str, body: dict[str, Any], timeout: int) -> None:
    hook = WebhookClient(url, timeout=timeout, retry_handlers=[], logger=quiet())
    hook.proxy = None
    try:
        answer = hook.send_dict(body)
    except (OSError, ValueError) as error:
        raise SlackRefused(_reason(error), passing=True) from None
    if answer.status_code != 200:
        raise SlackRefused(f"status {answer.status_code}")


def _refused(error: Any) -> SlackRefused:
    """Judge by status and code; Slack's whole answer may hold what was sent."""
    response = error.response
    status = getattr(response, "status_code", 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    code = visible(code)[:80] or f"status {status}"
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackRefused("ratelimited", retry_after=_retry_after(response))
    if status >= 500 or code in ("fatal_error", "internal_error", "service_unavailable"):
        return SlackRefused(f"status {status}" if status >= 500 else code, passing=True)
    if status != 200:
        return SlackRefused(f"status {status}", passing=True)
    return SlackRefused(code)


def _retry_after(response: Any) -> float:
    named = {str(k).lower(): v for k, v in (getattr(response, "headers", None) or {}).items()}
    text = str(named.get("retry-after", "")).strip()
    wait = float(text) if text.isascii() and text.isdigit() else 30.0
    return min(wait, _LONGEST_RETRY_AFTER)


def _reason(error: BaseException) -> str:
    why = getattr(error, "reason", None) or error
    text = getattr(why, "strerror", None) or str(why) or type(why).__name__
    return visible(text)[:200]
