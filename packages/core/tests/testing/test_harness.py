"""What the contract is played with: a server that comes back, processes that are replaced."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdshort import InvalidRequest
from holdshort.testing.adapter import LiveServer
from holdshort.testing.adapter.journal import Faults, Journal
from holdshort.testing.adapter.play import Lab, Play
from holdshort.testing.adapter.processes import BenchFailed

BENCH = Path(__file__).with_name("loop_bench.py")


def test_a_server_comes_back_with_its_address_its_keys_and_its_intents(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server, server.client() as client, server.reviewer() as reviewer:
        url, keys = server.url, dict(server.keys)
        asked = client.send_intent("intent.test.v1", payload={}, to="admin@localhost")
        server.kill()
        assert not server.alive
        server.start()
        assert (server.url, server.keys) == (url, keys)
        reviewer.approve(asked)
        assert client.wait_for(asked, timeout=10).approved
    assert not server.alive


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = LiveServer(tmp_path)
    server.database.mkdir()
    with pytest.raises(AssertionError, match="did not start"):
        server.start()
    server.kill()


def test_agents_have_keys_of_their_own(tmp_path: Path) -> None:
    with LiveServer(tmp_path) as server:
        one, two = server.new_agent("agent://a/b/one"), server.new_agent("agent://a/b/two")
        assert one != two
        with server.client() as client, pytest.raises(InvalidRequest):
            client.send_intent("no type", payload={})


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    folder = tmp_path / "lab"
    folder.mkdir()
    lab = Lab(BENCH, folder)
    yield lab
    lab.close()


def _play(lab: Lab, folder: Path) -> Play:
    folder.mkdir()
    return Play(lab, folder, f"run-{uuid.uuid4().hex}")


def test_what_a_failed_scenario_leaves_behind_does_not_meet_the_next(
    lab: Lab, tmp_path: Path
) -> None:
    hung, dead = lab.starter, lab.worker
    broken = _play(lab, tmp_path / "broken")
    broken.set(mode="wait")
    hung.begin("start", broken.scene())  # and nobody decides
    dead.kill()
    lab.server.kill()
    broken.close()
    assert lab.starter is not hung
    assert lab.worker is not dead
    play = _play(lab, tmp_path / "next")
    [asked] = play.suspend().intents
    play.reviewer.approve(asked)
    assert play.finish([asked])["status"] == "done"
    play.close()


def test_a_bench_that_dies_shows_its_log(lab: Lab, tmp_path: Path) -> None:
    play = _play(lab, tmp_path / "scene")
    play.set(faults=["model:0:kill"])
    with pytest.raises(BenchFailed, match="it ended"):
        play.start()
    play.close()


def test_what_a_bench_raises_is_a_failed_start(lab: Lab, tmp_path: Path) -> None:
    play = _play(lab, tmp_path / "scene")
    play.set(faults=["model:0:raise"])
    report = play.start()
    assert (report.status, report.intents) == ("failed", [])
    assert report.error == "ModelFailure: the model is away"
    play.close()


def test_a_bench_says_how_it_is_used() -> None:
    run = [sys.executable, str(BENCH)]
    for arguments in ([], ["dance", "scene.json"], ["start"]):
        ended = subprocess.run([*run, *arguments], capture_output=True, text=True)
        assert ended.returncode == 1
        assert "usage" in ended.stderr


def test_a_fault_strikes_once(tmp_path: Path) -> None:
    for number, strikes in enumerate([True, False, False]):
        faults = Faults(tmp_path, ["tool:pay:raise"])
        faults.meet("tool", "refund", ValueError("not here"))
        if strikes:
            with pytest.raises(ValueError, match="0"):
                faults.meet("tool", "pay", ValueError(str(number)))
        else:
            faults.meet("tool", "pay", ValueError(str(number)))


def test_a_journal_that_nobody_wrote_to_is_empty(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    assert journal.lines() == []
    journal.add({"tool": "pay", "to": "Zoë\u2028\n"})
    [line] = journal.lines()
    assert line["to"] == "Zoë\u2028\n"
