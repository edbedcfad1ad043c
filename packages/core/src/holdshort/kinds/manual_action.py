"""Manual action: a person does something outside, and says that it is done or could not be."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="manual_action",
    asks="Do",
    positive=("completed",),
    negative="failed",
    comment_for=frozenset({"failed"}),
    can_default_to_yes=False,
)
