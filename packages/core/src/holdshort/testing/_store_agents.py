"""The store's contract, sixth part: what agents asked for, and what of it can still be stopped."""

from __future__ import annotations

import threading

from holdshort.clock import FakeClock
from holdshort.lifecycle import Cancel, Consume, Pause, Unpause
from holdshort.limits import Usage
from holdshort.models import Principal
from holdshort.store.base import Changes, Entry, Store
from holdshort.testing._store_samples import (
    AGENT,
    TENANT,
    agent,
    decided,
    filed,
    ref,
    the,
    then,
    write,
)

_SERVICE = Principal(kind="service", id="admin", tenant=TENANT)
_TODAY = (TENANT, AGENT, 20_000)


class AgentContract:
    """Usage, documents that are changed under a lock, and the intents of one agent."""

    def test_usage_is_read_and_written_by_day(self, store: Store) -> None:
        other = (TENANT, "agent://acme/production/other", 20_000)
        tomorrow = (TENANT, AGENT, 20_001)
        used = Usage().plus(3, intents=2, micros=5_000_000)
        with store.transaction() as tx:
            assert tx.usage([_TODAY, other]) == {_TODAY: Usage(), other: Usage()}
            tx.write(Changes(usage={_TODAY: used}))
        with store.transaction() as tx:
            assert tx.usage([tomorrow, _TODAY]) == {_TODAY: used, tomorrow: Usage()}
            tx.write(Changes(usage={_TODAY: used.plus(4, intents=1)}))
            assert tx.usage([]) == {}
        assert store.usages(TENANT, 20_000)[AGENT].total.intents == 3
        assert store.usages("other", 20_000) == {}
        assert store.usages(TENANT, 20_002) == {}

    def test_usage_is_locked_until_the_end(self, store: Store, other: Store) -> None:
        """Two processes that count for one agent never lose what the other one added."""

        def count(where: Store) -> None:
            for _ in range(20):
                with where.transaction() as tx:
                    used = tx.usage([_TODAY])[_TODAY]
                    tx.write(Changes(usage={_TODAY: used.plus(0, intents=1)}))

        threads = [threading.Thread(target=count, args=(one,)) for one in (store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.usages(TENANT, 20_000)[AGENT].total.intents == 40

    def test_a_document_is_locked_while_it_is_changed(self, store: Store, other: Store) -> None:
        def count(where: Store) -> None:
            for _ in range(20):
                with where.transaction() as tx:
                    doc = tx.lock_entry(TENANT, "agent", AGENT)
                    doc["n"] = doc.get("n", 0) + 1
                    tx.put_entry(TENANT, Entry(kind="agent", name=AGENT, doc=doc))

        threads = [threading.Thread(target=count, args=(one,)) for one in (store, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with store.transaction() as tx:
            assert tx.lock_entry(TENANT, "agent", AGENT) == {"n": 40}
            assert tx.lock_entry("other", "agent", AGENT) == {}

    def test_an_agents_open_intents_and_permits_are_found(
        self, store: Store, clock: FakeClock
    ) -> None:
        now = clock.now()
        names = ["waiting", "permitted", "withdrawn", "started", "rejected"]
        filings = [filed(now, key=name) for name in names]
        asked = [the(one) for one in filings]
        write(store, *filings)
        write(store, filed(now, key="x", by="agent://acme/x/other"))
        waiting, permitted, withdrawn, started, rejected = asked
        write(store, decided(permitted, now))
        write(store, then(withdrawn, Cancel(agent()), now))
        yes = decided(started, now)
        write(store, yes)
        going = yes.updated[ref(started)][1]
        write(store, then(going, Consume(agent(), going.digest, "a"), now))
        write(store, decided(rejected, now, "rejected"))

        def found(at: int, *spellings: str) -> set[str]:
            with store.transaction() as tx:
                return {one for _, one in tx.of_agent(TENANT, spellings or (AGENT,), at)}

        assert found(now) == {waiting.id, permitted.id}
        assert found(now, AGENT.removeprefix("agent://"), AGENT) == found(now)
        assert found(now, "agent://acme/x/nobody") == set()
        assert found(now + 366 * 86_400_000) == {waiting.id}, "its permit has run out"
        with store.transaction() as tx:
            assert tx.of_agent("other", (AGENT,), now) == []

    def test_what_was_stopped_is_found_to_be_let_go_on(
        self, store: Store, clock: FakeClock
    ) -> None:
        now = clock.now()
        filing = filed(now)
        write(store, filing)
        stopped = then(the(filing), Pause(_SERVICE), now)
        write(store, stopped)
        with store.transaction() as tx:
            ((_, found),) = tx.of_agent(TENANT, (AGENT,), now)
            assert tx.due(now + 10**12, 10) == [], "no time passes for it"
        paused = stopped.updated[(TENANT, found)][1]
        write(store, then(paused, Unpause(_SERVICE), now + 1000))
        with store.transaction() as tx:
            assert len(tx.due(now + 10**12, 10)) == 1

    def test_what_was_answered_to_the_same_is_found(self, store: Store, clock: FakeClock) -> None:
        now = clock.now()
        filings = [filed(now, key=name) for name in ("no", "yes", "open", "withdrawn")]
        no, yes, _, withdrawn = (the(one) for one in filings)
        other = filed(now, key="other", payload={"another": 1})
        write(store, *filings, other)
        write(store, decided(no, now, "rejected"), decided(yes, now), decided(the(other), now))
        write(store, then(withdrawn, Cancel(agent()), now))
        same = [no.digest, "0" * 64]
        assert {one.id for one in store.answered(TENANT, AGENT, same)} == {no.id, yes.id}
        newest = max(no.id, yes.id)
        assert [one.id for one in store.answered(TENANT, AGENT, same, limit=1)] == [newest]
        assert store.answered(TENANT, AGENT, []) == []
        assert store.answered(TENANT, "agent://acme/x/other", same) == []
        assert store.answered("other", AGENT, same) == []
