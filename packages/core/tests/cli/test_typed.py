"""`key=value` by a JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
import typer
from pydantic import BaseModel

from holdshort.cli.typed import fill, json_object, schema_of


class Address(BaseModel):
    city: str
    zip: str | None = None


class Answer(BaseModel):
    amount: float
    count: int | None = None
    text: str | None = None
    color: str = "red"
    address: Address | None = None
    tags: list[str] = []
    counts: list[int] = []
    extra: dict[str, int] = {}


SCHEMA = Answer.model_json_schema()


def filled(*pairs: str, schema: dict[str, Any] | None = SCHEMA) -> dict[str, Any]:
    into: dict[str, Any] = {}
    fill(into, list(pairs), schema, "--data")
    return into


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("amount=5", {"amount": 5}),
        ("amount=-1.5e3", {"amount": -1500.0}),
        ("count=12", {"count": 12}),
        ("count=null", {"count": None}),
        ("text=12", {"text": "12"}),
        ("text=null", {"text": "null"}),
        ("text=a=b", {"text": "a=b"}),
        ("text=", {"text": ""}),
        ("address.city=Porto", {"address": {"city": "Porto"}}),
        ('address={"city": "Porto", "zip": null}', {"address": {"city": "Porto", "zip": None}}),
        ("tags=a, b", {"tags": ["a", "b"]}),
        ('tags=["a,b"]', {"tags": ["a,b"]}),
        ("tags=", {"tags": []}),
        ("counts=1,2", {"counts": [1, 2]}),
        ("extra.a=1", {"extra": {"a": 1}}),
    ],
)
def test_a_value_becomes_what_its_schema_says(pair: str, value: dict[str, Any]) -> None:
    assert filled(pair) == value
    [(key, found)] = filled(pair).items()
    assert type(found) is type(value[key])


@pytest.mark.parametrize(
    ("pair", "why"),
    [
        ("amount=much", "wants a number, not 'much'"),
        ("amount=NaN", "wants a number"),
        ("count=1.5", "wants a whole number or null"),
        ("counts=1,x", "wants a whole number"),
        ("address.town=Porto", "the fields are: address.city, address.zip"),
        ("missing=1", "no field 'missing'"),
        ("amount", "takes key=value"),
        ("=1", "takes key=value"),
        ("extra.a=x", "wants a whole number"),
        ("amount.x=1", "no field"),
    ],
)
def test_what_does_not_fit_is_said(pair: str, why: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        filled(pair)
    assert why in str(caught.value)


def test_a_list_grows_when_its_key_is_named_again() -> None:
    assert filled("tags=a", "tags=b") == {"tags": ["a", "b"]}
    with pytest.raises(typer.BadParameter, match="given twice"):
        filled("count=1", "count=2")


def test_a_choice_keeps_its_own_type() -> None:
    schema = {
        "properties": {"size": {"enum": [1, 2, "large"]}, "on": {"type": ["boolean", "null"]}}
    }
    assert filled("size=2", "on=false", schema=schema) == {"size": 2, "on": False}
    assert filled("size=large", schema=schema) == {"size": "large"}
    with pytest.raises(typer.BadParameter, match='one of 1, 2, "large"'):
        filled("size=3", schema=schema)


def test_a_name_with_a_dot_comes_before_a_path() -> None:
    schema = {"properties": {"a.b": {"type": "integer"}, "a": {"properties": {"b": {}}}}}
    assert filled("a.b=1", schema=schema) == {"a.b": 1}


def test_without_a_schema_values_are_texts() -> None:
    assert filled("a=1", "b=true", schema=None) == {"a": "1", "b": "true"}


def test_fields_may_be_added_where_the_schema_says_so() -> None:
    open_schema = {"properties": {"a": {}}, "additionalProperties": True}
    assert filled("b=1", schema=open_schema) == {"b": "1"}


def test_the_shape_of_a_value_is_the_schema_of_its_change() -> None:
    before = {"n": 1, "s": "1", "b": True, "list": ["x"], "deep": {"n": 1.5}, "none": None}
    into = {**before}
    fill(into, ["n=2.5", "s=2", "b=false", "list=y,z", "deep.n=2"], schema_of(before), "--set")
    assert into == {
        "n": 2.5, "s": "2", "b": False, "list": ["y", "z"], "deep": {"n": 2}, "none": None,
    }  # fmt: skip


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": NaN}', '{"a": 1, "a": 2}', "1"])
def test_json_that_two_readers_could_understand_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        json_object(text, "--data-json")
