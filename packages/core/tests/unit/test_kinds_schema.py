"""A schema comes from an agent and is run on a person's answer: neither may stall or reach out."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort.kinds.schema import problem_with_schema, problems_in


def test_a_reference_is_never_fetched() -> None:
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        for schema in (
            {"$ref": f"{url}/a.json"},
            {"$id": f"{url}/b/", "$ref": "c.json"},
            {"properties": {"x": {"allOf": [{"$ref": f"{url}/d.json#/x"}]}}},
            {"$schema": f"{url}/dialect"},
            {"$dynamicRef": f"{url}/e.json"},
        ):
            problem_with_schema(schema)
        assert asked == []
        assert "not fetched" in str(problem_with_schema({"$ref": f"{url}/a.json"}))
    finally:
        server.shutdown()
        server.server_close()


def test_a_file_is_never_read(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text("{}")
    assert "not fetched" in str(problem_with_schema({"$ref": file.as_uri()}))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*$",
        "(a|aa)+$",
        "([a-z]+)*$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(.*)(.*)(.*)!x",
    ],
)
def test_a_pattern_that_explodes_elsewhere_is_quick_here(pattern: str) -> None:
    schema = {"properties": {"a": {"pattern": pattern}}}
    assert problem_with_schema(schema) is None
    started = time.perf_counter()
    problems_in(schema, {"a": "a" * 50_000 + "\n!"})
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "pattern",
    ["(a{1000}){1000}", "(((a{100}){100}){100}){100}", r"(a)\1", "(?=a)b", "(?<!a)b", "(", "[z-a]"],
)
def test_a_pattern_that_is_too_large_or_cannot_run_in_linear_time_is_refused(pattern: str) -> None:
    started = time.perf_counter()
    assert "not a usable JSON Schema" in str(problem_with_schema({"pattern": pattern}))
    assert time.perf_counter() - started < 1


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    """In a process of its own: running out of stack would end this one."""
    code = """
import json, sys
from holdshort.kinds.schema import problem_with_schema, problems_in
for schema in json.loads(sys.argv[1]):
    if problem_with_schema(schema) is None:
        for value in ({}, {"a": {"a": {}}}):
            problems_in(schema, value)
print("came to an end")
"""
    loops = [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"not": {"$ref": "#"}},
        {"$defs": {"x": {"$ref": "#/$defs/y"}, "y": {"$ref": "#/$defs/x"}}, "$ref": "#/$defs/x"},
        {"properties": {"a": {"$ref": "#"}}},
        {"anyOf": [{"$ref": "#"}, {"type": "string"}]},
        {"$dynamicAnchor": "n", "$dynamicRef": "#n"},
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(loops)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "came to an end\n", done.stderr[-500:]


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        ({"required": ["a"]}, {}, ""),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "x"}, ".a"),
        ({"properties": {"a": {"items": {"minimum": 3}}}}, {"a": [5, 1]}, ".a[1]"),
        ({"properties": {"a": {"properties": {"b": {"const": 1}}}}}, {"a": {"b": 2}}, ".a.b"),
        ({"additionalProperties": False}, {"x": 1}, ""),
        ({"properties": {"m": {"format": "email"}}}, {"m": "no"}, ".m"),
        ({"properties": {"d": {"format": "date"}}}, {"d": "2026-02-30"}, ".d"),
    ],
)
def test_the_place_of_a_problem(schema: dict[str, Any], value: Any, path: str) -> None:
    assert [found for found, _ in problems_in(schema, value)] == [path]


def test_every_problem_is_named() -> None:
    schema = {"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["c"]}
    assert sorted(path for path, _ in problems_in(schema, {"a": "x", "b": 1})) == ["", ".a", ".b"]


words = st.sampled_from(
    ["type", "$ref", "properties", "items", "pattern", "$id", "$defs", "required", "enum", "not"]
)
schemas = st.dictionaries(
    words,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6) | st.just("#/x"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(schemas)
def test_any_schema_is_usable_or_refused_in_one_line(schema: dict[str, Any]) -> None:
    problem = problem_with_schema(schema)
    if problem is None:
        problems_in(schema, {"a": [1, "x"]})
    else:
        assert "\n" not in problem
