"""Webhooks that arrive: what is sent, how it is signed, and what each answer means."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from holdshort.notify.base import SendFailed
from holdshort.notify.secrets import signed
from holdshort.notify.webhook import WebhookNotifier, new_secret
from holdshort.testing.notifier import delivery

from .receiver import HttpReceiver, reply
from .tls import self_signed

DELIVERY = delivery("webhook")


def send(endpoint: dict[str, Any] | None, sent: Any = DELIVERY, **options: Any) -> None:
    async def run() -> None:
        notifier = WebhookNotifier(**({"allow_private": True, "timeout": 5.0} | options))
        try:
            await notifier.send(sent, endpoint)
        finally:
            await notifier.close()

    asyncio.run(run())


def failure(endpoint: dict[str, Any] | None, **options: Any) -> SendFailed:
    with pytest.raises(SendFailed) as caught:
        send(endpoint, **options)
    return caught.value


def resolving(*answers: list[str]) -> Any:
    """A resolver that gives these answers in turn and remembers what it was asked."""
    left = list(answers)

    async def resolve(host: str, port: int) -> list[str]:
        resolve.asked.append(host)  # type: ignore[attr-defined]
        return left.pop(0)

    resolve.asked = []  # type: ignore[attr-defined]
    return resolve


def test_the_body_goes_out_as_it_is_and_verifies() -> None:
    with HttpReceiver() as receiver:
        send(receiver.endpoint)
        (request,) = receiver.requests
    assert receiver.endpoint is not None
    assert request.body == DELIVERY.body.encode()
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["webhook-id"] == DELIVERY.id
    parsed = Webhook(receiver.endpoint["secrets"][0]).verify(request.body, request.headers)
    assert parsed["id"] == DELIVERY.id


def test_forged_replayed_and_changed_requests_do_not_verify() -> None:
    """field.md, attack 55: what we send gives a receiver all it needs to refuse these."""
    with HttpReceiver() as receiver:
        send(receiver.endpoint)
        send(receiver.endpoint)
        first, second = receiver.requests
    assert receiver.endpoint is not None
    hook = Webhook(receiver.endpoint["secrets"][0])
    # The id is the same on both tries, so a receiver that remembers ids acts once.
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    stale = signed(DELIVERY.id, DELIVERY.body, receiver.endpoint["secrets"], now=time.time() - 301)
    attacks: list[tuple[bytes, dict[str, str]]] = [
        (first.body + b" ", first.headers),
        (first.body, first.headers | {"webhook-id": "another"}),
        (first.body, first.headers | {"webhook-timestamp": str(int(time.time()) + 7)}),
        (first.body, stale),
    ]
    for body, headers in attacks:
        with pytest.raises(WebhookVerificationError):
            hook.verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(first.body, first.headers)


def test_during_a_rotation_both_secrets_verify_and_no_other() -> None:
    """field.md, attack 56."""
    new, old = new_secret(), new_secret()
    with HttpReceiver() as receiver:
        send({"url": receiver.url, "secrets": [new, old]})
        send({"url": receiver.url, "secrets": [new]})
        during, after = receiver.requests
    for secret in (new, old):
        Webhook(secret).verify(during.body, during.headers)
    signatures = during.headers["webhook-signature"].split(" ")
    assert len(signatures) == 2
    first = {**during.headers, "webhook-signature": signatures[0]}
    Webhook(new).verify(during.body, first)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(during.body, first)
    Webhook(new).verify(after.body, after.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after.body, after.headers)


def test_a_new_secret_is_32_random_bytes() -> None:
    one, other = new_secret(), new_secret()
    assert one != other
    assert one.startswith("whsec_")
    assert len(Webhook(one)._whsecret) == 32


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_taken(status: int) -> None:
    with HttpReceiver(reply(status)) as receiver:
        send(receiver.endpoint)
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
def test_refusals_may_pass(status: int) -> None:
    with HttpReceiver(reply(status, b"out of order")) as receiver:
        failed = failure(receiver.endpoint)
    assert str(failed) == f"127.0.0.1:{receiver.port} answered {status}: out of order"
    assert (failed.permanent, failed.retry_after) == (False, None)


def test_gone_is_for_good() -> None:
    with HttpReceiver(reply(410)) as receiver:
        assert failure(receiver.endpoint).permanent


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("99999999999999999999", 86400.0),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("²", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 21 Oct 9999 07:28:00 GMT", 86400.0),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after(status: int, header: str, seconds: float | None) -> None:
    with HttpReceiver(reply(status, retry_after=header.encode().decode("latin-1"))) as receiver:
        failed = failure(receiver.endpoint)
    assert (failed.permanent, failed.retry_after) == (False, seconds)


def test_retry_after_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(minutes=10)
    with HttpReceiver(reply(503, retry_after=format_datetime(moment, usegmt=True))) as receiver:
        failed = failure(receiver.endpoint)
    assert failed.retry_after is not None
    assert 590 < failed.retry_after <= 600


def test_what_a_receiver_says_is_cut_made_visible_and_holds_no_secret_path() -> None:
    def echo(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        said = f"\x1b[31mCannot POST {handler.path} \u202e" + "x" * 1000
        reply(404, said.encode())(handler, receiver)

    with HttpReceiver(echo) as receiver:
        url = f"{receiver.url}/T0ken?key=s3cret"
        failed = failure({"url": url, "secrets": [new_secret()]})
    why = str(failed)
    assert "\\x1b[31mCannot POST … \\u202exxx" in why
    assert why.endswith("… (cut)")
    assert len(why) < 280
    assert "T0ken" not in why
    assert "s3cret" not in why
    assert why.isprintable()


@pytest.mark.parametrize(
    "secrets", [[], None, [""], ["whsec_"], ["whsec_???"], ["whsec_c2Vj!cmV0"], ["whsec_äöü"]]
)
def test_a_missing_or_broken_secret_sends_nothing_and_is_not_quoted(secrets: Any) -> None:
    with HttpReceiver() as receiver:
        failed = failure({"url": receiver.url, "secrets": secrets})
        assert receiver.connections == 0
    assert str(failed) == "it cannot be signed: a secret is missing or broken"


def test_a_removed_subscription_is_for_good() -> None:
    assert failure(None).permanent


def test_connection_refused() -> None:
    with HttpReceiver() as receiver:
        port = receiver.port
    failed = failure({"url": f"http://127.0.0.1:{port}/", "secrets": [new_secret()]})
    assert str(failed) == f"could not connect to 127.0.0.1:{port}: Connection refused"
    assert not failed.permanent


def test_the_next_address_is_tried_where_one_cannot_be_connected_to() -> None:
    with HttpReceiver() as receiver:
        endpoint = {"url": f"http://hook.test:{receiver.port}/", "secrets": [new_secret()]}
        send(endpoint, resolver=resolving(["127.0.0.9", "127.0.0.1"]))
        assert receiver.requests[0].headers["host"] == f"hook.test:{receiver.port}"


def test_a_request_that_was_sent_is_not_sent_to_another_address() -> None:
    def hang_up(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        handler.close_connection = True

    with (
        HttpReceiver(hang_up) as first,
        HttpReceiver(address="127.0.0.2", port=first.port) as second,
    ):
        endpoint = {"url": f"http://hook.test:{first.port}/", "secrets": [new_secret()]}
        failed = failure(endpoint, resolver=resolving(["127.0.0.1", "127.0.0.2"]))
        assert len(first.requests) == 1
        assert second.connections == 0
    assert str(failed) == f"hook.test:{first.port} broke off (RemoteProtocolError)"


def test_ipv6_loopback_where_private_addresses_are_allowed() -> None:
    with HttpReceiver(address="::1") as receiver:
        send(receiver.endpoint)
        assert receiver.requests[0].headers["host"] == f"[::1]:{receiver.port}"


def test_tls_is_verified_for_the_name_though_the_address_is_called() -> None:
    certificate = self_signed("hook.test")
    with HttpReceiver(tls=certificate.server, host="hook.test") as receiver:
        send(receiver.endpoint, tls=certificate.client, resolver=resolving(["127.0.0.1"]))
        assert receiver.requests[0].headers["host"] == f"hook.test:{receiver.port}"
        assert certificate.names_asked_for == ["hook.test"]


def test_a_certificate_for_another_name_is_refused() -> None:
    certificate = self_signed("other.test")
    with HttpReceiver(tls=certificate.server, host="hook.test") as receiver:
        failed = failure(
            receiver.endpoint, tls=certificate.client, resolver=resolving(["127.0.0.1"])
        )
        assert receiver.requests == []
    assert "certificate of hook.test" in str(failed)
    assert "Hostname mismatch" in str(failed)


def test_names_at_one_address_never_share_a_verified_connection() -> None:
    certificate = self_signed("hook.test")
    with HttpReceiver(tls=certificate.server, host="hook.test") as receiver:
        assert receiver.endpoint is not None
        other = receiver.endpoint | {"url": f"https://other.test:{receiver.port}/"}

        async def run() -> None:
            notifier = WebhookNotifier(
                allow_private=True,
                tls=certificate.client,
                resolver=resolving(["127.0.0.1"], ["127.0.0.1"]),
            )
            await notifier.send(DELIVERY, receiver.endpoint)
            with pytest.raises(SendFailed, match="certificate"):
                await notifier.send(DELIVERY, other)
            await notifier.close()

        asyncio.run(run())
        assert len(receiver.requests) == 1


@pytest.mark.parametrize("expired", [False, True])
def test_a_certificate_that_is_not_trusted_may_be_put_right(expired: bool) -> None:
    certificate = self_signed("127.0.0.1", expired=expired)
    trusted: ssl.SSLContext | None = certificate.client if expired else None
    with HttpReceiver(tls=certificate.server) as receiver:
        failed = failure(receiver.endpoint, tls=trusted)
        assert receiver.requests == []
    why = "certificate has expired" if expired else "self-signed certificate"
    assert str(failed) == f"the certificate of 127.0.0.1:{receiver.port} is not trusted: {why}"
    assert not failed.permanent


def test_cookies_and_connections_of_one_try_are_gone_at_the_next() -> None:
    with HttpReceiver(reply(200, set_cookie="session=1; Path=/")) as receiver:

        async def run() -> None:
            notifier = WebhookNotifier(allow_private=True)
            await notifier.send(DELIVERY, receiver.endpoint)
            await notifier.send(DELIVERY, receiver.endpoint)
            await notifier.close()

        asyncio.run(run())
        assert "cookie" not in receiver.requests[1].headers
        assert receiver.connections == 2


@given(st.text())
def test_any_text_as_a_url_ends_in_send_failed(text: str) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    failure({"url": text, "secrets": [new_secret()]}, resolver=nowhere, tls=TLS)
    failure({"url": f"http://{text}", "secrets": [new_secret()]}, resolver=nowhere, tls=TLS)


TLS = httpx.create_ssl_context()
