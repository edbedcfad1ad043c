"""What every store must keep to, as tests that a store's author runs.

    from holdshort.testing.store import StoreContract

    class TestOracle(StoreContract):
        @pytest.fixture
        def open_store(self, clock, oracle_url):    # a fresh, empty database for each test
            return lambda: OracleStore(oracle_url, clock=clock)

The log must also refuse UPDATE and DELETE below the store. That needs SQL of the dialect's own, so
each store's author tests it beside the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from holdshort.clock import FakeClock
from holdshort.store.base import Store
from holdshort.testing._store_agents import AgentContract
from holdshort.testing._store_directory import DirectoryContract
from holdshort.testing._store_intents import IntentContract
from holdshort.testing._store_people import PeopleContract
from holdshort.testing._store_queues import QueueContract
from holdshort.testing._store_runs import RunContract

__all__ = ["StoreContract"]


class StoreContract(
    IntentContract,
    QueueContract,
    DirectoryContract,
    RunContract,
    PeopleContract,
    AgentContract,
):
    """Every method of the store protocol, on a real database."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The time that the stores of a test are given; it stands still until the test moves it."""
        return FakeClock()

    @pytest.fixture
    def open_store(self, clock: FakeClock) -> Callable[[], Store]:
        """A function that opens this test's database with this clock, as one more process would."""
        raise NotImplementedError("a store's author overrides this fixture")

    @pytest.fixture
    def store(self, open_store: Callable[[], Store]) -> Iterator[Store]:
        store = open_store()
        store.migrate()
        yield store
        store.close()

    @pytest.fixture
    def other(self, store: Store, open_store: Callable[[], Store]) -> Iterator[Store]:
        """A second store on the same database."""
        other = open_store()
        yield other
        other.close()
