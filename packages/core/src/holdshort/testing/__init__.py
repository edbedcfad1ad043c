"""Contracts as pytest classes: whoever writes a store or a channel runs them against it.

Import them from `holdshort.testing.store` and `holdshort.testing.notifier`.
"""

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
