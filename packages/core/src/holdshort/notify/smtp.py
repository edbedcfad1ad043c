"""One message to one recipient, by SMTP."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from typing import Literal

import aiosmtplib

from holdshort.errors import ConfigurationError
from holdshort.notify.base import SendFailed
from holdshort.visible import visible

Security = Literal["starttls", "tls", "none"]

_PORTS: dict[str, int] = {"starttls": 587, "tls": 465, "none": 25}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: Messages under way at once: mail servers take few connections from one client.
_CONCURRENT = 4
#: How long a server may take to say good-bye (seconds).
_GOODBYE = 0.5
#: How much of what a server says is kept (characters).
_LONGEST_ANSWER = 200


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed over.

    Raises ConfigurationError for a connection that is not encrypted and leaves this machine.

    Args:
        port: None is the usual one: 587 for STARTTLS, 465 for TLS, 25 without.
        security: `starttls` and `tls` are never given up for a connection that others can read.
        allow_plain: take `none` for another machine as well.
        timeout: seconds that one message may take in all.
        tls: what the server is verified with, in the place of the usual authorities.
    """

    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    security: Security = "starttls"
    allow_plain: bool = False
    timeout: float = 20.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.security == "none" and not (self.allow_plain or self.host in _LOOPBACK):
            raise ConfigurationError(
                f"mail to {self.host} would go unencrypted: set HOLDSHORT_SMTP_SECURITY to "
                "starttls or tls, or HOLDSHORT_SMTP_ALLOW_PLAIN=true where the network is yours"
            )


class Smtp:
    """Hands messages over, each on a connection of its own."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self._free = asyncio.Semaphore(_CONCURRENT)

    async def send(self, message: EmailMessage, recipient: str) -> str:
        """Return what the server answered when it took the message. Raises SendFailed.

        Where the server falls silent after the message's last line, nobody knows whether it took
        it: it is sent again, under the same Message-ID.
        """
        sender = message["From"].addresses[0].addr_spec
        client = self._client(sender.rpartition("@")[2])
        try:
            async with self._free:
                try:
                    async with asyncio.timeout(self.server.timeout):
                        await client.connect()
                        if self.server.user is not None:
                            await client.login(self.server.user, self.server.password or "")
                        _, said = await client.sendmail(
                            sender, [recipient], message.as_bytes(policy=WIRE)
                        )
                    return _brief(said)
                finally:
                    await _leave(client)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _refused(refused.recipients[0], "the recipient") from None
        except aiosmtplib.SMTPSenderRefused as refused:
            raise _refused(refused, "the sender") from None
        except aiosmtplib.SMTPDataError as refused:
            raise _refused(refused, "the message") from None
        except TimeoutError:
            raise SendFailed(f"the mail server took more than {self.server.timeout:g} s") from None
        except aiosmtplib.SMTPResponseException as refused:
            # Greeting, STARTTLS, sign-in: the operator's to put right, and the message is not lost.
            raise SendFailed(f"the mail server said {_said(refused)}") from None
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise SendFailed(f"the mail server cannot be used: {_brief(str(error))}") from None
        except (ValueError, UnicodeError) as error:
            raise SendFailed(
                f"this cannot be sent as mail: {_brief(str(error))}", permanent=True
            ) from None

    def _client(self, name: str) -> aiosmtplib.SMTP:
        server = self.server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port or _PORTS[server.security],
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=server.tls,
            timeout=server.timeout,
            local_hostname=name,
        )


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say good-bye, to a server that listens still; how it answers changes nothing any more."""
    transport = client.transport
    with suppress(aiosmtplib.SMTPException, OSError):
        if client.is_connected:
            await client.quit(timeout=_GOODBYE)
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        # Closing waits for the server's end of TLS, which some never send.
        transport.abort()
        await asyncio.sleep(0)


def _refused(answer: aiosmtplib.SMTPResponseException, what: str) -> SendFailed:
    permanent = answer.code >= 500
    return SendFailed(f"the mail server refused {what}: {_said(answer)}", permanent=permanent)


def _said(answer: aiosmtplib.SMTPResponseException) -> str:
    return f"{answer.code} {_brief(answer.message)}"


def _brief(text: str) -> str:
    seen = visible(" ".join(text.split()))
    return seen if len(seen) <= _LONGEST_ANSWER else f"{seen[: _LONGEST_ANSWER - 1]}…"
