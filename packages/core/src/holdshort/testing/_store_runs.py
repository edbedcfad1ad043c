"""The store's contract, fourth part: runs, who may take them, and their states."""

from __future__ import annotations

from typing import Any

import pytest

from holdshort.clock import FakeClock
from holdshort.models import Run
from holdshort.store.base import Changes, Refused, Stale, Store
from holdshort.testing._store_samples import AGENT, TENANT, filed, the, write

APP = "refunds"


def run(now: int, **values: Any) -> Run:
    """Return a run that a worker may take now."""
    fields = {"tenant": TENANT, "agent": AGENT, "id": "r", "app": APP, "status": "suspended"}
    times = {"lease_at": now, "created_at": now, "updated_at": now}
    return Run.model_validate({**fields, **times, **values})


def made(*runs: Run, state: bytes | None = None) -> Changes:
    """Return what is written when these runs are begun."""
    states = {one.ref: state for one in runs if state is not None}
    return Changes(runs={one.ref: (None, one) for one in runs}, run_states=states)


def moved(before: Run, state: bytes | None = None, **values: Any) -> Changes:
    """Return what is written when a run that was read is changed."""
    after = before.but(version=before.version + 1, **values)
    states = {} if state is None else {before.ref: state}
    return Changes(runs={before.ref: (before.version, after)}, run_states=states)


class RunContract:
    """Runs, who may take them, and their states."""

    def test_a_run_is_read_back(self, store: Store, clock: FakeClock) -> None:
        one = run(clock.now(), waits=("a", "b"), result={"n": [1, None]}, error="\U0001f6e9")
        write(store, made(one, state=bytes(range(256))))
        assert store.run(*one.ref) == one
        assert store.run_state(*one.ref) == bytes(range(256))
        with store.transaction() as tx:
            assert tx.load_runs([one.ref, (TENANT, AGENT, "unknown")]) == {one.ref: one}

    def test_what_is_not_there_is_none(self, store: Store) -> None:
        assert store.run(TENANT, AGENT, "r") is None
        assert store.run_state(TENANT, AGENT, "r") is None
        assert store.runs(TENANT) == []
        with store.transaction() as tx:
            assert tx.load_runs([]) == {}
            assert tx.load_runs([(TENANT, AGENT, "nul \0 in it")]) == {}

    def test_a_run_has_one_state(self, store: Store, clock: FakeClock) -> None:
        one = run(clock.now())
        write(store, made(one, state=b"1"), moved(one, state=b"2"))
        assert store.run_state(*one.ref) == b"2"
        found = store.run(*one.ref)
        assert found is not None
        write(store, moved(found, status="done"))
        assert store.run_state(*one.ref) == b"2", "what is not said stays"

    def test_a_run_that_moved_is_stale(self, store: Store, clock: FakeClock) -> None:
        one = run(clock.now())
        write(store, made(one), moved(one, status="running"))
        with pytest.raises(Stale):
            write(store, moved(one, state=b"lost", status="done"))
        found = store.run(*one.ref)
        assert found is not None
        assert found.status == "running"
        assert store.run_state(*one.ref) is None

    def test_a_run_begins_once(self, store: Store, clock: FakeClock) -> None:
        write(store, made(run(clock.now())))
        with pytest.raises((Stale, Refused)):
            write(store, made(run(clock.now(), app="other")))
        (found,) = store.runs(TENANT)
        assert found.app == APP

    def test_it_is_written_with_the_rest_or_not_at_all(
        self, store: Store, clock: FakeClock
    ) -> None:
        changes = filed(clock.now())
        write(store, changes)
        both = filed(clock.now(), key="other", intent_id=the(changes).id)
        both.runs = made(run(clock.now())).runs
        with pytest.raises((Stale, Refused)):
            write(store, both)
        assert store.runs(TENANT) == []

    def test_workers_get_runs_of_their_apps(self, store: Store, clock: FakeClock) -> None:
        now = clock.now()
        write(
            store,
            made(
                run(now - 1, id="late"),
                run(now - 2, id="early"),
                run(now, id="other app", app="exports"),
                run(now, id="other agent", agent="agent://acme/production/x"),
                run(now, id="other tenant", tenant="globex"),
                run(now + 1, id="not yet"),
                run(now, id="nothing to do", lease_at=None),
            ),
        )

        def ids(apps: list[str], at: int, limit: int = 10) -> list[str]:
            with store.transaction() as tx:
                found = tx.leasable_runs(TENANT, AGENT, apps, at, limit)
            assert all(ref[:2] == (TENANT, AGENT) for ref in found)
            return [ref[2] for ref in found]

        assert ids([APP], now) == ["early", "late"]
        assert ids([APP], now, 1) == ["early"]
        assert ids([APP], now + 1) == ["early", "late", "not yet"]
        assert ids([APP, "exports"], now) == ["early", "late", "other app"]
        assert ids([], now) == []

    def test_runs_are_listed_in_pages(self, store: Store, clock: FakeClock) -> None:
        now = clock.now()
        other = "agent://acme/production/x"
        write(
            store,
            made(
                run(now, id="a"),
                run(now, id="b", status="done"),
                run(now, id="c", app="exports"),
                run(now, id="d", agent=other),
                run(now, id="e", tenant="globex"),
            ),
        )

        def ids(**query: Any) -> list[str]:
            return [one.id for one in store.runs(TENANT, **query)]

        assert ids() == ["a", "b", "c", "d"]
        assert ids(agent=AGENT) == ["a", "b", "c"]
        assert ids(app="exports") == ["c"]
        assert ids(status="done") == ["b"]
        assert ids(limit=2) == ["a", "b"]
        assert ids(limit=2, after="b") == ["c", "d"]
