"""Where a key leads: raised from wherever it was pressed."""

from __future__ import annotations


class Quit(Exception):
    """The person has had enough."""


class GoTo(Exception):
    """Show this card next, or (None) the list."""

    def __init__(self, intent_id: str | None) -> None:
        super().__init__(intent_id)
        self.intent_id = intent_id
