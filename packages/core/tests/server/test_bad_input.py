"""What is wrong is refused with the name of the field, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from .house import ANA, TYPE, House, database_in, opened

pytestmark = pytest.mark.anyio

I = "/v1/intents/{intent_id}"  # noqa: E741
ASK = {"intent_type": TYPE, "to": ANA}


async def nothing_was_filed(house: House) -> None:
    assert (await house.ok("GET", "/v1/intents", house.admin))["intents"] == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not valid JSON"),
        (b'{"intent_type": }', "line 1, column 17"),
        (b"{'a': 1}", "not valid JSON"),
        (b'{"a": 1} x', "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b'{"payload": {"a": "\xc3"}}', "not UTF-8"),
        (b'{"payload": {"a": NaN}}', "NaN is not JSON"),
        (b'{"payload": {"a": -Infinity}}', "-Infinity is not JSON"),
        (b'{"payload": {"a": "\\ud800"}}', "unpaired surrogate"),
        (b'{"payload": {"\\udfff": 1}}', "unpaired surrogate"),
        (b'{"payload": {"a": 1, "a": 2}}', "'a' appears twice"),
        (b'{"to": "ana@acme.com", "to": "eve@acme.com"}', "'to' appears twice"),
        (b'{"payload": {"a": ' + b"9" * 5000 + b"}}", "not usable JSON"),
        (b'{"payload": {"a": ' + b"[" * 32 + b"]" * 32 + b"}}", "deeper than 32"),
        (b'{"payload": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeper than 32"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"3", "must be a JSON object"),
        (b"", "intent_type"),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else None,
)
async def test_what_is_not_exact_json_is_refused(house: House, content: bytes, said: str) -> None:
    error = await house.refused(422, "POST", "/v1/intents", house.agent, content=content)
    assert error["code"] == "schema_invalid"
    assert said in error["message"]
    await nothing_was_filed(house)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("intent_type", "no type"),
        ("intent_type", 7),
        ("intent_type", None),
        ("to", "nobody"),
        ("to", ["ana@acme.com", 3]),
        ("to", {"a": 1}),
        ("task", "dance"),
        ("task", 1),
        ("title", "x" * 256),
        ("title", ["x"]),
        ("payload", [1]),
        ("payload", "x"),
        ("deadline", True),
        ("deadline", "soon"),
        ("deadline", -1),
        ("deadline", 1e12),
        ("deadline", [5]),
        ("deadline", "400d"),
        ("remind_after", False),
        ("remind_after", 0.001),
        ("remind_every", "1ms"),
        ("max_reminders", -1),
        ("max_reminders", 10**30),
        ("quorum", 0),
        ("quorum", 2),
        ("quorum", "many"),
        ("fallback", "maybe"),
        ("escalate", "nobody"),
        ("escalate", 7),
        ("escalate", [{"to": ANA, "when": 3}]),
        ("steps", [{"nobody": 1}]),
        ("steps", "x"),
        ("human_task", {"form_schema": {"type": "nothing"}}),
        ("human_task", {"form_schema": {"$ref": "https://example.com/schema"}}),
        ("human_task", {"allowed_outcomes": ["Not An Outcome"]}),
        ("action", {"arguments": {}}),
        ("action", {"tool": "", "arguments": {}}),
        ("action", {"tool": "x", "arguments": [1]}),
        ("action", {"tool": "x", "args": {}}),
        ("deadline_at", "tomorrow"),
        ("deadline_at", "2020-01-01T00:00:00Z"),
        ("deadline_at", "9999-12-31T23:59:59-12:00"),
        ("deadline_at", "2030-01-01T00:00:00"),
        ("deadline_at", 1e300),
        ("resume", "never"),
        ("correlation_id", "x" * 65),
        ("supersedes", 5),
        ("nonsense", 1),
        ("Intent_Type", TYPE),
    ],
)
async def test_the_field_at_fault_is_named(house: House, field: str, value: Any) -> None:
    error = await house.refused(422, "POST", "/v1/intents", house.agent, ASK | {field: value})
    named = [problem["field"] for problem in error["details"].get("problems", [])]
    assert any(name.startswith(field) for name in named) or field in error["message"], error
    await nothing_was_filed(house)


@pytest.mark.parametrize(
    "number", ["9007199254740993", "-1" + "0" * 400, "1e400", "-1e999", "123456789012345678901"]
)
async def test_a_number_that_json_cannot_carry_exactly_is_not_approved(
    house: House, number: str
) -> None:
    """Two readers would understand two amounts."""
    for place in (
        '"payload": {"sum": %s}',
        '"action": {"tool": "pay", "arguments": {"sum": %s}}',
    ):
        content = f'{{"intent_type": "{TYPE}", "to": "{ANA}", {place % number}}}'
        await house.refused(422, "POST", "/v1/intents", house.agent, content=content)
    await nothing_was_filed(house)


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
async def test_a_number_that_is_none_is_refused_everywhere(house: House, number: str) -> None:
    asked = await house.ask()
    for place in (
        '"action": {"tool": "pay"}, "payload": {"sum": %s}',
        '"continuation": [%s]',
    ):
        content = f'{{"intent_type": "{TYPE}", "to": "{ANA}", {place % number}}}'
        await house.refused(422, "POST", "/v1/intents", house.agent, content=content)
    content = f'{{"outcome": "approved", "data": {{"sum": {number}}}}}'
    await house.refused(422, "POST", f"{I}/decision", house.ana, content=content, intent_id=asked)


async def test_an_answer_with_anything_unknown_is_refused(house: House) -> None:
    asked = await house.ask()
    for body, field in (
        ({"outcome": "approved", "foo": 1}, "foo"),
        ({"outcome": "Approved"}, "outcome"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"outcome": True}, "outcome"),
        ({}, "outcome"),
        ({"outcome": "approved", "evidence": [{"name": "x", "size": 1}]}, "evidence[0].size"),
        ({"outcome": "approved", "digest": "abc"}, "digest"),
        ({"outcome": "approved", "step": -1}, "step"),
        ({"outcome": "approved", "arguments": [1]}, "arguments"),
        ({"outcome": "approved", "data": "x"}, "data"),
        ({"outcome": "rejected", "arguments": {"rows": 1}}, "arguments"),
    ):
        error = await house.refused(422, "POST", f"{I}/decision", house.ana, body, intent_id=asked)
        assert error["details"]["problems"][0]["field"] == field
    stale = {"outcome": "approved", "digest": "0" * 64}
    error = await house.refused(409, "POST", f"{I}/decision", house.ana, stale, intent_id=asked)
    assert error["code"] == "stale_digest"
    assert (await house.look(asked))["steps"][0]["votes"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quorum", "1"),
        ("quorum", 1.5),
        ("max_reminders", True),
        ("max_delivery_attempts", "3"),
        ("idempotent", "yes"),
        ("idempotent", 1),
        ("human_task", {"required_comment": "no"}),
        ("human_task", {"evidence_required": 0}),
    ],
)
async def test_no_type_is_guessed(house: House, field: str, value: Any) -> None:
    """`"no"` is no false: who sends the wrong type may mean something else."""
    error = await house.refused(422, "POST", "/v1/intents", house.agent, ASK | {field: value})
    assert error["details"]["problems"][0]["field"].startswith(field)


async def test_a_run_is_not_reported_by_guess(house: House) -> None:
    for succeeded in ("false", "no", 0, 1, None):
        body = {"attempt_id": "a", "succeeded": succeeded}
        error = await house.refused(
            422, "POST", f"{I}/report", house.agent, body, intent_id=await house.ask()
        )
        assert error["details"]["problems"][0]["field"] == "succeeded"


NUL = "\x00"


async def test_a_nul_character_is_taken_or_refused(pg_url: str) -> None:
    """PostgreSQL cannot hold it in a text, which must not show as a defect."""
    async with opened(pg_url) as house:
        asked = await house.ask(title=f"a{NUL}b", payload={"x": NUL, NUL: 1})
        assert (await house.look(asked))["payload"] == {"x": NUL, NUL: 1}
        await house.decide(asked, comment=NUL, data={NUL: NUL})
        gets: list[tuple[str, dict[str, str]]] = [
            ("/v1/intents/%00", {}),
            ("/v1/intents", {"key": NUL, "agent": "x"}),
            ("/v1/intents", {"cursor": NUL}),
            ("/v1/intents", {"agent": NUL}),
            ("/v1/intents", {"intent_type": NUL}),
            ("/v1/tasks", {"cursor": NUL}),
            ("/v1/deliveries", {"cursor": NUL}),
            ("/v1/deliveries", {"intent_id": NUL}),
            ("/v1/audit/export", {"intent_id": NUL}),
        ]
        headers = {"Authorization": f"Bearer {house.admin}"}
        for path, query in gets:
            response = await house.http.get(path, params=query, headers=headers)
            assert response.status_code in (200, 404, 422), (path, query, response.text)
        puts: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/v1/keys", {"role": "agent", "subject": f"a{NUL}"}),
            ("POST", "/v1/keys", {"role": "agent", "subject": "a", "name": NUL}),
            ("PUT", "/v1/people/%00@x", {}),
            ("PUT", "/v1/policies/%00", {}),
            ("PUT", "/v1/people/ana@acme.com", {"name": NUL}),
            ("PUT", "/v1/webhooks/x", {"url": "https://x", "events": [NUL]}),
            ("PUT", "/v1/settings", {"channels": [NUL]}),
            ("DELETE", "/v1/keys/%00", {}),
            ("POST", "/v1/deliveries/%00/retry", {}),
        ]
        for method, path, body in puts:
            response = await house.http.request(method, path, json=body, headers=headers)
            assert response.status_code in (200, 404, 422), (path, body, response.text)


async def test_unknown_kinds_are_told_the_known_ones(house: House) -> None:
    error = await house.refused(422, "POST", "/v1/intents", house.agent, ASK | {"task": "dance"})
    assert error["code"] == "unknown_kind"
    assert "approval" in error["message"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/intents", {"limit": "0"}),
        ("/v1/intents", {"limit": "501"}),
        ("/v1/intents", {"limit": "1.5"}),
        ("/v1/intents", {"limit": "nan"}),
        ("/v1/intents", {"limit": "x"}),
        ("/v1/tasks", {"limit": "-1"}),
        ("/v1/tasks", {"all": "yes"}),
        ("/v1/deliveries", {"limit": "1e3"}),
        ("/v1/deliveries", {"state": "lost"}),
        ("/v1/intents", {"status": "SLEEPING"}),
        (f"{I}/events", {"since": "-1"}),
        (f"{I}/events", {"since": ""}),
        (f"{I}/events", {"since": "1" * 16}),
        (f"{I}/events", {"since": "٣"}),
        (f"{I}/events/stream", {"since": "x"}),
        (f"{I}/events/stream", {"wait_seconds": "0"}),
        (f"{I}/decision", {"wait_seconds": "61"}),
        (f"{I}/decision", {"wait_seconds": "-1"}),
        (f"{I}/decision", {"wait_seconds": "inf"}),
    ],
)
async def test_query_parameters_are_checked(house: House, path: str, query: dict[str, str]) -> None:
    asked = await house.ask()
    error = await house.refused(422, "GET", path, house.admin, query=query, intent_id=asked)
    assert next(iter(query)) in error["message"]


@pytest.mark.parametrize("name", ["%00", "%ff", "..%2f..", "x" * 4000, "%F0%9F%92%A9", "' OR 1=1"])
async def test_strange_ids_are_not_found(house: House, name: str) -> None:
    for method, path in (("GET", I), ("POST", f"{I}/claim"), ("GET", f"{I}/events")):
        response = await house.http.request(
            method,
            path.format(intent_id=name),
            headers={"Authorization": f"Bearer {house.ana}"},
        )
        assert response.status_code == 404


class TestLimits:
    @pytest.fixture
    async def small(self, tmp_path: Any) -> AsyncIterator[House]:
        async with opened(
            database_in(tmp_path), max_body=2000, max_continuation=10_000, max_depth=8
        ) as house:
            yield house

    async def test_a_body_that_says_it_is_too_large_is_not_read(self, small: House) -> None:
        read = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal read
            while True:
                read += 1
                yield b" " * 1000

        error = await small.refused(
            413, "POST", f"{I}/comments", small.agent,
            content=body(), headers={"Content-Length": "2001"}, intent_id="x",
        )  # fmt: skip
        assert error["code"] == "payload_too_large"
        assert error["details"]["limit"] == 2000

    async def test_a_stream_is_cut_at_the_limit(self, small: House) -> None:
        """Without Content-Length, as chunked bodies are."""

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield b" " * 1000

        await small.refused(
            413, "POST", f"{I}/comments", small.agent, content=endless(), intent_id="x"
        )
        await small.refused(413, "POST", "/v1/intents", small.agent, content=endless())

    async def test_a_payload_is_bounded_beside_its_continuation(self, small: House) -> None:
        """A continuation may be larger than everything else together."""
        asked = await small.ask(continuation={"state": "x" * 9000})
        found = await small.ok("GET", f"{I}/continuation", small.agent, intent_id=asked)
        assert len(found["continuation"]["state"]) == 9000
        for body in (
            ASK | {"payload": {"x": "y" * 2000}},
            ASK | {"payload": {"x": "é" * 999}},
            ASK | {"continuation": "x" * 10_000},
        ):
            await small.refused(413, "POST", "/v1/intents", small.agent, body)
        one = ASK | {"payload": {"x": "y" * 2000}}
        done = await small.ok("POST", "/v1/intents/batch", small.agent, {"intents": [ASK, one]})
        assert [result["ok"] for result in done["results"]] == [True, False]
        assert done["results"][1]["status"] == 413

    async def test_depth_is_counted_in_levels(self, small: House) -> None:
        deep = {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}
        asked = await small.ask(payload={"x": deep})
        assert (await small.look(asked))["payload"] == {"x": deep}
        deeper = ASK | {"payload": {"x": [deep]}}
        error = await small.refused(422, "POST", "/v1/intents", small.agent, deeper)
        assert "deeper than 8" in error["message"]

    async def test_a_batch_has_a_size(self, small: House) -> None:
        path = "/v1/intents/batch"
        for intents in ([], [{}] * 501, "x", [1], None):
            await small.refused(422, "POST", path, small.agent, {"intents": intents})

    async def test_eight_mebibytes_of_continuation(self, house: House) -> None:
        state = "x" * (8 * 1024 * 1024 - 1000)
        asked = await house.ask(continuation=state)
        found = await house.ok("GET", f"{I}/continuation", house.agent, intent_id=asked)
        assert found["continuation"] == state
        body = ASK | {"continuation": "x" * 8 * 1024 * 1024}
        await house.refused(413, "POST", "/v1/intents", house.agent, body)

    async def test_a_key_that_calls_too_often_is_told_when_to_come_back(
        self, tmp_path: Any
    ) -> None:
        async with opened(database_in(tmp_path), rate_limit=0.5, rate_burst=3) as house:
            for _ in range(3):
                await house.ok("GET", "/v1/whoami", house.agent)
            response = await house.call("GET", "/v1/whoami", house.agent)
            assert response.status_code == 429
            assert response.headers["retry-after"] == "2"
            assert response.json()["error"]["code"] == "rate_limit_exceeded"
            await house.ok("GET", "/v1/whoami", house.ana)
            await house.ok("GET", "/health")


class TestProblems:
    async def test_are_rfc_9457_and_of_the_protocol(self, house: House) -> None:
        response = await house.call("GET", I, house.agent, intent_id="x")
        assert response.headers["content-type"] == "application/problem+json"
        body = response.json()
        assert body == {
            "type": "urn:holdshort:error:not_found",
            "title": "not found",
            "status": 404,
            "detail": "there is no such intent",
            "error": {"code": "not_found", "message": "there is no such intent", "details": {}},
        }

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nowhere", 404),
            ("GET", "/v1", 404),
            ("GET", "/v1/nothing", 404),
            ("POST", "/v1/intents/x/y/z", 404),
            ("GET", "/v1/intents/", 404),
            ("DELETE", "/v1/intents", 405),
            ("PATCH", "/v1/intents/x", 405),
            ("GET", "/v1/leases", 405),
            ("OPTIONS", "/v1/intents", 405),
        ],
    )
    async def test_routing_refuses_in_the_same_shape(
        self, house: House, method: str, path: str, status: int
    ) -> None:
        response = await house.http.request(method, path)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        body = response.json()
        assert body["status"] == status
        assert isinstance(body["detail"], str)
        assert body["error"]["code"] == ("not_found" if status == 404 else "method_not_allowed")
        if status == 405:
            assert response.headers["allow"]

    async def test_a_defect_tells_nothing(
        self, house: House, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The reason is in the log, for those who run it."""
        house.store.close()
        response = await house.call("GET", I, house.agent, intent_id="x")
        assert response.status_code == 500
        assert "closed" not in response.text
        assert "closed database" in caplog.text


async def test_the_order_of_keys_makes_no_other_request(house: House) -> None:
    body = {"to": ANA, "payload": {"a": 1, "b": {"x": 1, "y": 2}}, "intent_type": TYPE}
    turned = json.loads(json.dumps(body, sort_keys=True))
    headers = {"Idempotency-Key": "k"}
    first = await house.ok("POST", "/v1/intents", house.agent, body, headers=headers)
    again = await house.ok("POST", "/v1/intents", house.agent, turned, headers=headers)
    assert again["intent_id"] == first["intent_id"]
