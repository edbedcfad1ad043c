"""A process that forks with a client open: both go on, and nothing of either is lost.

In processes of their own: pytest has threads that a fork would leave behind.
"""

from __future__ import annotations

import subprocess
import sys

from .live import AGENT, ANA

BEGIN = """
import os, sys, threading, warnings
from holdshort import Client, Reviewer
warnings.simplefilter("ignore")
database, agent, person = sys.argv[1:]
client = Client(database, agent=agent)

def ask():
    return client.send_intent("intent.x.v1", to=person)

def child(code):
    pid = os.fork()
    if pid == 0:
        code()
        os._exit(0)
    return pid

def ended(pid):
    _, status = os.waitpid(pid, 0)
    assert status == 0, status
"""


def run(code: str, database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code, database, AGENT, ANA],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "both\n", done.stderr


def test_the_child_decides_and_the_parent_goes_on(database: str) -> None:
    run(
        """
before = ask()

def decide():
    ask()
    Reviewer(database, person=person).approve(before)
    assert client.wait_for(before, timeout=20).approved

pid = child(decide)
assert client.wait_for(before, timeout=20).approved
ended(pid)
assert len(client.list_intents()) == 2
print("both")
""",
        database,
    )


def test_what_the_child_files_outlives_the_parents_client(database: str) -> None:
    """SQLite's log was deleted under the child that way."""
    run(
        """
client.list_intents()
to_child, from_child = os.pipe(), os.pipe()

def file():
    ask()
    os.write(from_child[1], b"x")
    os.read(to_child[0], 1)
    ask()

pid = child(file)
os.read(from_child[0], 1)
client.close()
os.write(to_child[1], b"x")
ended(pid)
with Client(database, agent=agent) as later:
    assert len(later.list_intents()) == 2
print("both")
""",
        database,
    )


def test_who_waits_does_not_notice(database: str) -> None:
    run(
        """
asked = ask()
found = []
waiting = threading.Thread(target=lambda: found.append(client.wait_for(asked, timeout=20)))
waiting.start()
for _ in range(3):
    ended(child(lambda: ask()))
assert not found
with Reviewer(database, person=person) as reviewer:
    reviewer.approve(asked)
waiting.join()
assert found[0].approved
assert len(client.list_intents()) == 4
print("both")
""",
        database,
    )


def test_time_goes_on_in_a_parent_that_asks_nothing_more(database: str) -> None:
    run(
        """
asked = client.send_intent("intent.x.v1", to=person, deadline=1.0)
pid = child(lambda: None)
ended(pid)
store = sys.modules["holdshort.store.sqlite"].SqliteStore(database.removeprefix("sqlite:///"))
ends = threading.Event()
for _ in range(1000):
    if store.intent("default", asked).status == "TIMED_OUT":
        break
    ends.wait(0.02)
else:
    raise SystemExit("nobody fired the timer")
print("both")
""",
        database,
    )
