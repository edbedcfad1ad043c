"""Clarification: tell the agent what it could not know."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="clarification",
    asks="Answer",
    positive=("provided",),
    negative="declined",
    comment_for=frozenset({"provided"}),
    form_replaces_comment=True,
    can_default_to_yes=False,
)
