"""The store's contract, third part: the directory, keys, and one tenant not seeing another."""

from __future__ import annotations

import pytest

from holdshort.clock import FakeClock
from holdshort.models import Directory, Principal
from holdshort.store.base import Changes, Entry, KeyInfo, Refused, Store
from holdshort.testing._store_samples import (
    AGENT,
    PERSON,
    TENANT,
    TYPE,
    decided,
    delivery,
    filed,
    the,
    write,
)


def put(store: Store, *entries: Entry, tenant: str = TENANT) -> None:
    with store.transaction() as tx:
        for entry in entries:
            tx.put_entry(tenant, entry)


def key(number: int, *, tenant: str = TENANT, role: str = "agent", subject: str = AGENT) -> KeyInfo:
    return KeyInfo.model_validate(
        {
            "tenant": tenant,
            "id": f"key-{number}",
            "role": role,
            "subject": subject,
            "owner": PERSON if role == "agent" else None,
            "name": "for tests",
            "created_at": 1_800_000_000_000,
        }
    )


class DirectoryContract:
    """The directory, keys, and one tenant not seeing another."""

    def test_a_document_is_written_replaced_and_deleted(self, store: Store) -> None:
        first = Entry(
            kind="team", name="finance", doc={"members": [PERSON], "note": "\0 \U0001f6e9"}
        )
        put(store, first)
        assert store.entries(TENANT) == [first]
        second = Entry(kind="team", name="finance", doc={"members": []})
        put(store, second)
        assert store.entries(TENANT) == [second]
        with store.transaction() as tx:
            assert tx.delete_entry(TENANT, "team", "finance") is True
            assert tx.delete_entry(TENANT, "team", "finance") is False
            assert tx.delete_entry(TENANT, "person", "finance") is False
        assert store.entries(TENANT) == []

    def test_documents_are_listed_by_kind_in_order(self, store: Store) -> None:
        teams = [Entry(kind="team", name=name, doc={}) for name in ("B", "a", "c")]
        person = Entry(kind="person", name=PERSON, doc={})
        put(store, teams[2], person, teams[0], teams[1])
        assert store.entries(TENANT, "team") == teams
        assert store.entries(TENANT, "person") == [person]
        assert store.entries(TENANT, "policy") == []
        assert store.entries(TENANT) == [person, *teams]

    def test_the_directory_is_made_of_them(self, store: Store) -> None:
        assert store.directory(TENANT) == Directory(tenant=TENANT)
        put(
            store,
            Entry(kind="settings", name="settings", doc={"default_reviewers": ["role:cfo"]}),
            Entry(kind="person", name=PERSON, doc={"roles": ["cfo"]}),
            Entry(kind="person", name="gone@acme.com", doc={"active": False}),
            Entry(kind="team", name="finance", doc={"members": [PERSON]}),
            Entry(kind="policy", name="*", doc={"deadline": 60}),
            Entry(kind="policy", name=TYPE, doc={"risk": "high"}),
            Entry(
                kind="webhook", name="hook", doc={"url": "http://127.0.0.1", "events": ["asked"]}
            ),
        )
        assert store.directory(TENANT) == Directory(
            tenant=TENANT,
            people={PERSON: ("cfo",)},
            inactive=frozenset({"gone@acme.com"}),
            teams={"finance": (PERSON,)},
            default_reviewers=("role:cfo",),
            default_policy={"deadline": 60},
            type_policies={TYPE: {"risk": "high"}},
            webhooks=(("hook", ("asked",)),),
        )
        assert store.tenants() == [TENANT]

    def test_a_key_stands_for_its_holder_until_it_is_revoked(
        self, store: Store, clock: FakeClock
    ) -> None:
        one, two = key(1), key(2, role="person", subject=PERSON)
        with store.transaction() as tx:
            tx.add_key(two, "hash-2")
            tx.add_key(one, "hash-1")
        assert store.principal("hash-1") == Principal(
            kind="agent", id=AGENT, tenant=TENANT, owner=PERSON, key_id="key-1"
        )
        assert store.principal("hash-2") == Principal(
            kind="person", id=PERSON, tenant=TENANT, key_id="key-2"
        )
        assert store.principal("hash-3") is None
        assert store.keys(TENANT) == [one, two]
        with store.transaction() as tx:
            assert tx.revoke_key(TENANT, "key-1", clock.now()) is True
            assert tx.revoke_key(TENANT, "key-1", clock.now()) is False
            assert tx.revoke_key(TENANT, "key-9", clock.now()) is False
        assert store.principal("hash-1") is None
        assert store.principal("hash-2") is not None
        assert store.keys(TENANT) == [one.but(revoked_at=clock.now()), two]

    def test_a_secret_opens_one_door(self, store: Store) -> None:
        with store.transaction() as tx:
            tx.add_key(key(1), "hash")
        with pytest.raises(Refused), store.transaction() as tx:
            tx.add_key(key(2, tenant="globex"), "hash")
        assert store.keys("globex") == []

    def test_a_tenant_sees_nothing_of_another(self, store: Store, clock: FakeClock) -> None:
        """The same ids, keys and names stand in both tenants, and each sees its own."""
        now = clock.now()
        for tenant in ("acme", "globex"):
            changes = filed(
                now, tenant=tenant, intent_id="same", key="same", resume="worker",
                body=f'"{tenant}"', continuation=tenant.encode(),
            )  # fmt: skip
            sent = delivery(now, tenant=tenant, id="same", intent_id="same", reason=tenant)
            write(store, changes, Changes(deliveries=[sent]))
            put(store, Entry(kind="team", name="same", doc={"members": [tenant]}), tenant=tenant)
            with store.transaction() as tx:
                tx.add_key(key(1, tenant=tenant), f"hash-{tenant}")

        for tenant in ("acme", "globex"):
            intent = store.intent(tenant, "same")
            assert intent is not None
            assert intent.tenant == tenant
            assert store.by_key(tenant, AGENT, "same") == intent
            assert store.body(tenant, "same") == f'"{tenant}"'
            assert store.continuation(tenant, "same") == tenant.encode()
            assert all(f'"{tenant}"' in event.line for event in store.events(tenant, "same"))
            assert store.intents(tenant) == [intent]
            assert store.intents(tenant, status="WAITING") == [intent]
            assert store.tasks(tenant) == [intent]
            assert store.tasks(tenant, addresses=[PERSON]) == [intent]
            assert [d.reason for d in store.deliveries(tenant)] == [tenant]
            one = store.delivery(tenant, "same")
            assert one is not None
            assert one.reason == tenant
            assert [entry.doc for entry in store.entries(tenant)] == [{"members": [tenant]}]
            assert store.directory(tenant).teams == {"same": (tenant,)}
            assert [k.tenant for k in store.keys(tenant)] == [tenant]
            with store.transaction() as tx:
                assert tx.load([(tenant, "same")]) == {(tenant, "same"): intent}
                assert list(tx.load_by_key([(tenant, AGENT, "same")]).values()) == [intent]
                assert tx.body(tenant, "same") == f'"{tenant}"'

        acme = store.intent("acme", "same")
        assert acme is not None
        write(store, decided(acme, now))
        with store.transaction() as tx:
            tx.update_deliveries([delivery(now, id="same", attempts=7)])
            assert tx.delete_entry("acme", "team", "same")
            assert tx.revoke_key("acme", "key-1", now)
            assert tx.leasable("globex", AGENT, [TYPE], now, 10) == []
            assert tx.leasable("acme", AGENT, [TYPE], now, 10) == [("acme", "same")]
        globex = store.intent("globex", "same")
        assert globex is not None
        assert globex.status == "WAITING"
        assert store.tasks("globex", addresses=[PERSON]) == [globex]
        assert store.tasks("acme") == []
        assert store.principal("hash-globex") is not None
        assert store.principal("hash-acme") is None
        assert len(store.entries("globex")) == 1
        untouched = store.delivery("globex", "same")
        assert untouched is not None
        assert untouched.attempts == 0
        assert the(decided(globex, now)).tenant == "globex"
