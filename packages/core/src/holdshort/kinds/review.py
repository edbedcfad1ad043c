"""Review: look at a piece of work; accept it, refuse it, or ask for changes."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="review",
    asks="Review",
    positive=("approved",),
    neutral=("changes_requested",),
    negative="rejected",
    comment_for=frozenset({"changes_requested"}),
)
