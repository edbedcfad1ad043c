"""What only PostgreSQL has: replicas, connections that break, a clock and a schema of its own."""

from __future__ import annotations

import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from holdshort.clock import FakeClock
from holdshort.errors import ConfigurationError
from holdshort.lifecycle import Comment
from holdshort.store.base import Changes, Down, Ref, Refused, Stale, Store, Tx
from holdshort.store.postgres import PostgresStore
from holdshort.store.postgres_link import DatabaseClock, connect, conninfo
from holdshort.store.postgres_tx import PostgresTx
from holdshort.store.postgres_watch import payloads
from holdshort.store.queries import migrations
from holdshort.testing._store_samples import (
    AGENT,
    TENANT,
    TYPE,
    agent,
    decided,
    delivery,
    filed,
    ref,
    the,
    then,
    write,
)

PATIENCE = 20.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(pg_url: str, clock: FakeClock) -> Iterator[PostgresStore]:
    store = PostgresStore(pg_url, clock=clock)
    store.migrate()
    yield store
    store.close()


@pytest.fixture
def other(store: PostgresStore, pg_url: str, clock: FakeClock) -> Iterator[PostgresStore]:
    other = PostgresStore(pg_url, clock=clock)
    yield other
    other.close()


def cut_all_connections(url: str) -> None:
    """Do what a restart of the server does to its clients."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_what_one_replica_holds_the_others_leave_alone(
    store: Store, other: Store, clock: FakeClock
) -> None:
    done = filed(clock.now(), resume="worker")
    pending = filed(clock.now())
    write(store, done, decided(the(done), clock.now()), pending)
    write(store, Changes(deliveries=[delivery(clock.now())]))
    late = clock.now() + 10**12
    with store.transaction() as mine, other.transaction() as theirs:
        assert mine.due(late, 10) == [ref(the(pending))]
        assert theirs.due(late, 10) == []
        assert mine.leasable(TENANT, AGENT, [TYPE], late, 10) == [ref(the(done))]
        assert theirs.leasable(TENANT, AGENT, [TYPE], late, 10) == []
        assert len(mine.claim_deliveries(late, late, 10)) == 1
        assert theirs.claim_deliveries(late, late, 10) == []


def test_a_loaded_row_is_waited_for_and_then_seen_as_it_became(
    store: Store, other: Store, clock: FakeClock
) -> None:
    changes = filed(clock.now())
    write(store, changes)
    where = ref(the(changes))

    def read_elsewhere() -> int:
        with other.transaction() as tx:
            return tx.load([where])[where].version

    with ThreadPoolExecutor(1) as pool:
        with store.transaction() as tx:
            before = tx.load([where])[where]
            elsewhere = pool.submit(read_elsewhere)
            tx.write(then(before, Comment(agent(), "first"), clock.now()))
        assert elsewhere.result(PATIENCE) == before.version + 1


def test_a_key_that_another_replica_took_meanwhile_is_stale(
    store: Store, other: Store, clock: FakeClock
) -> None:
    ours, theirs = filed(clock.now(), key="same"), filed(clock.now(), key="same")

    def file_at_the_same_time() -> None:
        with store.transaction() as tx:
            assert tx.load_by_key([(TENANT, AGENT, "same")]) == {}
            write(other, theirs)
            tx.write(ours)

    with pytest.raises(Stale):
        file_at_the_same_time()
    with store.transaction() as tx:
        assert list(tx.load_by_key([(TENANT, AGENT, "same")]).values()) == [the(theirs)]


def test_of_two_in_a_deadlock_one_is_told_to_try_again(
    store: Store, other: Store, clock: FakeClock
) -> None:
    one, two = filed(clock.now()), filed(clock.now())
    write(store, one, two)
    both_hold_one = threading.Barrier(2)

    def load(by: Store, first: Changes, second: Changes) -> str:
        try:
            with by.transaction() as tx:
                tx.load([ref(the(first))])
                both_hold_one.wait(PATIENCE)
                tx.load([ref(the(second))])
        except Down as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(load, [store, other], [one, two], [two, one]))
    assert sorted("deadlock" in answer for answer in answers) == [False, True]
    write(store, decided(the(one), clock.now()))


def test_a_broken_writer_is_replaced(store: PostgresStore, pg_url: str, clock: FakeClock) -> None:
    changes = filed(clock.now())

    def lose_the_connection() -> None:
        with store.transaction() as tx:
            tx.write(changes)
            assert len(tx.load([ref(the(changes))])) == 1
            cut_all_connections(pg_url)

    with pytest.raises(Down):
        lose_the_connection()
    assert store.intent(TENANT, the(changes).id) is None
    write(store, changes)
    assert store.intent(TENANT, the(changes).id) == the(changes)


def test_reads_do_not_notice_a_restart(store: PostgresStore, pg_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.counts(), range(64)))
    cut_all_connections(pg_url)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: store.counts(), range(64))) == [{}] * 64


def test_hearing_of_changes_survives_a_restart(
    store: PostgresStore, other: PostgresStore, pg_url: str, clock: FakeClock
) -> None:
    heard: queue.SimpleQueue[Sequence[Ref] | None] = queue.SimpleQueue()
    end = other.watch(heard.put)
    cut_all_connections(pg_url)
    # What was said in between is lost, so it could be any.
    assert heard.get(timeout=PATIENCE) is None
    store_again = PostgresStore(pg_url, clock=clock)
    changes = filed(clock.now())
    write(store_again, changes)
    assert heard.get(timeout=PATIENCE) == [ref(the(changes))]
    end()
    store_again.close()


def test_ones_own_commits_are_no_news(store: Store, other: Store, clock: FakeClock) -> None:
    heard: queue.SimpleQueue[Sequence[Ref] | None] = queue.SimpleQueue()
    end = other.watch(heard.put)
    mine, theirs = filed(clock.now()), filed(clock.now())
    write(other, mine)
    write(store, theirs)
    assert heard.get(timeout=PATIENCE) == [ref(the(theirs))]
    end()
    assert heard.empty()


def test_notifications_stay_below_what_postgres_takes() -> None:
    refs = [("acme", f"{number:036}") for number in range(1000)]
    texts = payloads(refs)
    assert all(len(text.encode()) < 8000 for text in texts)
    assert len(texts) < 10
    assert "".join(texts).count('"acme"') == 1000
    assert payloads([]) == []


def test_a_read_only_database_is_down(store: PostgresStore, pg_url: str, clock: FakeClock) -> None:
    with psycopg.connect(pg_url, autocommit=True) as connection:
        (name,) = connection.execute("SELECT current_database()").fetchone() or ("",)
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    cut_all_connections(pg_url)
    changes = filed(clock.now())
    for _ in range(2):  # the first only finds that its connection is gone
        with pytest.raises(Down) as caught:
            write(store, changes)
    assert "read-only" in str(caught.value)
    assert store.intent(TENANT, the(changes).id) is None


def test_no_server_is_down() -> None:
    store = PostgresStore("postgresql://nobody@127.0.0.1:1/nothing")
    with pytest.raises(Down):
        store.migrate()
    with pytest.raises(Down), store.transaction() as tx:
        tx.now()
    store.close()


def test_a_text_that_postgres_cannot_hold_is_refused(store: Store, clock: FakeClock) -> None:
    with pytest.raises(Refused, match="0x00"):
        write(store, filed(clock.now(), key="key \0"))
    assert store.counts() == {}


def test_a_text_too_long_for_an_index_is_refused(store: Store, clock: FakeClock) -> None:
    key = "".join(chr(0x4E00 + i * 7 % 20000) for i in range(9000))
    with pytest.raises(Refused):
        write(store, filed(clock.now(), key=key))


def test_a_failure_that_was_caught_inside_still_commits_nothing(
    store: Store, clock: FakeClock
) -> None:
    changes = filed(clock.now())
    intent_id = the(changes).id

    def go_on_after_a_failure(tx: Tx) -> None:
        tx.write(changes)
        tx.write(Changes(events=changes.events))
        with pytest.raises(Refused):
            tx.load([ref(the(changes))])

    with pytest.raises(Refused), store.transaction() as tx:
        go_on_after_a_failure(tx)
    assert store.intent(TENANT, intent_id) is None


def test_time_is_the_databases(pg_url: str) -> None:
    store = PostgresStore(pg_url)
    store.migrate()
    with psycopg.connect(pg_url) as connection:
        read = "SELECT extract(EPOCH FROM clock_timestamp()) * 1000"
        ((before,),) = connection.execute(read)
        with store.transaction() as tx:
            now = tx.now()
        ((after,),) = connection.execute(read)
    assert int(before) <= now <= after
    assert isinstance(store.clock, DatabaseClock)
    assert 0 <= store.clock.now() - now < 5000
    store.close()


def test_it_shares_a_database_with_others(pg_url: str) -> None:
    with psycopg.connect(pg_url, autocommit=True) as connection:
        for table in ("migrations", "events", "intents"):
            connection.execute(f"CREATE TABLE {table} (theirs TEXT)")
        store = PostgresStore(pg_url)
        assert store.migrate() == [name for name, _ in migrations("postgres")]
        assert store.integrity() == []
        assert connection.execute("SELECT theirs FROM events").fetchall() == []
        store.close()


def test_integrity_names_what_is_wrong(pg_url: str) -> None:
    store = PostgresStore(pg_url)
    assert store.integrity() == ["this database has no Holdshort schema: it was never migrated"]
    store.migrate()
    with psycopg.connect(pg_url, autocommit=True) as connection:
        connection.execute("DROP TABLE holdshort.entries")
        connection.execute(
            "UPDATE holdshort.migrations SET name = '9999_later' WHERE name = '0001_initial'"
        )
    assert store.integrity() == [
        "the table entries is missing",
        "migration 0001_initial is not applied",
        "migration 9999_later is from a newer Holdshort",
    ]
    store.close()


def test_a_wrong_url_is_named_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="postgresql://") as caught:
        PostgresStore("postgresql://ana:s3cret@[::1/x")
    assert "s3cret" not in str(caught.value)


def test_without_psycopg_the_error_names_the_extra() -> None:
    script = """
import sys
import tempfile
sys.modules["psycopg"] = None
from holdshort.errors import ConfigurationError
try:
    import holdshort.store.postgres
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert 'pip install "holdshort[postgres]"' in done.stdout


def test_a_batch_is_two_round_trips(store: Store, pg_url: str, clock: FakeClock) -> None:
    before, new = filed(clock.now()), filed(clock.now())
    write(store, before)
    batch = decided(the(before), clock.now())
    batch.created, batch.events = new.created, batch.events + new.events
    heard: list[int] = []
    connection = connect(conninfo(pg_url))
    with tempfile.TemporaryFile("w+") as trace:
        connection.pgconn.trace(trace.fileno())
        tx = PostgresTx(connection, None, heard.append)
        assert len(tx.load([ref(the(before))])) == 1
        assert [tx.now()] == heard
        tx.write(batch)
        tx.commit()
        connection.pgconn.untrace()
        trace.seek(0)
        assert trace.read().count("\tSync") == 2
    connection.close()
    assert store.intent(TENANT, the(new).id) == the(new)
