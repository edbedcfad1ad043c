"""What the adapters of frameworks share: gates, runs, and one execution for one approval.

An adapter turns its framework's own way of stopping for a person into a durable intent and back.
`docs/concepts/runs.md` tells how the parts fit; `holdshort.testing.AdapterContract` holds an
adapter to what all of them promise.
"""

from holdshort.adapters.asking import (
    call_key,
    masked_arguments,
    plain_name,
    question_intent,
    shown_arguments,
    tool_intent,
)
from holdshort.adapters.effects import Effects, recordable
from holdshort.adapters.gates import Gate, Gates
from holdshort.adapters.secrets import Secrets
from holdshort.adapters.words import answer_of, edit_note, refusal
from holdshort.client.colours import AnyClient, ado, do
from holdshort.client.run import (
    LEASE_SECONDS,
    RETRY_AFTER,
    Run,
    Suspended,
    aopen_run,
    await_for_all,
    open_run,
    wait_for_all,
)
from holdshort.errors import RunBusy

__all__ = [
    "LEASE_SECONDS",
    "RETRY_AFTER",
    "AnyClient",
    "Effects",
    "Gate",
    "Gates",
    "Run",
    "RunBusy",
    "Secrets",
    "Suspended",
    "ado",
    "answer_of",
    "aopen_run",
    "await_for_all",
    "call_key",
    "do",
    "edit_note",
    "masked_arguments",
    "open_run",
    "plain_name",
    "question_intent",
    "recordable",
    "refusal",
    "shown_arguments",
    "tool_intent",
    "wait_for_all",
]
