"""The store's contract, fifth part: what people's browsers and devices hold, and their files."""

from __future__ import annotations

from holdshort.clock import FakeClock
from holdshort.store.base import Changes, Delivery, Device, Entry, Session, Store, StoredFile
from holdshort.testing._store_samples import PERSON, TENANT, delivery

OTHER = "bo@acme.com"


def session(clock: FakeClock, hash: str, *, person: str = PERSON, seconds: float = 60) -> Session:
    return Session(
        hash=hash,
        tenant=TENANT,
        purpose="session",
        person=person,
        created_at=clock.now(),
        expires_at=clock.now() + round(seconds * 1000),
        doc={"agent": "Firefox", "n": [1, None]},
    )


def device(id: str, *, person: str = PERSON, tenant: str = TENANT, kind: str = "push") -> Device:
    return Device(
        tenant=tenant, kind=kind, id=id, person=person, created_at=7, doc={"label": "Phone"}
    )


class PeopleContract:
    """Sessions, devices and files."""

    def test_a_session_is_found_changed_and_taken_once(
        self, store: Store, clock: FakeClock
    ) -> None:
        made = session(clock, "a")
        with store.transaction() as tx:
            tx.add_session(made)
        assert store.session("a") == made
        changed = made.but(doc={"agent": "Safari"}, expires_at=made.expires_at + 5)
        with store.transaction() as tx:
            tx.put_session(changed)
            tx.put_session(made.but(hash="unknown"))
        assert store.session("a") == changed
        assert store.session("unknown") is None
        with store.transaction() as tx:
            assert tx.end_session("a") == changed
            assert tx.end_session("a") is None

    def test_a_persons_sessions_are_listed_and_ended(self, store: Store, clock: FakeClock) -> None:
        for name, person in [("a", PERSON), ("b", OTHER), ("c", PERSON)]:
            with store.transaction() as tx:
                tx.add_session(session(clock, name, person=person))
            clock.advance(1)
        assert [one.hash for one in store.sessions_of(TENANT, PERSON)] == ["c", "a"]
        assert store.sessions_of("other", PERSON) == []
        with store.transaction() as tx:
            # A link that only says whom a mail was sent to signs nobody in: it stays.
            tx.add_session(session(clock, "d").but(purpose="mail"))
            assert tx.end_sessions_of(TENANT, PERSON) == 2
        assert [one.hash for one in store.sessions_of(TENANT, PERSON)] == ["d"]
        assert [one.hash for one in store.sessions_of(TENANT, OTHER)] == ["b"]

    def test_sessions_that_are_over_are_dropped_with_the_next(
        self, store: Store, clock: FakeClock
    ) -> None:
        with store.transaction() as tx:
            tx.add_session(session(clock, "old", seconds=10))
        clock.advance(11)
        with store.transaction() as tx:
            tx.add_session(session(clock, "new"))
        assert store.session("old") is None
        assert store.session("new") is not None

    def test_a_device_is_kept_replaced_and_deleted(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.put_device(device("1"))
            tx.put_device(device("2", person=OTHER))
            tx.put_device(device("3", kind="passkey"))
            tx.put_device(device("4", tenant="other"))
        with store.transaction() as tx:
            tx.put_device(device("1").but(doc={"label": "Tablet"}))
        assert [one.id for one in store.devices(TENANT, "push")] == ["1", "2"]
        assert store.devices(TENANT, "push", PERSON) == [device("1").but(doc={"label": "Tablet"})]
        assert store.device("push", "4") == device("4", tenant="other")
        assert store.device("passkey", "4") is None
        with store.transaction() as tx:
            assert tx.delete_device(TENANT, "push", "1") is True
            assert tx.delete_device(TENANT, "push", "1") is False
            assert tx.delete_device(TENANT, "push", "4") is False

    def test_a_file_is_kept_once_under_its_hash(self, store: Store) -> None:
        file = StoredFile(
            tenant=TENANT,
            sha256="5" * 64,
            name="quote.pdf",
            media="application/pdf",
            size=4,
            person=PERSON,
            created_at=7,
        )
        with store.transaction() as tx:
            tx.put_file(file, b"\0\xff%P")
            tx.put_file(file.but(name="again.pdf"), b"other")
        assert store.file(TENANT, "5" * 64) == (file, b"\0\xff%P")
        assert store.file("other", "5" * 64) is None
        assert store.file(TENANT, "6" * 64) is None

    def test_a_document_is_added_where_there_is_none(self, store: Store) -> None:
        first = Entry(kind="secret", name="vapid", doc={"value": "one"})
        with store.transaction() as tx:
            tx.add_entry(TENANT, first)
            tx.add_entry(TENANT, first.but(doc={"value": "two"}))
        assert store.entries(TENANT, "secret") == [first]

    def test_a_delivery_keeps_its_receipt_and_its_fallbacks(
        self, store: Store, clock: FakeClock
    ) -> None:
        waiting: Delivery = delivery(clock.now(), id="d1").but(fallbacks=("email", "push"))
        with store.transaction() as tx:
            tx.write(Changes(deliveries=[waiting]))
        assert store.delivery(TENANT, "d1") == waiting
        sent = waiting.but(state="sent", receipt="C1/17.2", fallbacks=())
        with store.transaction() as tx:
            tx.update_deliveries([sent])
        assert store.delivery(TENANT, "d1") == sent
