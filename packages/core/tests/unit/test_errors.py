from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdshort import errors
from holdshort.errors import BY_CODE, HoldshortError, from_problem


def problem(error: HoldshortError) -> Any:
    """The body that stands for an error, as it comes off the wire."""
    text = json.dumps(
        {
            "detail": error.message,
            "error": {"code": error.code, "message": error.message, "details": error.details},
        }
    )
    return json.loads(text)


def test_every_class_of_the_module_has_its_own_code() -> None:
    classes = {
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, HoldshortError)
    }
    assert len(classes) > 20
    assert set(BY_CODE.values()) == classes
    assert all(code == kind.code for code, kind in BY_CODE.items())


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=lambda kind: kind.__name__)
def test_a_problem_document_turns_back_into_the_error(kind: type[HoldshortError]) -> None:
    sent = kind("it is so", field="to", problems=[{"field": "to", "problem": "missing"}])
    found = from_problem(kind.status, problem(sent))
    assert type(found) is kind
    assert found.message == str(found) == "it is so"
    assert found.details == sent.details


@pytest.mark.parametrize("kind", BY_CODE.values(), ids=lambda kind: kind.__name__)
def test_without_a_message_the_docstring_is_the_message(kind: type[HoldshortError]) -> None:
    message = kind().message
    assert message
    assert "\n\n" not in message
    if kind is not HoldshortError:
        assert message != str(kind.__base__()), "it inherits its parent's message"


def test_what_travels_beside_the_message() -> None:
    limited = from_problem(429, problem(errors.RateLimited(retry_after=2.5)))
    assert isinstance(limited, errors.RateLimited)
    assert limited.retry_after == 2.5
    assert isinstance(errors.WaitTimeout(), TimeoutError)
    assert errors.Rejected(decision="d").decision == "d"


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (422, {"detail": "no"}, errors.InvalidRequest, "no"),
        (404, {}, errors.NotFound, "the server answered 404"),
        (401, None, errors.Unauthenticated, "the server answered 401"),
        (403, "<html>", errors.Forbidden, "the server answered 403"),
        (503, [], errors.Unavailable, "the server answered 503"),
        (429, {"error": "slow down"}, errors.RateLimited, "the server answered 429"),
        (409, {"error": {"code": "from_the_future"}}, errors.Conflict, "the server answered 409"),
        (418, {"error": {"code": ["x"], "message": ["y"]}}, HoldshortError, "['y']"),
        (500, {"error": {"details": "none"}}, HoldshortError, "the server answered 500"),
    ],
)
def test_an_answer_that_is_not_ours(
    status: int, body: Any, kind: type[HoldshortError], message: str
) -> None:
    found = from_problem(status, body)
    assert type(found) is kind
    assert found.message == message
    assert found.details == ({"retry_after": 1.0} if kind is errors.RateLimited else {})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.integers(100, 599),
    values
    | st.fixed_dictionaries(
        {
            "error": st.fixed_dictionaries(
                {"code": st.sampled_from(sorted(BY_CODE)) | values},
                optional={
                    "message": values,
                    "details": st.dictionaries(
                        st.sampled_from(["self", "message", "retry_after", "decision", "x"]), values
                    ),
                },
            )
        }
    ),
)
def test_whatever_a_server_answers_it_becomes_an_error(status: int, body: Any) -> None:
    assert isinstance(from_problem(status, body), HoldshortError)
