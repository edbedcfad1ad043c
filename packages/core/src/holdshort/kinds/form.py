"""Form: give structured data, checked against the JSON Schema that the agent brought."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="form",
    asks="Fill in",
    positive=("submitted",),
    negative="declined",
    needs_form=True,
    can_default_to_yes=False,
)
