"""`Worker`: suspended work goes on in whatever process is alive; the action happens once."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdshort import (
    AsyncClient,
    Client,
    GrantRefused,
    Job,
    LeaseLost,
    NotFound,
    Reviewer,
    Worker,
)
from holdshort.client import flows

from .live import AGENT, ANA, Fault, Keys, Later, Line, Server, until

TYPE = "intent.export.v1"
WORK = Path(__file__).with_name("work.py")


@pytest.fixture
def ask(client: Client, ana: Reviewer) -> Callable[..., str]:
    """Ask, and have it answered."""

    def ask(*, yes: bool = True, **fields: Any) -> str:
        said = {"payload": {"rows": 9}, "to": ANA, "resume": "worker"} | fields
        asked = client.send_intent(TYPE, **said)
        if yes:
            ana.approve(asked, comment="go")
        else:
            ana.reject(asked, comment="no")
        return asked

    return ask


class TestJobs:
    def test_carry_all_that_a_handler_needs(self, client: Client, ask: Callable[..., str]) -> None:
        asked = ask()
        worker, seen = Worker(client), []

        @worker.on(TYPE)
        def resume(job: Job) -> None:
            seen.append(job)
            assert job.run_blocking(lambda rows: rows * 2) == 18

        assert worker.run(once=True) == 1
        (job,) = seen
        assert (job.intent_id, job.intent_type, job.attempt_id, job.delivery) == (
            asked, TYPE, asked, 1,
        )  # fmt: skip
        assert job.payload == {"rows": 9}
        assert (job.decision.approved, job.decision.comment) == (True, "go")
        assert client.get_intent(asked)["grant"]["state"] == "done"
        assert worker.run(once=True) == 0, "finished work does not come again"

    def test_of_either_colour(self, database: str, ask: Callable[..., str]) -> None:
        asked = [ask() for _ in range(6)]
        done = []

        async def main() -> int:
            async with AsyncClient(database, agent=AGENT) as client:
                worker = Worker(client, concurrency=3)

                @worker.on(TYPE)
                async def resume(job: Job) -> None:
                    async def act(rows: int) -> int:
                        await asyncio.sleep(0)
                        return rows

                    done.append((job.intent_id, await job.run(act)))

                return await worker.serve(once=True)

        assert asyncio.run(main()) == 6
        assert sorted(done) == sorted((one, 9) for one in asked)

    def test_run_what_was_edited(self, client: Client, ana: Reviewer) -> None:
        asked = client.send_intent(TYPE, payload={"rows": 9}, to=ANA, resume="worker")
        ana.approve(asked, arguments={"rows": 2})
        worker, ran = Worker(client), []
        worker.on(TYPE)(lambda job: job.run_blocking(lambda **given: ran.append(given)))
        assert worker.run(once=True) == 1
        assert ran == [{"rows": 2}]

    def test_a_no_is_an_answer_too_and_runs_nothing(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        ask(yes=False)
        worker, seen = Worker(client), []

        @worker.on(TYPE)
        def resume(job: Job) -> None:
            seen.append(job.decision.outcome)
            with pytest.raises(GrantRefused, match="not approved"):
                job.run_blocking(seen.append)

        assert worker.run(once=True) == 1
        assert seen == ["rejected"]

    def test_what_nobody_has_a_handler_for_is_left(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        ask()
        worker = Worker(client)
        worker.on("intent.other.v1")(print)
        assert worker.run(once=True) == 0
        with pytest.raises(ValueError, match="nothing to do"):
            Worker(client).run(once=True)

    def test_whose_result_cannot_be_recorded(self, client: Client, ask: Callable[..., str]) -> None:
        asked = ask()
        worker, results = Worker(client), []
        worker.on(TYPE)(lambda job: results.append(job.run_blocking(lambda rows: "x" * 2_000_000)))
        assert worker.run(once=True) == 1
        assert len(results[0]) == 2_000_000
        assert client.get_intent(asked)["grant"]["state"] == "done"


class TestDelivery:
    def test_what_failed_comes_again(
        self, client: Client, ask: Callable[..., str], caplog: pytest.LogCaptureFixture
    ) -> None:
        asked = ask()
        worker, deliveries = Worker(client, retry_after=0.05), []

        @worker.on(TYPE)
        def resume(job: Job) -> None:
            deliveries.append((job.delivery, job.attempt_id))
            if len(deliveries) < 3:
                raise RuntimeError("not yet")
            worker.stop()

        assert worker.run() == 1
        assert deliveries == [(1, asked), (2, asked), (3, asked)]
        assert "not yet" in caplog.text

    def test_an_action_that_was_done_is_not_done_again(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        """The handler fails behind it; the next delivery gets the recorded result."""
        ask()
        worker, ran, results = Worker(client, retry_after=0.05), [], []

        def act(rows: int) -> int:
            ran.append(rows)
            return rows * 2

        @worker.on(TYPE)
        def resume(job: Job) -> None:
            results.append(job.run_blocking(act))
            if len(results) == 1:
                raise RuntimeError("behind it")
            worker.stop()

        assert worker.run() == 1
        assert (ran, results) == ([9], [18, 18])

    def test_two_workers_never_have_the_same_at_once(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        asked = [ask() for _ in range(20)]
        lock, running, overlaps, seen = threading.Lock(), set(), [], []

        def resume(job: Job) -> None:
            with lock:
                if job.intent_id in running:
                    overlaps.append(job.intent_id)
                running.add(job.intent_id)
                seen.append(job.intent_id)
            job.run_blocking(lambda rows: rows)
            with lock:
                running.discard(job.intent_id)

        workers = [Worker(client, concurrency=5) for _ in range(3)]
        for worker in workers:
            worker.on(TYPE)(resume)
        done = [Later(lambda worker=worker: worker.run(once=True)) for worker in workers]
        assert sum(one.result() for one in done) == 20  # type: ignore[misc]
        assert overlaps == []
        assert sorted(seen) == sorted(asked)

    def test_a_lease_is_kept_while_the_handler_runs(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        asked = ask()
        worker, deliveries = Worker(client, lease_seconds=1.0), []

        @worker.on(TYPE)
        def resume(job: Job) -> None:
            deliveries.append(job.delivery)
            first = client.get_intent(asked)["lease"]["until"]
            until(lambda: client.get_intent(asked)["lease"]["until"] > first + 1000)
            other = client.lease("another", [TYPE])
            assert other == []

        assert worker.run(once=True) == 1
        assert deliveries == [1]

    def test_a_worker_that_was_late_is_fenced_out(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        """field.md 4.3, fault 10."""
        asked = ask()
        (first,) = client.lease("slow", [TYPE], lease_seconds=1.0)
        until(lambda: client.lease("quick", [TYPE], lease_seconds=60.0))
        for action in ("renew", "finish", "return"):
            with pytest.raises(LeaseLost):
                client.change_lease(asked, action, worker="slow", epoch=first["epoch"])
        client.change_lease(asked, "finish", worker="quick", epoch=first["epoch"] + 1)

    def test_a_server_that_is_away_does_not_end_the_worker(
        self, server: Server, keys: Keys, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Neither while it looks for work, nor when it has some to give back."""
        monkeypatch.setattr(flows.call, "__kwdefaults__", {"retry_for": 0.1})
        away: list[Fault] = [(503, {"Retry-After": "0.05"})] * 4
        with (
            Line(server.url, [*away, *away]) as line,
            Client(server.url, api_key=keys.agent) as near,
            Client(line.url, api_key=keys.agent) as client,
            Reviewer(server.url, api_key=keys.ana) as ana,
        ):
            asked = near.send_intent(TYPE, to=ANA, resume="worker")
            ana.approve(asked)
            worker, deliveries = Worker(client, lease_seconds=1.0), []

            @worker.on(TYPE)
            def resume(job: Job) -> None:
                deliveries.append(job.delivery)
                if len(deliveries) == 1:
                    line.faults.extend([*away, *away])
                else:
                    worker.stop()

            assert Later(worker.run).result() == 1
            assert deliveries == [1, 2]


class TestContinuations:
    def test_come_back_as_they_were(self, client: Client, ask: Callable[..., str]) -> None:
        state = {"thread": "t-1", "checkpoint": ["é", None, 1.5, {"deep": [[]]}]}
        asked = ask(continuation=state, resume="wait")
        worker, found = Worker(client), []
        worker.on(TYPE)(lambda job: found.append(client.continuation(job.intent_id)))
        assert worker.run(once=True) == 1, "a continuation is there to be resumed"
        assert found == [state]
        assert client.continuation(asked) == state

    def test_are_their_agents_alone(self, database: str, ask: Callable[..., str]) -> None:
        asked = ask(continuation={"secret": 1})
        with Client(database, agent="agent://acme/x/other") as other, pytest.raises(NotFound):
            other.continuation(asked)

    def test_are_not_there_where_none_was_left(
        self, client: Client, ask: Callable[..., str]
    ) -> None:
        with pytest.raises(NotFound):
            client.continuation(ask())


class Process:
    """A worker that can be killed."""

    def __init__(self, database: str, folder: Path, where: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(WORK), database, AGENT, str(folder), where]
        )

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().split() if path.exists() else []

    def effects(self) -> list[str]:
        path = self.folder / "effects"
        return path.read_text().split() if path.exists() else []

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


class TestProcesses:
    @pytest.fixture
    def start(self, database: str, tmp_path: Path) -> Iterator[Callable[[str], Process]]:
        started = []

        def start(where: str) -> Process:
            started.append(Process(database, tmp_path, where))
            return started[-1]

        yield start
        for one in started:
            one.process.kill()
            one.process.wait()

    def test_killed_before_the_action(
        self, start: Callable[[str], Process], ask: Callable[..., str], client: Client
    ) -> None:
        asked = ask()
        first = start("before")
        until(lambda: "before" in first.log())
        first.end(signal.SIGKILL)
        second = start("nowhere")
        until(lambda: "after" in second.log())
        assert second.effects() == ["9"]
        until(lambda: client.get_intent(asked)["lease"] is None)
        grant = client.get_intent(asked)["grant"]
        assert (grant["state"], grant["attempt_id"]) == ("done", f"{asked}#2")

    def test_killed_inside_the_action(
        self,
        start: Callable[[str], Process],
        ask: Callable[..., str],
        client: Client,
        ana: Reviewer,
    ) -> None:
        """Nobody knows whether it took effect: a person is asked, and nothing runs till then."""
        asked = ask()
        first = start("inside")
        until(lambda: "inside" in first.log())
        first.end(signal.SIGKILL)
        second = start("nowhere")
        until(ana.tasks)
        (question,) = ana.tasks()
        assert question["title"].startswith("Did this happen?")
        assert second.effects() == []
        assert client.get_intent(asked)["grant"]["state"] == "unknown"
        ana.reject(question["intent_id"], comment="I looked: nothing there")
        until(lambda: "after" in second.log())
        assert second.effects() == ["9"]
        until(lambda: client.get_intent(asked)["grant"]["state"] == "done")

    def test_killed_inside_an_action_that_may_be_repeated(
        self, start: Callable[[str], Process], ask: Callable[..., str], ana: Reviewer
    ) -> None:
        ask(idempotent=True)
        first = start("inside")
        until(lambda: "inside" in first.log())
        first.end(signal.SIGKILL)
        second = start("nowhere")
        until(lambda: "after" in second.log())
        assert second.effects() == ["9"]
        assert ana.tasks() == []

    def test_killed_after_the_action(
        self, start: Callable[[str], Process], ask: Callable[..., str], client: Client
    ) -> None:
        asked = ask()
        first = start("after")
        until(lambda: "after" in first.log())
        first.end(signal.SIGKILL)
        second = start("nowhere")
        until(lambda: second.log().count("after") == 2)
        assert second.effects() == ["9"], "the handler ran twice, the action once"
        until(lambda: client.get_intent(asked)["lease"] is None)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_asked_to_end(
        self,
        start: Callable[[str], Process],
        ask: Callable[..., str],
        client: Client,
        tmp_path: Path,
        number: signal.Signals,
    ) -> None:
        """What is under way is finished, and nothing more is taken."""
        asked = ask()
        one = start("inside")
        until(lambda: "inside" in one.log())
        one.process.send_signal(number)
        later = ask()
        (tmp_path / "go on").touch()
        assert one.process.wait(20) == 0
        assert (tmp_path / "finished 1").exists()
        assert one.effects() == ["9"]
        assert client.get_intent(asked)["grant"]["state"] == "done"
        assert client.get_intent(later)["grant"]["state"] == "open"
