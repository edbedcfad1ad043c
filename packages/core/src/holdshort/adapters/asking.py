"""The intents that adapters file, and the keys that make asking again the same question."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdshort.adapters.gates import Gate
from holdshort.adapters.secrets import Secrets
from holdshort.digest import canonical, sha256
from holdshort.errors import InvalidRequest
from holdshort.visible import visible

_LONGEST_TITLE = 200


def call_key(framework: str, run_id: str, step: str, call_id: str, round: int = 0) -> str:
    """Return the idempotency key of one call of a run: re-executed, it finds the same intent.

    A call's id alone is not enough: models use ids again. `step` names what issued the call (a
    message, a task, a checkpoint); `round` counts where one call is asked about more than once.

    >>> call_key("x", "run-1", "s", "call_0") == call_key("x", "run-1", "s", "call_0")
    True
    >>> call_key("x", "run-1", "s", "call_0") == call_key("x", "run-2", "s", "call_0")
    False
    """
    named = canonical([framework, run_id, step, call_id, round])
    return f"{framework}:{sha256(named)[:48]}"


def shown_arguments(arguments: Any) -> dict[str, Any]:
    """Return a call's arguments as they can be shown to a person and held to.

    Raises InvalidRequest for what is not exact JSON: nobody can approve what cannot be shown.
    """
    if not isinstance(arguments, Mapping):
        raise InvalidRequest(
            f"the arguments of a call are an object, not {type(arguments).__name__}"
        )
    plain = dict(arguments)
    try:
        text = json.dumps(plain, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"these arguments cannot be shown to a person: {error}. Pass plain values (texts, "
            "numbers, lists, dicts)."
        ) from error
    if json.loads(text) != plain:
        raise InvalidRequest(
            "these arguments change when they are written as JSON (a key that is no text, or a "
            "tuple). Pass plain values."
        )
    return plain


def masked_arguments(gate: Gate, key: str, arguments: Any) -> dict[str, Any]:
    """Return the arguments as they are sent: with masks where the gate names secrets."""
    return Secrets(gate.secrets, salt=key).mask(shown_arguments(arguments))


def tool_intent(
    gate: Gate,
    *,
    key: str,
    tool: str,
    arguments: Any,
    agent_name: str = "",
    run_id: str = "",
    app: str = "",
    description: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the intent that asks for one call of a tool, with its `key`.

    It must come out the same whenever the same call is asked about: pass only what the call and its
    place say, nothing of the moment. Raises InvalidRequest where the arguments cannot be shown.
    """
    masked = masked_arguments(gate, key, arguments)
    return _said(
        {
            "key": key,
            "intent_type": gate.intent_type or f"intent.tool.{plain_name(tool)}.v1",
            "task": gate.task,
            "to": gate.to,
            "title": gate.title or _title(agent_name, tool, masked),
            "description": gate.description or description,
            "deadline": gate.deadline,
            "fallback": gate.fallback,
            "idempotent": gate.idempotent or None,
            "action": {"tool": tool, "arguments": masked},
            "payload": _place(agent_name, run_id, app, context),
            **gate.fields,
        }
    )


def question_intent(
    *,
    key: str,
    question: str,
    options: Sequence[str] | None = None,
    schema: dict[str, Any] | None = None,
    to: str | list[str] | None = None,
    deadline: Any = None,
    title: str | None = None,
    intent_type: str | None = None,
    agent_name: str = "",
    run_id: str = "",
    app: str = "",
    context: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the intent that asks a person a question, with its `key`: answered by a text, by one
    of `options`, or by data that fits `schema`."""
    if options:
        answer = {"type": "string", "enum": list(options), "title": "Answer"}
        schema = {"type": "object", "properties": {"answer": answer}, "required": ["answer"]}
    human_task: dict[str, Any] = {"task_type": "clarification", "description": question[:10_000]}
    if schema is not None:
        human_task["form_schema"] = schema
    return _said(
        {
            "key": key,
            "intent_type": intent_type or "intent.human.question.v1",
            "title": title or visible(question)[:_LONGEST_TITLE],
            "to": to,
            "deadline": deadline,
            "human_task": human_task,
            "payload": {"question": question, **_place(agent_name, run_id, app, context)},
            **(fields or {}),
        }
    )


def plain_name(name: str) -> str:
    """Return a name as it can stand in an intent type."""
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")[:100] or "call"


def _place(
    agent_name: str, run_id: str, app: str, context: Mapping[str, Any] | None
) -> dict[str, Any]:
    place = {"agent": agent_name, "app": app, "run_id": run_id}
    return {name: value for name, value in place.items() if value} | dict(context or {})


def _title(agent_name: str, tool: str, arguments: dict[str, Any]) -> str:
    # Sorted: a state that was stored and read back may have them in another order.
    said = ", ".join(
        f"{name}={json.dumps(arguments[name], ensure_ascii=False)}" for name in sorted(arguments)
    )
    call = visible(f"{tool}({said})")
    if len(call) > _LONGEST_TITLE:
        call = f"{call[: _LONGEST_TITLE - 2]} …"
    return f"{visible(agent_name)[:50]}: {call}" if agent_name else call


def _said(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if value is not None}
