"""What every stored value is: frozen, validated, copied with what differs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A stored value: never changed in place, copied with what differs."""

    # Unknown fields are ignored on load, so that an older replica can read a newer one's rows.
    model_config = ConfigDict(frozen=True, extra="ignore")

    def but(self, **changes: Any) -> Any:
        """Return a copy with these fields changed."""
        return self.model_copy(update=changes)
