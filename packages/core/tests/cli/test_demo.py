"""The demo, as users run it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from holdshort.cli.demo.scan import scan
from holdshort.cli.demo.stage import Failed, Stage

from .conftest import spawn


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where demos make their temporary folders."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_from_question_to_verified_log(folders: Path) -> None:
    demo = spawn("demo", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, told = demo.communicate(timeout=120)
    assert demo.returncode == 0, told
    found = json.loads(out)
    assert found["outcome"] == "approved"
    assert found["exported_columns"] == ["name", "email", "city", "plan", "amount", "notes"]
    assert "kill -9" in told
    assert "this action was already run once" in told
    assert not list(folders.iterdir()), "its folder is left behind"


@pytest.mark.parametrize(
    ("decision", "outcome", "said"),
    [
        (["approve"], "approved", "name, email, phone, city, plan, amount, notes."),
        (["approve", "--set", "columns=city,plan"], "approved", "with city, plan; without name"),
        (["reject", "-c", "not this quarter"], "rejected", "Checked: there is no export.csv"),
    ],
)
def test_live_goes_on_as_the_user_decides(
    folders: Path, decision: list[str], outcome: str, said: str
) -> None:
    demo = spawn("demo", "--live", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert demo.stderr is not None
    told = ""
    while "Waiting for you" not in told:
        line = demo.stderr.readline()
        assert line, told
        told += line
    exported = dict(re.findall(r"export (\w+)=(.*)", told))
    shown = re.search(r"tasks show ([0-9a-f-]{36})\n", told)
    assert shown
    verb, *options = decision
    deciding = subprocess.run(
        [sys.executable, "-m", "holdshort.cli", "tasks", verb, shown[1], *options],
        env=os.environ | exported,
        timeout=30,
        capture_output=True,
        check=False,
    )
    assert deciding.returncode == 0, deciding.stderr
    out, rest = demo.communicate(timeout=120)
    assert demo.returncode == 0, rest
    assert json.loads(out)["outcome"] == outcome
    assert said in rest


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def test_live_ends_in_the_browser(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a browser does, without a screen: sign in by the link, look at the card, say yes."""
    monkeypatch.setenv("HOLDSHORT_UNDO_SECONDS", "0.5")
    demo = spawn("demo", "--live", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert demo.stderr is not None
    told = ""
    while "Waiting for you" not in told:
        line = demo.stderr.readline()
        assert line, told
        told += line
    link = re.search(r"(http://127\.0\.0\.1:\d+)(/sign-in/\S+)", told)
    assert link
    assert "hs_" not in told, "no key is told"
    with httpx.Client(base_url=link[1], follow_redirects=True) as browser:
        looked = browser.get(link[2])
        assert looked.status_code == 200
        card = browser.post(link[2].partition("?")[0], data={"next": hidden(looked.text, "next")})
        assert "Run export_csv" in card.text
        assert "ada@example.com" not in card.text
        answer = {
            "outcome": "approved",
            "held": "1",
            "step": "0",
            "csrf": hidden(card.text, "csrf"),
            "digest": hidden(card.text, "digest"),
        }
        sent = browser.post(f"{card.url.path}/decide", data=answer)
        assert "It takes effect in" in sent.text
    out, rest = demo.communicate(timeout=120)
    assert demo.returncode == 0, rest
    found = json.loads(out)
    assert (found["outcome"], found["decided_by"]) == ("approved", "person:ana@example.com")
    assert "has stopped again" in rest
    assert re.search(r"wrote \d+ rows", rest)
    assert "answer_held" in rest
    with pytest.raises(httpx.ConnectError):
        httpx.get(link[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_it_leaves_no_process_and_no_folder(folders: Path, number: int) -> None:
    demo = spawn("demo", "--live", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert demo.stdout is not None
    told = ""
    while "Waiting for you" not in told:
        line = demo.stdout.readline()
        assert line, told
        told += line
    watcher = int(re.search(r"Sent by process (\d+)", told)[1])  # type: ignore[index]
    os.kill(watcher, 0)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=30)
    assert demo.returncode == 128 + number
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.kill(watcher, 0)
    assert not list(folders.iterdir())


def test_a_step_that_goes_otherwise_fails(tmp_path: Path) -> None:
    before = {*threading.enumerate()}
    with open(os.devnull, "w") as nowhere:
        stage = Stage(tmp_path, nowhere)
        with pytest.raises(Failed, match="ended with 1, not with 0"):
            stage.holdshort("tasks", "list")
        child = stage.start("holdshort.cli", "--help", on_line=lambda _: None)
        with pytest.raises(Failed, match="never wrote 'something'"):
            child.wait_for_line("something")
        stage.close()
    assert {*threading.enumerate()} <= before


def test_the_scan_finds_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(
        "who,city,mail,note,amount\n"
        "Ada Chen,Porto,ada@example.com,call +1 202 555 0101,12.50\n"
        "Zoë Müller-Lüdenscheid,New York,zoe@example.com,,1000000\n"
    )
    found = scan(path)
    assert found.rows == 2
    assert found.personal_data == {
        "who": {"name": 2}, "mail": {"e-mail": 2}, "note": {"phone": 1},
    }  # fmt: skip
