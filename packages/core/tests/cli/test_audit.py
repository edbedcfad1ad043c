"""Export and offline verification."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Run

Send = Callable[..., str]


@pytest.fixture
def log(place: str, ok: Run, send: Send) -> Path:
    """The exported log of a database in which something has happened."""
    for _ in range(3):
        ok("tasks", "approve", send(), "-c", "käse")
    ok("audit", "export", "-o", "log.jsonl")
    return Path("log.jsonl")


def test_an_export_is_sound_and_names_its_root(ok: Run, run: Run, log: Path) -> None:
    found = ok("audit", "verify", str(log), "--json").json
    assert found["ok"] is True
    assert found["intents"] >= 3
    assert ok("audit", "verify", str(log), "--root", found["root"]).code == 0
    other = run("audit", "verify", str(log), "--root", "0" * 64)
    assert other.code == 1
    assert found["root"] in other.err


def test_a_changed_byte_is_found(run: Run, log: Path) -> None:
    lines = log.read_text().splitlines()
    changed = next(n for n, line in enumerate(lines) if "intent.decided" in line)
    event = json.loads(json.loads(lines[changed])["event"])
    lines[changed] = lines[changed].replace("approved", "rejected", 1)
    log.write_text("\n".join(lines) + "\n")
    done = run("audit", "verify", str(log))
    assert done.code == 1
    assert f"line {changed + 1}, intent {event['intent_id']}, event {event['seq']}" in done.err
    assert "changed" in done.err
    broken = run("audit", "verify", str(log), "--json")
    assert broken.code == 1
    assert broken.json["broken"]["seq"] == event["seq"]


def test_every_single_bit_counts(run: Run, ok: Run, log: Path) -> None:
    whole = log.read_bytes()
    events_end = whole.index(b'{"intent_id"')
    for at in range(0, events_end, max(1, events_end // 40)):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        assert run("audit", "verify", str(log)).code == 1, at
    log.write_bytes(whole)
    ok("audit", "verify", str(log))


@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_a_cut_tail_is_found(run: Run, log: Path, lines: int) -> None:
    kept = log.read_text().splitlines()[:-lines]
    log.write_text("\n".join(kept) + "\n")
    done = run("audit", "verify", str(log))
    assert done.code == 1
    assert done.err.startswith("error: log.jsonl: ")


def test_one_intent_alone(ok: Run, place: str, send: Send) -> None:
    intent_id = send()
    out = ok("audit", "export", "--intent", intent_id).out
    Path("one.jsonl").write_text(out)
    assert ok("audit", "verify", "one.jsonl", "--json").json["intents"] == 1
    events = [json.loads(line) for line in out.splitlines()]
    assert all(intent_id in one.get("event", intent_id) for one in events)


def test_an_export_that_fails_leaves_no_file(run: Run, on_database: str, send: Send) -> None:
    send()
    assert run("audit", "export", "--intent", "0" * 36, "-o", "log.jsonl").code != 0
    assert run("audit", "export", "-o", "no/such/folder/log.jsonl").code == 1
    assert not list(Path().glob("log*"))


def test_what_is_no_export_is_said_to_be_none(run: Run) -> None:
    Path("x.jsonl").write_text("hello\n")
    done = run("audit", "verify", "x.jsonl")
    assert done.code == 1
    assert "line 1: this line is no entry of an export" in done.err


def test_what_administrators_did_is_listed(place: str, ok: Run, send: Send) -> None:
    send()
    entries = ok("audit", "log", "--limit", "1", "--json").json["entries"]
    before = entries[0]["seq"] if entries else 0
    ok("teams", "set", "team:pay", "ana@acme.com")
    first = ok("audit", "log", "--limit", "1").out
    assert "team set: pay  by service:" in first
    assert '"members": ["ana@acme.com"]' in first
    (entry,) = ok("audit", "log", "--limit", "1", "--json").json["entries"]
    assert (entry["seq"], entry["event_type"], entry["about"]) == (
        before + 1, "admin.team.set", "pay",
    )  # fmt: skip
