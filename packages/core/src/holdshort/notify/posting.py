"""One POST to an address that somebody else chose, sent with care.

Each request is made on httpx's transport rather than its client: a transport makes one request on
one connection. It follows no redirect, reads no proxy or netrc from the environment, keeps no
cookie from one receiver for another, and logs no URL (whose path may be a secret).
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from holdshort.notify.addresses import Resolver, ThreadResolver
from holdshort.notify.base import SendFailed
from holdshort.visible import visible

_BODY_LIMIT = 64 * 1024
_SNIPPET = 200
_ADDRESSES = 3
_LONGEST_RETRY_AFTER = 24 * 3600.0


@dataclass(slots=True)
class Answer:
    """What a receiver said. Its body may be cut."""

    status: int
    headers: httpx.Headers
    body: bytearray = field(default_factory=bytearray)


class Unwelcome(SendFailed):
    """A receiver answered, and not with a 2xx.

    Args:
        status: what it answered.
    """

    def __init__(self, why: str, status: int, **more: Any) -> None:
        super().__init__(why, **more)
        self.status = status


class Poster:
    """Posts to addresses that are judged first.

    Args:
        allowed: whether an address (an IP) may be called.
        timeout: seconds that one try may take in all, from looking up the name to the answer's end.
        resolver: looks names up in the place of the operating system.
        tls: what HTTPS receivers are verified with, in the place of the usual authorities.
    """

    def __init__(
        self,
        allowed: Callable[[str], bool],
        *,
        timeout: float = 10.0,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = allowed
        self._timeout = timeout
        self._own_resolver = None if resolver else ThreadResolver()
        self._resolve: Resolver = resolver or self._own_resolver  # type: ignore[assignment]
        # No connection is kept: the pool knows them by address, and two names at one address would
        # share one that was verified for the other.
        self._transport = httpx.AsyncHTTPTransport(
            verify=tls or True,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def post(self, address: Any, headers: dict[str, str], content: bytes) -> Answer:
        """Return the answer, which is a 2xx. Raises SendFailed for anything else."""
        url = _checked_url(address)
        answer = await self._exchange(url, headers, content)
        _judge(answer, url)
        return answer

    async def close(self) -> None:
        """Close the transport and end the look-ups."""
        await self._transport.aclose()
        if self._own_resolver is not None:
            self._own_resolver.close()

    async def _exchange(self, url: httpx.URL, headers: dict[str, str], content: bytes) -> Answer:
        """Return the answer. Its body may be cut: at the limit, by time, by the connection."""
        answer: Answer | None = None
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._post(url, await self._addresses(url), headers, content)
                answer = Answer(response.status_code, response.headers)
                try:
                    async for chunk in response.aiter_raw():
                        answer.body += chunk[: _BODY_LIMIT - len(answer.body)]
                        if len(answer.body) >= _BODY_LIMIT:
                            break
                finally:
                    await response.aclose()
        except TimeoutError as error:
            if answer is None:
                raise SendFailed(
                    f"{_host(url)} did not answer within {self._timeout:g} s"
                ) from error
        except httpx.HTTPError as error:
            if answer is None:
                raise SendFailed(_reason(error, url)) from error
        assert answer is not None
        return answer

    async def _addresses(self, url: httpx.URL) -> Sequence[str]:
        """Return the addresses behind the URL, all judged: one that is refused refuses the name."""
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            found = await self._resolve(url.raw_host.decode("ascii"), port)
            refused = [a for a in found if not self._allowed(a)]
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "no such name"
            raise SendFailed(f"{_host(url)} cannot be resolved: {why}") from error
        if refused:
            raise SendFailed(
                f"{_host(url)} is at {visible(refused[0])}, which is not on the public internet; "
                "an administrator can allow private addresses"
            )
        if not found:
            raise SendFailed(f"{_host(url)} has no address")
        return found[:_ADDRESSES]

    async def _post(
        self, url: httpx.URL, addresses: Sequence[str], headers: dict[str, str], content: bytes
    ) -> httpx.Response:
        """Post to the first of these addresses that can be connected to, never to the name."""
        extensions = {
            "sni_hostname": url.raw_host.decode("ascii"),
            "timeout": {"connect": self._timeout / len(addresses)},
        }
        plain = {
            "host": url.netloc.decode("ascii"),
            "user-agent": "holdshort",
            "content-type": "application/json",
            "accept-encoding": "identity",
            "connection": "close",
        }
        failed: httpx.HTTPError | None = None
        for address in addresses:
            try:
                request = httpx.Request(
                    "POST",
                    url.copy_with(host=address),
                    headers=plain | headers,
                    content=content,
                    extensions=extensions,
                )
                return await self._transport.handle_async_request(request)
            except httpx.InvalidURL as error:
                raise SendFailed(f"{_host(url)} is at an address that cannot be called") from error
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failed = error
        assert failed is not None
        raise failed


def _checked_url(text: Any) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError) as error:
        raise SendFailed("the webhook's URL is not one", permanent=True) from error
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise SendFailed(
            "the webhook's URL must be http:// or https:// with a host", permanent=True
        )
    if url.port is not None and not 0 < url.port < 65536:
        raise SendFailed("the webhook's URL has a port that does not exist", permanent=True)
    if url.userinfo:
        raise SendFailed(
            "the webhook's URL carries a user name or password; the signature is there for that",
            permanent=True,
        )
    return url


def _judge(answer: Answer, url: httpx.URL) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    said = f"{_host(url)} answered {status}"
    if 300 <= status < 400:
        raise Unwelcome(
            f"{said}; redirects are not followed: give the webhook its final URL", status
        )
    if snippet := _snippet(answer.body, url):
        said += f": {snippet}"
    if status == 410:
        raise Unwelcome(said, status, permanent=True)
    wait = _retry_after(answer.headers.get("retry-after")) if status in (429, 503) else None
    raise Unwelcome(said, status, retry_after=wait)


def _snippet(body: bytearray, url: httpx.URL) -> str:
    """Return the start of what the receiver said. Many repeat the path, which may be a secret."""
    text = body.decode("utf-8", "replace").strip()
    for part in (url.raw_path.decode("ascii"), url.path, url.query.decode("ascii")):
        if len(part) > 1:
            text = text.replace(part, "…")
    shown = visible(text)
    return shown if len(shown) <= _SNIPPET else f"{shown[:_SNIPPET]}… (cut)"


def _retry_after(text: str | None) -> float | None:
    """Return the seconds that the header asks for, a day at most; None where it says nothing."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    left = (moment - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.0), _LONGEST_RETRY_AFTER)


def _reason(error: httpx.HTTPError, url: httpx.URL) -> str:
    """Say what went wrong below HTTP, from the error at the bottom of the chain that knows."""
    why = ""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate of {_host(url)} is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            why = visible(cause.reason or "TLS failed")
        elif isinstance(cause, OSError) and cause.errno:
            # In the system's words: asyncio puts its own into `strerror`.
            why = os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return f"could not connect to {_host(url)}: {why or 'no reason given'}"
    if isinstance(error, httpx.ConnectTimeout):
        return f"{_host(url)} did not take the connection in time"
    return f"{_host(url)} broke off ({why or type(error).__name__})"


def _host(url: httpx.URL) -> str:
    return visible(url.netloc.decode("ascii"))
