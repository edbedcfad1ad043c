"""Webhooks that somebody turns against us (field.md, attack 54), and receivers that misbehave."""

from __future__ import annotations

import asyncio
import gzip
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from holdshort.notify.webhook import new_secret

from .receiver import HttpReceiver, reply
from .test_webhook import failure, resolving, send


def at(url: str) -> dict[str, Any]:
    return {"url": url, "secrets": [new_secret()]}


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.1",
        "017700000001",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_no_spelling_of_this_machine_is_called(host: str) -> None:
    with HttpReceiver() as receiver:
        failed = failure(at(f"http://{host}:{receiver.port}/hook"), allow_private=False)
        assert receiver.connections == 0
    assert "not on the public internet" in str(failed)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://2852039166/latest/meta-data/",
        "http://0xa9fea9fe/",
        "http://[::ffff:169.254.169.254]/",
        "http://[fd00:ec2::254]/",
        "http://10.0.0.1/",
        "https://192.168.0.1/",
        "http://100.100.100.200/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
    ],
)
def test_no_private_address_is_called(url: str) -> None:
    assert "not on the public internet" in str(failure(at(url), allow_private=False))


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with HttpReceiver() as receiver:
        failed = failure(
            at(f"http://hook.test:{receiver.port}/"),
            allow_private=False,
            resolver=resolving(["8.8.8.8", "2606:4700::1111", "127.0.0.1"]),
        )
        assert receiver.connections == 0
    assert str(failed) == (
        f"hook.test:{receiver.port} is at 127.0.0.1, which is not on the public internet; "
        "an administrator can allow private addresses"
    )
    # What a name resolves to can be put right, so the delivery is kept.
    assert not failed.permanent


def test_a_rebinding_name_reaches_only_the_address_that_was_judged() -> None:
    """The name is looked up once a try, and the connection goes to that answer. hook.test does not
    exist, so a second look-up by anything else would fail the try."""
    with HttpReceiver() as judged, HttpReceiver(address="127.0.0.2", port=judged.port) as inside:
        resolver = resolving(["127.0.0.1"], ["127.0.0.2"])
        send(at(f"http://hook.test:{judged.port}/"), resolver=resolver)
        assert resolver.asked == ["hook.test"]
        assert len(judged.requests) == 1
        assert inside.connections == 0


def test_every_try_is_judged_anew() -> None:
    with HttpReceiver() as receiver:
        endpoint = at(f"http://hook.test:{receiver.port}/")
        send(endpoint, resolver=resolving(["127.0.0.1"]))
        failure(endpoint, allow_private=False, resolver=resolving(["127.0.0.1"]))
        assert receiver.connections == 1


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with HttpReceiver() as inside, HttpReceiver(reply(status, location=inside.url)) as receiver:
        failed = failure(receiver.endpoint)
        assert inside.connections == 0
    assert f"answered {status}; redirects are not followed" in str(failed)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pass@127.0.0.1/",
        "http://user@127.0.0.1/",
        "http://8.8.8.8\\@127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "ftp://127.0.0.1/",
        "unix:///run/docker.sock",
        "//127.0.0.1/",
        "127.0.0.1",
        "/hook",
        "http://",
        "http:///hook",
        "http://[::1",
        "http://0177.0.0.1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999999/",
        "",
        None,
        7,
    ],
)
def test_what_is_no_plain_http_url_is_refused_for_good(url: Any) -> None:
    failed = failure(at(url))
    assert failed.permanent
    assert "pass@" not in str(failed)


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".test", "ex%00ample.test", "%31%32%37.0.0.1", "a..test", "."]
)
def test_what_is_no_name_cannot_be_resolved(host: str) -> None:
    assert "cannot be resolved" in str(failure(at(f"http://{host}/")))


@pytest.mark.parametrize("answer", [[], ["not an address"], ["fe80::1%99"]])
def test_a_resolver_that_answers_nonsense(answer: list[str]) -> None:
    for allowed in (True, False):
        failure(at("http://hook.test/"), allow_private=allowed, resolver=resolving(answer))


def test_proxies_from_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpReceiver() as proxy, HttpReceiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        send(receiver.endpoint)
        assert proxy.connections == 0
        assert len(receiver.requests) == 1


def test_a_receiver_that_never_answers() -> None:
    def hang(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        receiver.over.wait()

    with HttpReceiver(hang) as receiver:
        started = time.monotonic()
        failed = failure(receiver.endpoint, timeout=0.3)
        assert time.monotonic() - started < 2
    assert str(failed) == f"127.0.0.1:{receiver.port} did not answer within 0.3 s"
    assert not failed.permanent


def test_a_name_server_that_never_answers() -> None:

    async def hang(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        raise AssertionError

    assert "did not answer within 0.2 s" in str(
        failure(at("http://hook.test/"), timeout=0.2, resolver=hang)
    )


def test_a_receiver_that_speaks_no_tls() -> None:
    with HttpReceiver() as receiver:
        failed = failure(at(receiver.url.replace("http:", "https:")))
    assert "could not connect" in str(failed)
    assert "no reason given" not in str(failed)
    assert not failed.permanent


def drip(status_line: bytes, piece: bytes) -> Any:
    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        handler.wfile.write(status_line)
        while not receiver.over.wait(0.02):
            handler.wfile.write(piece)

    return answer


def test_headers_that_drip() -> None:
    with HttpReceiver(drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n")) as receiver:
        failed = failure(receiver.endpoint, timeout=0.3)
    assert "did not answer within 0.3 s" in str(failed)


def test_a_body_that_drips_does_not_hold_up_what_the_status_said() -> None:
    chunked = b"content-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
    with HttpReceiver(drip(b"HTTP/1.1 500 Oh\r\n" + chunked, b"1\r\nx\r\n")) as receiver:
        started = time.monotonic()
        failed = failure(receiver.endpoint, timeout=0.3)
        assert time.monotonic() - started < 2
    assert "answered 500: xx" in str(failed)
    with HttpReceiver(drip(b"HTTP/1.1 200 OK\r\n" + chunked, b"1\r\nx\r\n")) as receiver:
        started = time.monotonic()
        send(receiver.endpoint, timeout=0.3)
        assert time.monotonic() - started < 2


def pour(counted: list[int], head: bytes) -> Any:
    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        handler.wfile.write(head)
        block = b"x" * 65536
        for _ in range(1600):  # 100 MiB
            handler.wfile.write(block)
            counted[0] += len(block)

    return answer


@pytest.mark.parametrize("status", [200, 500])
def test_a_body_without_end_is_not_read_to_its_end(status: int) -> None:
    counted = [0]
    head = f"HTTP/1.1 {status} X\r\ncontent-length: 104857600\r\n\r\n".encode()
    with HttpReceiver(pour(counted, head)) as receiver:
        if status == 200:
            send(receiver.endpoint)
        else:
            assert len(str(failure(receiver.endpoint))) < 280
    assert counted[0] < 16 * 2**20  # what the sockets' buffers took


def test_a_compressed_body_is_not_unpacked() -> None:
    with HttpReceiver(reply(500, gzip.compress(b"bomb"), content_encoding="gzip")) as receiver:
        assert "bomb" not in str(failure(receiver.endpoint))
        assert receiver.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"HTTP/1.1 \x1b[31m\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 999999 OK\r\n\r\n",
        b"",
    ],
)
def test_what_is_no_http_answer(raw: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler, receiver: HttpReceiver) -> None:
        handler.wfile.write(raw)
        handler.close_connection = True

    with HttpReceiver(answer) as receiver:
        failed = failure(receiver.endpoint)
    assert "broke off" in str(failed)
    assert str(failed).isprintable()
    assert not failed.permanent
