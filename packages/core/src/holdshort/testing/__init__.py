"""Contracts as pytest classes, for whoever writes a store, a channel or an adapter.

`StoreContract`, `NotifierContract` and `AdapterContract` need pytest; the processes that an
adapter's suite starts (`holdshort.testing.adapter.main`) do not, and do not load it.
"""

import sys
from typing import Any

__all__ = ["AdapterContract", "NotifierContract", "StoreContract"]

if "pytest" in sys.modules:
    import pytest

    # Before they are imported, so that a failing assertion in a contract shows its values.
    pytest.register_assert_rewrite(
        "holdshort.testing._store_directory",
        "holdshort.testing._store_intents",
        "holdshort.testing._store_queues",
        "holdshort.testing._store_runs",
        "holdshort.testing.notifier",
        "holdshort.testing.store",
    )


def __getattr__(name: str) -> Any:
    """Load a contract when it is asked for."""
    if name == "AdapterContract":
        from holdshort.testing.adapter import AdapterContract

        return AdapterContract
    if name == "NotifierContract":
        from holdshort.testing.notifier import NotifierContract

        return NotifierContract
    if name == "StoreContract":
        from holdshort.testing.store import StoreContract

        return StoreContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
