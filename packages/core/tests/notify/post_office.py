"""A real mail server on the loopback, whose behaviour a test chooses."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as POLICY
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from holdshort.testing.notifier import Message

USER, PASSWORD = "holdshort", "correct horse"


@dataclass
class Mail:
    """One message that the server took."""

    sender: str
    recipients: list[str]
    raw: bytes
    encrypted: bool
    login: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=POLICY)

    def part(self, kind: str) -> str:
        """Return the text of the part `plain` or `html`, as a mail program reads it."""
        found = self.message.get_body(preferencelist=(kind,))
        assert found is not None
        return str(found.get_content())


@dataclass
class PostOffice:
    """Takes every mail, unless it was given answers to give instead.

    `answers` maps a command (`EHLO`, `MAIL`, `RCPT`, `DATA`: the end of the message) to what it is
    answered, first one first; what is left answers 250.
    """

    tls: ssl.SSLContext | None = None
    implicit: bool = False
    auth: bool = False
    answers: dict[str, list[str]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    logins: list[bytes] = field(default_factory=list)
    endpoint: dict[str, Any] | None = field(
        default_factory=lambda: {"person": "cfo@company.com", "email": "cfo@company.com"}
    )
    port: int = 0

    def __enter__(self) -> Self:
        self._controller = _Controller(self)
        self._controller.start()
        self.port = self._controller.server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    @property
    def settings(self) -> dict[str, Any]:
        """What a Holdshort is told that sends its mail here."""
        return {
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
            "smtp_security": "none",
            "mail_from": "holdshort@acme.com",
        }

    def received(self) -> list[Message]:
        return [
            Message(text=one.raw.decode(), body=one.part("plain") + one.part("html"))
            for one in self.mails
        ]

    def fail(self) -> None:
        """Take nothing from now on."""
        self.answers = {"DATA": ["451 4.3.0 later"] * 100}

    def to(self, recipient: str) -> list[Mail]:
        return [one for one in self.mails if one.recipients == [recipient]]

    def answer(self, command: str) -> str | None:
        waiting = self.answers.get(command)
        return waiting.pop(0) if waiting else None

    # What follows is called by the server.

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = name
        found = self.answer("EHLO")
        return [found] if found else lines

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answer("MAIL") or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        found = self.answer("RCPT")
        if found:
            return found
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        found = self.answer("DATA")
        if found:
            return found
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        login = session.auth_data
        self.mails.append(
            Mail(
                envelope.mail_from,
                list(envelope.rcpt_tos),
                envelope.content,
                encrypted=session.ssl is not None or self.implicit,
                login=login.decode() if login else None,
            )
        )
        return f"250 2.0.0 queued as {len(self.mails)}"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        self.logins.append(data.login)
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False, auth_data=data.login if good else None)


class _Controller(Controller):
    def __init__(self, office: PostOffice) -> None:
        self._office = office
        starttls = office.tls if not office.implicit else None
        super().__init__(
            office,
            hostname="127.0.0.1",
            port=0,
            ssl_context=office.tls if office.implicit else None,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=office.authenticate if office.auth else None,
            auth_required=office.auth,
            auth_require_tls=True,
            data_size_limit=2**24,
        )

    def _trigger_server(self) -> None:
        # The original connects to the port that was asked for: 0, which stands for any.
        socket.create_connection(self.server.sockets[0].getsockname()).close()


class Line:
    """A server that says lines, each but the first after it has heard one; then it breaks off, or
    hangs, or drips on."""

    def __init__(self, *says: bytes, hangs: bool = False, drips: bool = False) -> None:
        self._says, self._hangs, self._drips = says, hangs, drips
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no connection any more."""
        self._over.set()
        with suppress(OSError):  # wakes the accept
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            connection.settimeout(5)
            for number, said in enumerate(self._says):
                if number:
                    connection.recv(65536)
                connection.sendall(said)
            while self._drips and not self._over.wait(0.05):
                connection.sendall(b"220-x\r\n")
            if self._hangs:
                self._over.wait(10)
