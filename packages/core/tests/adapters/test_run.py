"""A run in a process's hands, and what a worker does with it."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from holdshort import AsyncClient, Client, LeaseLost, Reviewer, Worker
from holdshort.adapters import (
    Run,
    RunBusy,
    aopen_run,
    await_for_all,
    open_run,
    wait_for_all,
)

from .conftest import APP, payment


class App:
    """Finishes a run as soon as everything is decided; remembers what it was given."""

    name = APP

    def __init__(self, resume: Callable[[Run], None] | None = None) -> None:
        self.given: list[tuple[Any, dict[str, str | None]]] = []
        self._then = resume or (lambda run: run.finish("done"))

    def resume(self, run: Run) -> None:
        found = run.decisions(run.waits)
        self.given.append((run.state, {k: v and v.outcome for k, v in found.items()}))
        self._then(run)


def test_suspended_and_resumed(client: Client, ana: Reviewer, begin: Callable[..., Run]) -> None:
    run = begin()
    ids = run.suspend({"at": 1}, [payment({"n": 1}), payment({"n": 2}, "c2")])
    assert run.status == "suspended"
    app = App()
    worker = Worker(client, apps=[app])
    assert worker.run(once=True) == 0
    ana.approve(ids[0])
    ana.reject(ids[1])
    assert worker.run(once=True) == 1
    assert app.given == [({"at": 1}, {ids[0]: "approved", ids[1]: "rejected"})]
    found = client.get_run("r")
    assert found is not None
    assert (found["status"], found["result"]) == ("done", "done")
    assert client.get_run("unknown") is None


def test_busy_while_held(begin: Callable[..., Run]) -> None:
    with begin(), pytest.raises(RunBusy):
        begin()
    begin().finish()


def test_a_block_that_raises_gives_the_run_back(client: Client, begin: Callable[..., Run]) -> None:
    with pytest.raises(ZeroDivisionError), begin() as run:
        raise ZeroDivisionError
    assert run.status == "suspended"
    found = client.get_run("r")
    assert found is not None
    assert found["status"] == "suspended"


def test_saved_while_held(begin: Callable[..., Run]) -> None:
    run = begin()
    run.save({"at": 2})
    run.release(0)
    again = begin()
    assert (again.state, again.epoch) == ({"at": 2}, 2)
    again.fail("broke")
    over = begin()
    assert (over.status, over.held, over.error) == ("failed", False, "broke")
    with pytest.raises(LeaseLost):
        over.save(1)


def test_an_app_that_raises_gets_the_run_again(client: Client, begin: Callable[..., Run]) -> None:
    begin().release(0)
    broken = [True]

    def resume(run: Run) -> None:
        if broken.pop():
            broken.append(False)
            raise ZeroDivisionError
        run.finish()

    app = App(resume)
    assert Worker(client, apps=[app], retry_after=0).run(once=True) == 1
    assert len(app.given) == 2


def test_an_app_that_forgets_to_end_it_gets_it_again(
    client: Client, begin: Callable[..., Run]
) -> None:
    begin().release(0)
    rounds: list[int] = []

    def resume(run: Run) -> None:
        rounds.append(run.epoch)
        if len(rounds) == 2:
            run.finish()

    assert Worker(client, apps=[App(resume)], retry_after=0).run(once=True) == 1
    assert rounds == [2, 3]


def test_a_worker_that_is_given_nothing_says_so(client: Client) -> None:
    with pytest.raises(ValueError, match="nothing to do"):
        Worker(client).run(once=True)
    worker = Worker(client, apps=[App()])
    with pytest.raises(ValueError, match="already"):
        worker.add(App())


def test_waits_in_this_process(client: Client, ana: Reviewer, begin: Callable[..., Run]) -> None:
    (asked,) = begin().suspend(1, [payment({})])
    assert not wait_for_all(client, [asked], timeout=0.01)
    ana.approve(asked)
    assert wait_for_all(client, [asked], timeout=None)


@pytest.mark.anyio
async def test_the_same_on_an_event_loop(database: str, ana: Reviewer) -> None:
    client = AsyncClient(database)
    async with await aopen_run(client, "r", app=APP) as run:
        await run.asave("kept")
        (asked,) = await run.asuspend(None, [payment({})])
    ana.approve(asked)
    assert await await_for_all(client, [asked], timeout=10)
    run = await aopen_run(client, "r", app=APP)
    assert run.state == "kept"
    found = await run.adecisions(run.waits)
    assert found[asked] is not None
    assert found[asked].approved  # type: ignore[union-attr]
    await run.arelease(0)
    run = await aopen_run(client, "r", app=APP)
    await run.afinish({"n": 1})
    with pytest.raises(LeaseLost):
        await run.afail("late")
    await client.close()


@pytest.mark.anyio
async def test_renewed_on_the_callers_loop(database: str) -> None:
    client = AsyncClient(database)
    run = await aopen_run(client, "r", app=APP, lease_seconds=1.0)
    before = after = await client.get_run("r")
    while after["leased_until"] == before["leased_until"]:  # type: ignore[index]
        await asyncio.sleep(0)  # until the keeper has renewed it
        after = await client.get_run("r")
    assert after is not None
    assert after["epoch"] == 1
    await run.afinish()
    await client.close()


HOLD = """
import sys
from holdshort import Client
from holdshort.adapters import open_run
run = open_run(Client(sys.argv[1]), "r", app=sys.argv[2], lease_seconds=1.0)
run.save("from the dead")
print("held", flush=True)
sys.stdin.read()
"""


def test_taken_over_from_the_dead(client: Client, database: str) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, database, APP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    app = App()
    worker = Worker(client, apps=[app])
    assert worker.run(once=True) == 0
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=30)
    while not worker.run(once=True):
        pass  # until the lease of a second has run out
    assert app.given == [("from the dead", {})]


def test_nobody_else_while_the_holder_lives(client: Client) -> None:
    run = open_run(client, "r", app=APP, lease_seconds=1.0)
    ends = run.client.get_run("r")["leased_until"]  # type: ignore[index,call-overload]
    while client.get_run("r")["leased_until"] == ends:  # type: ignore[index]
        pass  # until the keeper has renewed it
    with pytest.raises(RunBusy):
        open_run(client, "r", app=APP)
    run.finish()


def test_a_handle_that_was_dropped_keeps_nothing(client: Client) -> None:
    run = open_run(client, "r", app=APP, lease_seconds=1.0)
    run.save("left behind")
    dropped = weakref.ref(run)
    del run
    gc.collect()
    assert dropped() is None
    app = App()
    worker = Worker(client, apps=[app])
    while not worker.run(once=True):
        pass  # until the lease of a second has run out: nothing renews it
    assert app.given == [("left behind", {})]
