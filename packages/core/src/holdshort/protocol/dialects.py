"""What a body sent to `resume` says. It has four dialects for people and agents; who may say what
is decided by the caller's key and the step, never by the body."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from holdshort.errors import InvalidRequest
from holdshort.requests import DecisionRequest
from holdshort.server.body import validated

#: What stands beside a person's answer and is not part of it. Who acts comes from the key.
_NOT_SAID = {"actor", "expected_policy_generation", "internal_scheduler", "owner_agent"}
_WORDS = {"approve": "approved", "reject": "rejected"}


def persons_answer(
    body: dict[str, Any],
    *,
    sign: Callable[[str], bool | None],
    fields: Collection[str] | None = None,
) -> DecisionRequest:
    """Return what a person answered.

    `{"task_result": {"outcome": …, "comment": …, <form fields>}}`, the same without the wrapper, or
    `{"approve_current_step": true}`. Raises InvalidRequest for what says nothing, or two things.

    Args:
        sign: whether an outcome of this task is a yes, a no, or neither.
        fields: the names of the form's fields, which stand beside the outcome; None for no form.
    """
    inner = body.get("task_result")
    if inner is not None and not isinstance(inner, dict):
        raise InvalidRequest("task_result is an object: {outcome, comment, …}")
    result = dict(inner or {})
    outer = {name: value for name, value in body.items() if name != "task_result"}
    for name in _NOT_SAID:
        outer.pop(name, None)
    form = {name: result.pop(name) for name in fields or () if name in result}
    outcome = _one_outcome(result, outer, sign)
    answer: dict[str, Any] = {"outcome": outcome}
    comments = {found for one in (result, outer) if (found := one.pop("comment", None))}
    comments |= {found for one in [outer] if (found := one.pop("reason", None))}
    if len(comments) > 1:
        raise InvalidRequest("the answer has two comments; send one")
    if comments:
        answer["comment"] = comments.pop()
    for name in ("data", "evidence", "digest", "step"):
        for one in (result, outer):
            if name in one:
                answer[name] = one.pop(name)
    if fields is None and (left := result | outer):
        raise InvalidRequest(
            f"this task has no form, so nothing is known of: {', '.join(sorted(left))}",
            problems=[{"field": name, "problem": "unknown"} for name in sorted(left)],
        )
    if form := form | result | outer:
        answer["data"] = (answer.get("data") or {}) | form
    return validated(DecisionRequest, answer)


def _one_outcome(
    result: dict[str, Any], outer: dict[str, Any], sign: Callable[[str], bool | None]
) -> str:
    """Return the one outcome that is said, in whatever places. A body that says two, such as an
    outcome `rejected` beside `approved: true`, is refused: a no must never be taken for a yes."""
    said: set[str] = set()
    flags: set[bool] = set()
    for one in (result, outer):
        for name in ("outcome", "decision"):
            word = one.pop(name, None)
            if word is None:
                continue
            if not isinstance(word, str):
                raise InvalidRequest(f"{name} is a word, not {word!r:.80}")
            said.add(_WORDS.get(word, word))
        flag = one.pop("approved", None)
        if flag is not None:
            flags.add(_flag("approved", flag))
    current = outer.pop("approve_current_step", None)
    if current is not None:
        flags.add(_flag("approve_current_step", current))
    if not said and flags:
        said = {"approved" if flag else "rejected" for flag in flags}
    if not said:
        raise InvalidRequest(
            'say what the answer is: {"task_result": {"outcome": "approved"}}',
            problems=[{"field": "task_result.outcome", "problem": "missing"}],
        )
    (outcome, *others) = sorted(said)
    if others or len(flags) > 1 or any(sign(outcome) is not flag for flag in flags):
        raise InvalidRequest(
            "the body says two outcomes; nothing was decided",
            problems=[{"field": "task_result.outcome", "problem": "contradicts another field"}],
        )
    return outcome


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidRequest(f"{name} is true or false, not {value!r:.80}")
    return value


def agents_result(body: dict[str, Any]) -> tuple[bool, dict[str, Any], str | None]:
    """Return what an agent says of its step: whether it was done, its result, and what went wrong.

    `{"action": "complete" | "fail", …}`, or any object, which is the result of a step that is done.
    """
    result = {name: value for name, value in body.items() if name not in _NOT_SAID}
    action = result.pop("action", "complete")
    if action not in ("complete", "fail"):
        raise InvalidRequest(
            f"action is {action!r:.80}; an agent says complete or fail",
            problems=[{"field": "action", "problem": "not complete or fail"}],
        )
    error = result.get("error") or result.get("reason") if action == "fail" else None
    return action == "complete", result, None if error is None else str(error)[:10_000]
