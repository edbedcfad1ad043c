"""Forms from JSON Schema, and what comes back from them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from holdshort.inbox.editing import edit_form, edited
from holdshort.inbox.fields import NotReadable, answer_in, fields_of


class Address(BaseModel):
    street: str
    city: str | None = None


class Refund(BaseModel):
    """What pydantic writes for a form of ours."""

    amount: float = Field(gt=0, description="in euros")
    count: int
    urgent: bool = False
    colour: str = Field(json_schema_extra={"enum": ["red", "blue"]})
    tags: list[str] = []
    note: str | None = Field(None, max_length=500)
    address: Address
    extra: dict[str, Any] = {}


SCHEMA = Refund.model_json_schema()


def test_every_property_has_its_control() -> None:
    controls = {field.name: field.control for field in fields_of(SCHEMA)}
    assert controls == {
        "d/amount": "number",
        "d/count": "integer",
        "d/urgent": "check",
        "d/colour": "select",
        "d/tags": "lines",
        "d/note": "area",
        "d/address": "group",
        "d/extra": "json",
    }
    (group,) = [field for field in fields_of(SCHEMA) if field.control == "group"]
    assert [(f.name, f.required) for f in group.fields] == [
        ("d/address/street", True),
        ("d/address/city", False),
    ]


def test_what_was_filled_in_comes_back_typed() -> None:
    posted = {
        "d/amount": ["12.5"],
        "d/count": ["3"],
        "d/urgent": ["true"],
        "d/colour": ['"red"'],
        "d/tags": ["a\r\n b \n\n"],
        "d/note": ["two\r\nlines "],
        "d/address/street": [" Main 1 "],
        "d/address/city": [""],
        "d/extra": ['{"x": [1]}'],
    }
    answer = answer_in(SCHEMA, posted)
    assert answer == {
        "amount": 12.5,
        "count": 3,
        "urgent": True,
        "colour": "red",
        "tags": ["a", "b"],
        "note": "two\nlines ",
        "address": {"street": "Main 1"},
        "extra": {"x": [1]},
    }
    assert Refund.model_validate(answer).address.street == "Main 1"


def test_what_is_left_empty_is_left_out() -> None:
    assert answer_in(SCHEMA, {}) == {"urgent": False, "address": {}}


@pytest.mark.parametrize(
    ("name", "text"), [("d/amount", "much"), ("d/count", "1.5"), ("d/extra", "{")]
)
def test_what_is_no_such_value_is_named(name: str, text: str) -> None:
    with pytest.raises(NotReadable) as caught:
        answer_in(SCHEMA, {name: [text]})
    assert caught.value.name == name


def test_what_was_typed_is_kept() -> None:
    again = fields_of(SCHEMA, {"d/count": ["x"]}, {"d/count": "is no whole number"})
    (count,) = [field for field in again if field.name == "d/count"]
    assert (count.value, count.problem) == ("x", "is no whole number")


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "array"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"type": "object", "properties": {"a": True, "b": {"$ref": "#/properties/b"}}},
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
    ],
)
def test_any_schema_can_be_answered(schema: Any) -> None:
    fields = fields_of(schema)
    assert fields
    answer_in(schema, {field.name: [] for field in fields})


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1, max_size=5), PLAIN, max_size=4))
def test_a_form_sent_untouched_changes_nothing(arguments: dict[str, Any]) -> None:
    posted = {
        field.name: [field.value.replace("\n", "\r\n") if field.control == "area" else field.value]
        for field in edit_form(arguments)
    }
    after = edited(arguments, posted)
    assert json.dumps(after) == json.dumps(arguments)


def test_what_was_touched_is_changed() -> None:
    before = {
        "n": 5,
        "text": "a",
        "flag": True,
        "deep": {"x": 1},
        "token": "holdshort:masked:" + "1" * 32,
    }
    posted = {"a:n": ["4"], "a:flag": ["false"], "a:deep": ['{"x": 2}']}
    assert edited(before, posted) == before | {"n": 4, "flag": False, "deep": {"x": 2}}
    with pytest.raises(NotReadable):
        edited(before, {"a:n": ["many"]})
    with pytest.raises(NotReadable):
        edited(before, {"a:n": ["true"]})
