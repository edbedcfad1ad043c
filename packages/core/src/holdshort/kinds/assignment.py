"""Assignment: say which person or team takes this on."""

from holdshort.kinds.base import Kind

KIND = Kind(
    name="assignment",
    asks="Assign",
    positive=("assigned",),
    negative="declined",
    data_schema={
        "type": "object",
        "properties": {"assignee": {"type": "string", "minLength": 1, "maxLength": 255}},
        "required": ["assignee"],
    },
    can_default_to_yes=False,
)
