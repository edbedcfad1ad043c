"""Override: set an automatic decision aside, always with a reason."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="override",
    asks="Override",
    positive=("override_approved",),
    negative="rejected",
    comment_for=frozenset({"override_approved"}),
    can_default_to_yes=False,
)
