"""`holdshort up` as a process: first start, stop, restart, and what waits meanwhile."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from holdshort.client import Client

from .conftest import ADMIN, Run, Server, spawn, start_server

Send = Callable[..., str]


def use(server: Server, keys: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in keys.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOLDSHORT_URL", server.url)


def test_keys_are_printed_once_and_work(
    tmp_path: Path, ok: Run, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start_server(tmp_path)
    try:
        keys = first.ready["keys"]
        assert {*keys} == {"agent", "person", "service"}
        use(first, first, monkeypatch)
        assert ok("people", "list", "--json").json == [
            {"name": ADMIN, "title": "", "roles": ["admin"], "active": True}
        ]
        intent_id = send()
        ok("tasks", "approve", intent_id)
    finally:
        assert first.stop() == 0
    second = start_server(tmp_path)
    try:
        assert second.ready["keys"] is None
        use(second, first, monkeypatch)
        assert ok("intents", "get", intent_id, "--json").json["status"] == "COMPLETED"
    finally:
        second.stop()


def test_for_people_it_prints_lines_to_paste(tmp_path: Path) -> None:
    for start in ("first", "second"):
        process = spawn(
            "up", "--port", "0", "--database", f"sqlite:///{tmp_path}/hs.db",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        lines = []
        while not (lines and "is ready on http://127.0.0.1:" in lines[-1]):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it was ready"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        exports = [line.strip() for line in lines if "export HOLDSHORT_" in line]
        assert len(exports) == (4 if start == "first" else 0)
        assert rest == ""


@pytest.mark.parametrize("what", ["decision?wait_seconds=25", "events/stream?wait_seconds=25"])
def test_a_stop_does_not_wait_for_those_who_wait(tmp_path: Path, what: str) -> None:
    server = start_server(tmp_path)
    host, port = server.url.removeprefix("http://").split(":")
    with Client(server.url, api_key=server.ready["keys"]["agent"]) as client:
        intent_id = client.send_intent("intent.test.v1", to=ADMIN)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(
            f"GET /v1/intents/{intent_id}/{what} HTTP/1.1\r\nHost: x\r\n"
            f"x-api-key: {server.ready['keys']['agent']}\r\n\r\n".encode()
        )
        # The metrics count it: only then does it wait, and not stand in a socket's queue.
        wait_until(lambda: waiters(server.url) == 1)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 2
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    if "stream" in what:
        assert b"intent.waiting" in answer
        assert answer.endswith(b"0\r\n\r\n"), "the stream was ended, not cut"
    else:
        assert b" 503 " in answer.split(b"\r\n")[0]
        assert b"retry-after: 1" in answer


def waiters(url: str) -> int:
    import httpx  # noqa: PLC0415

    text = httpx.get(f"{url}/metrics").text
    return int(float(text.split("\nholdshort_waiters ")[1].split("\n")[0]))


def wait_until(condition: Callable[[], bool], patience: float = 20.0) -> None:
    ends = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.01)


def test_a_client_waits_across_a_restart_and_a_kill(
    tmp_path: Path, ok: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start_server(tmp_path)
    port = int(first.url.rsplit(":", 1)[1])
    found = []
    with Client(first.url, api_key=first.ready["keys"]["agent"]) as client:
        intent_id = client.send_intent("intent.test.v1", to=ADMIN)
        waiting = threading.Thread(
            target=lambda: found.append(client.wait_for(intent_id, timeout=60))
        )
        waiting.start()
        wait_until(lambda: waiters(first.url) == 1)
        first.stop()
        second = start_server(tmp_path, port)
        wait_until(lambda: waiters(second.url) == 1)
        second.stop(signal.SIGKILL)
        third = start_server(tmp_path, port)
        try:
            use(third, first, monkeypatch)
            ok("tasks", "approve", intent_id)
            waiting.join(60)
            assert [decision.approved for decision in found] == [True]
        finally:
            third.stop()


def test_a_port_in_use_is_said_and_nothing_is_made(
    run: Run, tmp_path: Path, on_server: Server
) -> None:
    port = on_server.url.rsplit(":", 1)[1]
    done = run("up", "--port", port, "--database", f"sqlite:///{tmp_path}/new.db")
    assert (done.code, done.out) == (1, "")
    assert f"port {port} on 127.0.0.1 is in use" in done.err
    assert not Path("new.db").exists()


def test_settings_that_make_no_sense(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDSHORT_PORT", "ninety")
    done = run("up")
    assert done.code == 1
    assert "HOLDSHORT_PORT" in done.err
    assert run("up", "--admin", "nobody").code == 2


def test_the_password_of_a_database_is_not_printed() -> None:
    from holdshort.cli.up.command import shown_database  # noqa: PLC0415

    assert shown_database("postgresql://ana:s3cret@db/hs?sslkey=x") == "postgresql://ana@db/hs"
    assert shown_database("sqlite:///a@b.db") == "sqlite:///a@b.db"


def test_watch_follows_across_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = start_server(tmp_path)
    port = int(first.url.rsplit(":", 1)[1])
    use(first, first, monkeypatch)
    with Client() as client:
        intent_id = client.send_intent("intent.test.v1", to=ADMIN)
    watcher = spawn(
        "intents", "watch", intent_id, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert watcher.stdout is not None
    events = [json.loads(watcher.stdout.readline()) for _ in range(5)]
    first.stop()
    second = start_server(tmp_path, port)
    try:
        deciding = spawn("tasks", "approve", intent_id, stdout=subprocess.DEVNULL)
        assert deciding.wait(30) == 0
        rest, errors = watcher.communicate(timeout=60)
    finally:
        second.stop()
    assert watcher.returncode == 0
    assert "the connection was lost" in errors
    events += [json.loads(line) for line in rest.splitlines()]
    assert [event["seq"] for event in events] == [*range(1, len(events) + 1)]
    assert events[-1]["status"] == "COMPLETED"


def test_the_access_log_holds_no_way_in(tmp_path: Path) -> None:
    """field.md 3.3, attack 8."""
    process = spawn(
        "up", "--port", "0", "--json", "--access-log",
        "--database", f"sqlite:///{tmp_path}/hs.db",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    link = json.loads(process.stdout.readline())["link"]
    assert httpx.get(f"{link}?next=/inbox").status_code == 200
    assert httpx.post(link, data={}).status_code == 303
    back = link.rpartition("/")[0] + "/oidc/back?code=the-code&state=the-state"
    assert httpx.get(back).status_code == 403
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert "GET /sign-in/…?next=/inbox" in log
    assert "POST /sign-in/…" in log
    assert link.rpartition("/")[2] not in log
    assert "the-code" not in log
    assert "the-state" not in log
