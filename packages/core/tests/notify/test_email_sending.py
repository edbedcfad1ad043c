"""Mail servers as they are: encrypted or not, full, slow, gone. Each is a real one on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from holdshort.errors import ConfigurationError
from holdshort.models import Intent
from holdshort.notify.base import SendFailed
from holdshort.notify.card import Card, card_of
from holdshort.notify.email import EmailNotifier
from holdshort.notify.smtp import Smtp, SmtpServer
from holdshort.testing._store_samples import filed
from holdshort.testing.notifier import NotifierContract, delivery

from .post_office import PASSWORD, USER, Line, PostOffice
from .tls import Certificate, self_signed

NOW = 1_800_000_000_000


class Desk:
    """What a server would look up: one intent, and a link that stays the same."""

    async def card(self, tenant: str, intent_id: str) -> Card:
        intent: Intent = filed(NOW, tenant=tenant, intent_id=intent_id).created[0].intent
        return card_of(intent, '{"payload": {"rows": 9}}', now=NOW, url=None)

    async def link(self, tenant: str, person: str, intent_id: str) -> str:
        return "https://hold.acme.com/m/token"

    async def receipts(self, *about: str) -> list[str]:
        return []


def notifier(port: int, **options: Any) -> EmailNotifier:
    options = {"security": "none", "timeout": 5.0} | options
    smtp = Smtp(SmtpServer("127.0.0.1", port, **options))
    return EmailNotifier(smtp, "Holdshort <holdshort@acme.com>", Desk())  # type: ignore[arg-type]


def send(port: int, endpoint: dict[str, Any] | None = None, **options: Any) -> str | None:
    found = endpoint or {"person": "cfo@company.com"}
    return asyncio.run(notifier(port, **options).send(delivery("email"), found))


def refused(port: int, endpoint: dict[str, Any] | None = None, **options: Any) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        send(port, endpoint, **options)
    assert str(caught.value).isprintable()
    assert PASSWORD not in str(caught.value)
    return caught.value


class TestEmail(NotifierContract):
    @contextmanager
    def receiver(self) -> Iterator[PostOffice]:
        with PostOffice() as office:
            self.port = office.port
            yield office

    def notifier(self) -> EmailNotifier:
        return notifier(getattr(self, "port", 25))


@pytest.fixture
def certificate() -> Certificate:
    return self_signed("127.0.0.1")


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_goes_encrypted_and_signed_in(security: str, certificate: Certificate) -> None:
    implicit = security == "tls"
    with PostOffice(certificate.server, implicit=implicit, auth=not implicit) as office:
        login = {} if implicit else {"user": USER, "password": PASSWORD}
        receipt = send(office.port, security=security, tls=certificate.client, **login)
        (mail,) = office.mails
    assert mail.encrypted
    assert mail.login == (None if implicit else USER)
    assert receipt == str(mail.message["Message-ID"])


def test_a_wrong_password_is_tried_again_once_it_is_put_right(certificate: Certificate) -> None:
    with PostOffice(certificate.server, auth=True) as office:
        options = {"security": "starttls", "tls": certificate.client, "user": USER}
        failed = refused(office.port, password="wrong", **options)
        assert "535" in str(failed)
        assert not failed.permanent
        assert office.mails == []


@pytest.mark.parametrize("login", [{}, {"user": USER, "password": PASSWORD}])
def test_nothing_is_sent_in_plain_where_starttls_is_taken_away(login: dict[str, str]) -> None:
    with PostOffice() as office:
        failed = refused(office.port, security="starttls", **login)
        assert not failed.permanent
        assert office.mails == []
        assert office.logins == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("how", ["unknown", "expired", "other name"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(security: str, how: str) -> None:
    name = "mail.acme.com" if how == "other name" else "127.0.0.1"
    certificate = self_signed(name, expired=how == "expired")
    trusted = None if how == "unknown" else certificate.client
    with PostOffice(certificate.server, implicit=security == "tls") as office:
        failed = refused(office.port, security=security, tls=trusted)
        assert "certificate" in str(failed).lower()
        assert not failed.permanent
        assert office.mails == []


def test_plain_mail_stays_on_this_machine() -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        SmtpServer("mail.acme.com", security="none")
    assert SmtpServer("mail.acme.com", security="none", allow_plain=True).port is None
    assert PASSWORD not in repr(SmtpServer("localhost", password=PASSWORD))


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(("code", "permanent"), [(421, False), (451, False), (550, True)])
def test_refusals_are_for_now_or_for_good(command: str, code: int, permanent: bool) -> None:
    with PostOffice(answers={command: [f"{code} 4.7.1 said \x1b[31mso"]}) as office:
        failed = refused(office.port)
        assert failed.permanent is permanent
        assert f"{code}" in str(failed)
        assert office.mails == []


def test_a_greylisting_server_takes_it_the_second_time() -> None:
    with PostOffice(answers={"RCPT": ["450 4.2.0 greylisted, come back"]}) as office:
        assert not refused(office.port).permanent
        first = send(office.port)
        assert [str(one.message["Message-ID"]) for one in office.mails] == [first]


def test_a_server_that_is_not_there() -> None:
    with Line() as gone:
        port = gone.port
        gone.stop()
    assert not refused(port).permanent


SAYS = (
    b"220 here\r\n",
    b"250 hello\r\n",
    b"250 ok\r\n",
    b"250 ok\r\n",
    b"354 go on\r\n",
)


@pytest.mark.parametrize("after", range(len(SAYS) + 1))
def test_a_server_that_hangs_is_left(after: int) -> None:
    with Line(*SAYS[:after], hangs=True) as line:
        failed = refused(line.port, timeout=0.3)
    assert "took more than 0.3 s" in str(failed)
    assert not failed.permanent


@pytest.mark.parametrize("after", range(len(SAYS) + 1))
def test_a_server_that_breaks_off(after: int) -> None:
    with Line(*SAYS[:after]) as line:
        assert not refused(line.port).permanent


def test_a_server_that_drips_is_left_as_well() -> None:
    with Line(b"220-x\r\n", drips=True) as line:
        assert "took more than 0.4 s" in str(refused(line.port, timeout=0.4))


@pytest.mark.parametrize("said", [b"999 what\r\n", b"\x00\xff\r\n", b"HTTP/1.1 400 Bad\r\n\r\n"])
def test_what_is_no_mail_server(said: bytes) -> None:
    with Line(said) as line:
        assert not refused(line.port).permanent


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "ana@acme.com\r\nBcc: x@evil.example",
        "ana@acme.com>\r\nRCPT TO:<x@evil.example",
        "a b@acme.com",
        "ana@acme.com, x@evil.example",
        '"a b"@acme.com',
        "ana@[127.0.0.1]",
        "a" * 65 + "@acme.com",
        "\u0430na@acme.com",
    ],
)
def test_mail_goes_to_addresses_alone(address: str) -> None:
    with PostOffice() as office:
        failed = refused(office.port, {"person": address, "email": address})
        assert failed.permanent
        assert office.connections == 0


def test_who_has_left_gets_none() -> None:
    with PostOffice() as office:
        gone = {"person": "ana@acme.com", "email": "ana@acme.com", "active": False}
        assert refused(office.port, gone).permanent
        assert office.mails == []


@pytest.mark.parametrize("sender", ["", "Holdshort", "x@acme.com\nBcc: y@z.io", "a b@acme.com"])
def test_a_sender_that_is_none_is_told_at_once(sender: str) -> None:
    with pytest.raises(ConfigurationError, match="no mail address"):
        EmailNotifier(Smtp(SmtpServer("localhost")), sender, Desk())  # type: ignore[arg-type]
