"""The store's contract, first part: intents, their log, and what a transaction is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from holdshort.clock import FakeClock
from holdshort.lifecycle import Comment
from holdshort.store.base import Changes, Down, Refused, Stale, Store
from holdshort.testing._store_samples import (
    AGENT,
    PERSON,
    TENANT,
    TYPE,
    agent,
    decided,
    filed,
    names,
    ref,
    the,
    then,
    write,
)

#: What cannot stand in a URL, or in one of the databases, and is asked for all the same.
UNKNOWN = ["", "nothing", "\0", "a\0b", "\x7f", "\U0001f6e9", "'; DROP TABLE intents; --"]


class IntentContract:
    """Intents, their log, and what a transaction is."""

    def test_what_was_filed_is_read_back(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now(), key="export-q1", continuation=bytes(range(256)))
        write(store, changes)
        intent = the(changes)
        assert store.intent(TENANT, intent.id) == intent
        assert store.by_key(TENANT, AGENT, "export-q1") == intent
        assert store.body(TENANT, intent.id) == '{"payload": {}}'
        assert store.continuation(TENANT, intent.id) == bytes(range(256))
        assert store.events(TENANT, intent.id) == [event for _, _, event in changes.events]

    def test_there_need_not_be_a_continuation(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes)
        assert store.continuation(TENANT, the(changes).id) is None

    def test_text_comes_back_as_it_was(self, store: Store, clock: FakeClock) -> None:
        odd = (
            "\0 \x1b \u202e \u2028 \ue000 \uffff \U0001f6e9 \U0010ffff \\u0000 % %s %(id)s :id ' \""
        )
        body = json.dumps({"ascii": odd}) + json.dumps({"plain": odd}, ensure_ascii=False)
        changes = filed(clock.now(), body=body, title=odd, payload={odd: odd})
        write(store, changes)
        intent = the(changes)
        read = store.intent(TENANT, intent.id)
        assert read == intent
        assert read.title == odd
        assert store.body(TENANT, intent.id) == body
        lines = [event.line for event in store.events(TENANT, intent.id)]
        assert lines == [event.line for _, _, event in changes.events]

    @pytest.mark.parametrize("name", UNKNOWN, ids=ascii)
    def test_what_is_unknown_is_not_there(self, store: Store, clock: FakeClock, name: str) -> None:
        write(store, filed(clock.now()))
        assert store.intent(TENANT, name) is None
        assert store.intent(name, name) is None
        assert store.by_key(TENANT, AGENT, name) is None
        assert store.body(TENANT, name) is None
        assert store.continuation(TENANT, name) is None
        assert store.delivery(TENANT, name) is None
        assert store.principal(name) is None
        assert store.events(TENANT, name) == []
        assert store.intents(TENANT, agent=name) == []
        assert store.intents(TENANT, status=name) == []
        assert store.intents(TENANT, intent_type=name) == []
        assert store.tasks(TENANT, addresses=[name]) == []
        assert store.tasks(TENANT, addresses=[]) == []
        assert store.deliveries(TENANT, intent_id=name) == []
        assert store.entries(name) == []
        assert store.keys(name) == []

    def test_load_returns_what_there_is(self, store: Store, clock: FakeClock) -> None:
        one, two = filed(clock.now()), filed(clock.now(), key="second")
        write(store, one, two)
        a, b = the(one), the(two)
        with store.transaction() as tx:
            found = tx.load([ref(a), ref(b), (TENANT, "nothing"), ("\0", "\0"), ("other", a.id)])
            assert found == {ref(a): a, ref(b): b}
            keys = [(TENANT, AGENT, "second"), (TENANT, AGENT, "no"), (TENANT, "\0", "second")]
            assert tx.load_by_key(keys) == {(TENANT, AGENT, "second"): b}
            assert tx.load([]) == {}
            assert tx.load_by_key([]) == {}
            assert tx.body(TENANT, b.id) == '{"payload": {}}'
            assert tx.body(TENANT, "nothing") is None

    def test_an_update_takes_the_place_of_what_was_read(
        self, store: Store, clock: FakeClock
    ) -> None:
        before = filed(clock.now())
        write(store, before)
        clock.advance(60)
        after = decided(the(before), clock.now())
        write(store, after)
        assert store.intent(TENANT, the(before).id) == the(after)
        assert the(after).decision is not None
        events = [event for changes in (before, after) for _, _, event in changes.events]
        assert store.events(TENANT, the(before).id) == events

    def test_a_row_that_moved_is_stale(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        untouched = filed(clock.now())
        write(store, changes, untouched)
        read = the(changes)
        write(store, decided(read, clock.now()))
        late = decided(read, clock.now(), outcome="rejected")
        late.updated |= then(the(untouched), Comment(agent(), "hm"), clock.now()).updated
        with pytest.raises(Stale):
            write(store, late)
        now = store.intent(TENANT, read.id)
        assert now is not None
        assert now.decision is not None
        assert now.decision.outcome == "approved"
        assert store.intent(TENANT, the(untouched).id) == the(untouched)

    def test_a_row_that_is_gone_is_stale(self, store: Store, clock: FakeClock) -> None:
        with pytest.raises(Stale):
            write(store, decided(the(filed(clock.now())), clock.now()))

    def test_one_key_is_one_intent(self, store: Store, clock: FakeClock) -> None:
        first = filed(clock.now(), key="same")
        write(store, first)
        # Refused, or Stale where another process can have been first: then its intent is found.
        with pytest.raises((Stale, Refused)):
            write(store, filed(clock.now(), key="same"))
        assert store.by_key(TENANT, AGENT, "same") == the(first)
        assert store.intents(TENANT) == [the(first)]
        write(store, filed(clock.now(), key="same", by="agent://acme/production/other"))
        assert len(store.intents(TENANT)) == 2

    def test_one_id_is_one_intent(self, store: Store, clock: FakeClock) -> None:
        first = filed(clock.now(), intent_id="same")
        write(store, first)
        with pytest.raises(Refused):
            write(store, filed(clock.now(), intent_id="same", key="another"))
        assert store.intents(TENANT) == [the(first)]

    def test_a_place_in_the_log_is_taken_once(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes)
        with pytest.raises(Refused):
            write(store, Changes(events=changes.events[:1]))

    def test_the_log_is_read_from_where_one_was(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes)
        intent_id = the(changes).id
        numbers = [event.seq for event in store.events(TENANT, intent_id)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert [e.seq for e in store.events(TENANT, intent_id, since=2)] == numbers[2:]
        assert [e.seq for e in store.events(TENANT, intent_id, since=1, limit=2)] == [2, 3]
        assert store.events(TENANT, intent_id, since=numbers[-1]) == []

    def test_intents_come_newest_first(self, store: Store, clock: FakeClock) -> None:
        expected: list[str] = []
        for number in range(5):
            changes = filed(clock.now(), intent_id=f"id-{number}")
            write(store, changes)
            expected.insert(0, the(changes).id)
        assert names(store.intents(TENANT)) == expected
        first = names(store.intents(TENANT, limit=2))
        rest = names(store.intents(TENANT, before=first[-1]))
        assert first + rest == expected

    def test_ids_are_ordered_by_their_bytes(self, store: Store, clock: FakeClock) -> None:
        ids = ["B", "a", "Z-1", "_", "1", "é"]
        write(store, *(filed(clock.now(), intent_id=id) for id in ids))
        assert names(store.tasks(TENANT)) == sorted(ids, key=str.encode)

    def test_intents_are_filtered(self, store: Store, clock: FakeClock) -> None:
        plain = filed(clock.now(), intent_id="1")
        by_other = filed(clock.now(), intent_id="2", by="agent://acme/production/other")
        of_type = filed(clock.now(), intent_id="3", intent_type="intent.other.v1")
        done = filed(clock.now(), intent_id="4")
        write(store, plain, by_other, of_type, done, decided(the(done), clock.now()))
        assert names(store.intents(TENANT, agent=AGENT)) == ["4", "3", "1"]
        assert names(store.intents(TENANT, intent_type=TYPE)) == ["4", "2", "1"]
        assert names(store.intents(TENANT, status="WAITING")) == ["3", "2", "1"]
        assert names(store.intents(TENANT, status="COMPLETED")) == ["4"]
        assert names(store.intents(TENANT, status="WAITING", before="3", limit=1)) == ["2"]
        both = store.intents(TENANT, status="WAITING", agent=AGENT, intent_type=TYPE)
        assert names(both) == ["1"]

    def test_tasks_are_found_by_address_oldest_first(self, store: Store, clock: FakeClock) -> None:
        write(
            store,
            filed(clock.now(), intent_id="1", to=[PERSON]),
            filed(clock.now(), intent_id="2", to=["team:finance"]),
            filed(clock.now(), intent_id="3", to=[PERSON, "team:finance"]),
            filed(clock.now(), intent_id="4", to=["bob@acme.com"]),
        )
        assert names(store.tasks(TENANT)) == ["1", "2", "3", "4"]
        assert names(store.tasks(TENANT, after="1", limit=2)) == ["2", "3"]
        assert names(store.tasks(TENANT, addresses=[PERSON])) == ["1", "3"]
        mine = [PERSON, "team:finance"]
        assert names(store.tasks(TENANT, addresses=mine)) == ["1", "2", "3"]
        assert names(store.tasks(TENANT, addresses=mine, after="1", limit=1)) == ["2"]

    def test_what_was_decided_is_nobodys_task(self, store: Store, clock: FakeClock) -> None:
        changes, open_one = filed(clock.now()), filed(clock.now())
        write(store, changes, open_one, decided(the(changes), clock.now()))
        assert store.tasks(TENANT) == [the(open_one)]
        assert store.tasks(TENANT, addresses=[PERSON]) == [the(open_one)]

    def test_being_asked_twice_is_being_asked(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes, Changes(assigned=changes.assigned))
        assert store.tasks(TENANT, addresses=[PERSON]) == [the(changes)]

    def test_one_batch_writes_many(self, store: Store, clock: FakeClock) -> None:
        batch = Changes()
        for number in range(300):
            one = filed(clock.now(), intent_id=f"{number:04}", body=f'"{number}"')
            if number % 100 == 0:
                one.created[0] = type(one.created[0])(the(one), '"with"', b"\0" * number)
            batch.created += one.created
            batch.events += one.events
            batch.assigned += one.assigned
        write(store, batch)
        found = store.intents(TENANT, limit=1000)
        assert {i.id: i for i in found} == {new.intent.id: new.intent for new in batch.created}
        assert store.body(TENANT, "0123") == '"123"'
        assert store.continuation(TENANT, "0200") == b"\0" * 200
        more = Changes()
        for intent in found:
            one = decided(intent, clock.now())
            more.updated |= one.updated
            more.events += one.events
            more.unassigned += one.unassigned
        write(store, more)
        assert store.tasks(TENANT, limit=1000) == []
        assert store.counts() == {"intents.COMPLETED": 300}

    def test_an_empty_batch_is_no_error(self, store: Store) -> None:
        write(store, Changes())
        with store.transaction():
            pass

    def test_an_exception_takes_everything_back(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())

        def fail_half_way() -> None:
            with store.transaction() as tx:
                tx.write(changes)
                tx.load([ref(the(changes))])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail_half_way()
        assert store.intent(TENANT, the(changes).id) is None
        assert store.events(TENANT, the(changes).id) == []
        write(store, changes)
        assert store.intent(TENANT, the(changes).id) == the(changes)

    def test_a_transaction_sees_what_it_wrote(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now(), key="mine")
        intent = the(changes)
        with store.transaction() as tx:
            tx.write(changes)
            assert tx.load([ref(intent)]) == {ref(intent): intent}
            assert tx.load_by_key([(TENANT, AGENT, "mine")]) == {(TENANT, AGENT, "mine"): intent}

    def test_others_see_it_once_it_is_committed(
        self, store: Store, other: Store, clock: FakeClock
    ) -> None:
        changes = filed(clock.now())
        intent = the(changes)
        with store.transaction() as tx:
            tx.write(changes)
            tx.load([ref(intent)])
            assert other.intent(TENANT, intent.id) is None
        assert other.intent(TENANT, intent.id) == intent

    def test_no_update_is_lost_between_two_stores(
        self, store: Store, other: Store, clock: FakeClock
    ) -> None:
        changes = filed(clock.now())
        write(store, changes)
        intent = the(changes)

        def comment(by: Store) -> None:
            done = 0
            while done < 20:
                try:
                    with by.transaction() as tx:
                        read = tx.load([ref(intent)])[ref(intent)]
                        tx.write(then(read, Comment(agent(), f"{id(by)} {done}"), tx.now()))
                except (Stale, Down):
                    continue
                done += 1

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(comment, [store, other]))
        now = store.intent(TENANT, intent.id)
        assert now is not None
        assert now.version == intent.version + 40
        assert len(store.events(TENANT, intent.id)) == len(changes.events) + 40

    def test_what_was_asked_with_the_length_of_its_request(
        self, store: Store, clock: FakeClock
    ) -> None:
        bodies = {"1": "{}", "2": '{"payload": {"ä": 1}}', "3": "[]"}
        for name, body in bodies.items():
            write(store, filed(clock.now(), intent_id=name, body=body))
        write(store, filed(clock.now(), intent_id="4", tenant="other"))
        found = store.asked(TENANT)
        assert [(one.id, one.size) for one in found] == [("3", 2), ("2", 21), ("1", 2)]
        assert [one.id for one in store.asked(TENANT, before="3", limit=1)] == ["2"]

    def test_what_figures_need_of_an_answer(self, store: Store, clock: FakeClock) -> None:
        changes = filed(clock.now())
        write(store, changes)
        write(store, decided(the(changes), clock.now() + 5))
        (found,) = store.asked(TENANT)
        intent = store.intent(TENANT, found.id)
        assert intent is not None
        assert (found.agent, found.tool, found.digest) == (AGENT, intent.tool, intent.digest)
        (step,) = found.steps
        assert step.decision is not None
        assert (step.decision.at, step.decision.timed_out) == (clock.now() + 5, False)
        assert [(vote.by, vote.at, vote.positive) for vote in step.votes] == [
            (PERSON, clock.now() + 5, True)
        ]

    def test_events_of_one_type_from_an_intent_on(self, store: Store, clock: FakeClock) -> None:
        for name in ("1", "2", "3"):
            changes = filed(clock.now(), intent_id=name)
            write(store, changes)
            write(store, then(the(changes), Comment(agent(), name), clock.now()))
        found = store.events_of_type(TENANT, "intent.commented", "2", 10)
        assert [(name, json.loads(event.line)["intent_id"]) for name, event in found] == [
            ("3", "3"),
            ("2", "2"),
        ]
        assert len(store.events_of_type(TENANT, "intent.commented", "", 2)) == 2
        assert store.events_of_type(TENANT, "intent.unheard_of", "", 10) == []
        assert store.events_of_type("other", "intent.commented", "", 10) == []
