"""The decision as an agent sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Decision(Mapping[str, Any]):
    """The answer to an intent; the same for ever, in every process.

    It is also a mapping of the same fields, as the server sent them: `decision["status"]`.
    """

    intent_id: str
    status: str
    """COMPLETED, TIMED_OUT, CANCELED or FAILED."""
    outcome: str
    """The reviewer's word (approved, rejected, submitted, …); canceled or failed where nobody
    answered.
    """
    approved: bool
    """True only where a person, or a named policy, said yes."""
    decided_by: str | None
    """For example `person:ana@acme.com`, or `system:timeout`; None where it was withdrawn."""
    decided_at: datetime
    comment: str | None
    data: Any
    """What the reviewer filled in; an instance of your model, where you passed one as `form`."""
    evidence: list[dict[str, Any]]
    arguments: dict[str, Any] | None
    """What may run: as asked, or as edited. None unless approved."""
    digest: str
    edited: bool
    timed_out: bool
    raw: dict[str, Any]

    @classmethod
    def of(cls, wire: dict[str, Any], form: type[BaseModel] | None = None) -> Decision:
        """Read a decision off the wire. Raises pydantic's ValidationError where `data` does not fit
        the form (it was validated against another form when it was given)."""
        data = wire["data"]
        if form is not None and data is not None:
            data = form.model_validate(data)
        return cls(
            intent_id=wire["intent_id"],
            status=wire["status"],
            outcome=wire["outcome"],
            approved=wire["approved"],
            decided_by=wire["decided_by"],
            decided_at=datetime.fromisoformat(wire["decided_at"]),
            comment=wire["comment"],
            data=data,
            evidence=wire["evidence"],
            arguments=wire["arguments"],
            digest=wire["digest"],
            edited=wire["edited"],
            timed_out=wire["timed_out"],
            raw=wire,
        )

    def __getitem__(self, name: str) -> Any:
        return self.raw[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)

    def __hash__(self) -> int:
        return hash((self.intent_id, self.outcome, self.digest))
