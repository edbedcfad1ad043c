"""What graphs ask, and in which shape each wants its answer: one question in, decisions out.

A graph may speak our own shape, LangChain's `tool_approval` and `action_requests`, the Agent
Inbox's `action_request`, bring a `response_schema`, or ask anything at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
from langgraph.types import Interrupt

from holdshort.adapters import Gate, answer_of, call_key, question_intent, refusal, tool_intent
from holdshort.client.decision import Decision

OURS = "holdshort"


class Unfit(Exception):
    """What a person decided cannot be given to the graph: its text says why."""


@dataclass(frozen=True)
class Asked:
    """One interrupt as intents: what is filed, and what the graph is given when all have ended."""

    interrupt_id: str
    intents: list[dict[str, Any]]
    reply: Callable[[list[Decision]], Any]
    """Turns the decisions into the graph's answer. Raises Unfit where that is not possible."""
    waits: list[str] = field(default_factory=list)
    """Holdshort's own questions, about how a call ended whose process has died."""
    about: str = ""
    """The key of the intent that these are about."""


def asked(
    interrupt: Interrupt,
    *,
    thread_id: str,
    graph: str,
    fields: Mapping[str, Any] | None = None,
    round: int = 0,
    problem: str = "",
) -> Asked:
    """Read an interrupt. `round` and `problem` ask again, saying what was wrong with the answer."""
    value = interrupt.value
    if isinstance(value, dict) and value.get("type") == OURS:
        return _ours(interrupt.id, value, thread_id, graph)
    ask = _Asking(interrupt.id, thread_id, graph, dict(fields or {}), round, problem)
    schema = getattr(interrupt, "response_schema", None)
    if isinstance(value, dict) and value.get("type") == "tool_approval":
        return _tool_approval(ask, value, schema)
    if isinstance(value, dict) and isinstance(value.get("action_requests"), list):
        return _batch(ask, value)
    boxed = isinstance(value, list) and len(value) == 1
    inner = value[0] if boxed else value
    if isinstance(inner, dict) and "action_request" in inner and "config" in inner:
        return _inbox(ask, inner)
    if isinstance(schema, dict):
        return _form(ask, value, schema)
    return _free(ask, value)


def wake_up(key: str) -> dict[str, str]:
    """The answer to a question of our own: it says that there is one. What it is stands on the
    server."""
    return {OURS: key}


@dataclass(frozen=True)
class _Asking:
    interrupt_id: str
    thread_id: str
    graph: str
    fields: dict[str, Any]
    round: int
    problem: str

    def key(self, index: int = 0) -> str:
        return call_key(
            "langgraph", self.thread_id, self.interrupt_id, str(index), round=self.round
        )

    def placed(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.problem:
            said = f"Your answer could not be used: {self.problem}"
            task = body.get("human_task")
            if task:
                body["human_task"] = task | {"description": f"{said}\n\n{task['description']}"}
            else:
                body["description"] = f"{said}\n\n{body.get('description', '')}".strip()
        return body | self.fields | {"run": {"id": self.thread_id, "app": self.graph}}

    def tool(
        self, name: str, arguments: Any, description: str | None, task: str, index: int = 0
    ) -> dict[str, Any]:
        return self.placed(
            tool_intent(
                Gate(task=task),
                key=self.key(index),
                tool=name,
                arguments=plain(arguments),
                description=(description or "")[:10_000] or None,
            )
        )

    def question(self, text: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.placed(question_intent(key=self.key(), question=text, schema=schema))


def _ours(interrupt_id: str, value: dict[str, Any], thread_id: str, graph: str) -> Asked:
    wake = wake_up(value["key"])
    body = value.get("intent")
    intents = []
    if body:
        intents.append(body | {"key": value["key"], "run": {"id": thread_id, "app": graph}})
    waits = list(value.get("waits") or [])
    return Asked(interrupt_id, intents, lambda decisions: wake, waits, value["key"])


def _tool_approval(ask: _Asking, value: dict[str, Any], schema: Any) -> Asked:
    allowed = _types_in(schema) or {"approve", "edit", "reject"}
    name, arguments = str(value["name"]), value.get("args") or {}
    description = value.get("description")
    if allowed == {"respond"}:
        body = ask.question(description or f"{name}({_json(arguments)})")
        return Asked(
            ask.interrupt_id,
            [body],
            lambda decisions: {"type": "respond", "message": _text(decisions[0])},
        )
    body = ask.tool(name, arguments, description, _task(allowed))

    def reply(decisions: list[Decision]) -> Any:
        answer = _hitl(decisions[0], name, allowed)
        check(answer, schema)
        return answer

    return Asked(ask.interrupt_id, [body], reply)


def _batch(ask: _Asking, value: dict[str, Any]) -> Asked:
    requests = value["action_requests"]
    configs = value.get("review_configs") or []
    rules: list[set[str]] = []
    for index, request in enumerate(requests):
        config = configs[index] if index < len(configs) else {}
        if config.get("action_name") not in (None, request["name"]):
            named = (c for c in configs if c.get("action_name") == request["name"])
            config = next(named, {})
        rules.append(set(config.get("allowed_decisions") or ("approve", "reject")))
    bodies = [
        ask.tool(
            request["name"],
            request.get("args") or {},
            request.get("description"),
            _task(allowed),
            index,
        )
        for index, (request, allowed) in enumerate(zip(requests, rules, strict=True))
    ]

    def reply(decisions: list[Decision]) -> Any:
        rows = zip(decisions, requests, rules, strict=True)
        return {"decisions": [_hitl(one, req["name"], allowed) for one, req, allowed in rows]}

    return Asked(ask.interrupt_id, bodies, reply)


def _hitl(decision: Decision, name: str, allowed: set[str]) -> dict[str, Any]:
    """One of LangChain's decisions. The tool's name is pinned: an edit changes arguments only."""
    if decision.approved and decision.edited:
        if "edit" not in allowed:
            raise Unfit(f"{name} does not allow edited arguments; approve or reject it as it is")
        return {"type": "edit", "edited_action": {"name": name, "args": decision.arguments}}
    if decision.approved:
        if "approve" not in allowed:
            raise Unfit(f"{name} cannot be approved as it is")
        return {"type": "approve"}
    if decision.outcome == "changes_requested" and "respond" in allowed:
        return {"type": "respond", "message": decision.comment or ""}
    if "reject" in allowed:
        return {"type": "reject", "message": refusal(decision)}
    if "respond" in allowed:
        return {"type": "respond", "message": refusal(decision)}
    raise Unfit(f"{name} allows only: {', '.join(sorted(allowed))}")


def _inbox(ask: _Asking, value: dict[str, Any]) -> Asked:
    """The Agent Inbox: the answer is always a list of one."""
    request, config = value["action_request"], value["config"] or {}
    action, arguments = str(request.get("action")), request.get("args") or {}
    description = value.get("description")
    if not (config.get("allow_accept") or config.get("allow_edit")):
        body = ask.question(description or f"{action}({_json(arguments)})")

        def answer(decisions: list[Decision]) -> Any:
            if decisions[0].approved and config.get("allow_respond"):
                return [{"type": "response", "args": _text(decisions[0])}]
            return [{"type": "ignore", "args": None}]

        return Asked(ask.interrupt_id, [body], answer)
    task = "review" if config.get("allow_respond") else "approval"
    body = ask.tool(action, arguments, description, task)

    def reply(decisions: list[Decision]) -> Any:
        decision = decisions[0]
        if decision.approved:
            kind = "edit" if decision.edited else "accept"
            if not config.get(f"allow_{kind}"):
                raise Unfit(f"{action} does not allow to {kind}")
            return [{"type": kind, "args": {"action": action, "args": decision.arguments}}]
        if decision.outcome == "changes_requested":
            return [{"type": "response", "args": decision.comment or ""}]
        if config.get("allow_ignore") or not config.get("allow_respond"):
            return [{"type": "ignore", "args": None}]
        return [{"type": "response", "args": refusal(decision)}]

    return Asked(ask.interrupt_id, [body], reply)


def _form(ask: _Asking, value: Any, schema: dict[str, Any]) -> Asked:
    """A question with a schema. What is no object is asked as one field."""
    whole = schema.get("type") == "object" or "properties" in schema
    shown = schema
    if not whole:
        inner = {name: part for name, part in schema.items() if name != "$defs"}
        shown = {"type": "object", "properties": {"answer": inner}, "required": ["answer"]}
        if "$defs" in schema:
            shown["$defs"] = schema["$defs"]

    def reply(decisions: list[Decision]) -> Any:
        decision = decisions[0]
        if not decision.approved:
            return _no_answer(schema)
        data = decision.raw["data"] or {}
        answer = data if whole else data.get("answer")
        check(answer, schema)
        return answer

    return Asked(ask.interrupt_id, [ask.question(_words(value), shown)], reply)


def _free(ask: _Asking, value: Any) -> Asked:
    def reply(decisions: list[Decision]) -> Any:
        return json_or_text(answer_of(decisions[0])) if decisions[0].approved else None

    return Asked(ask.interrupt_id, [ask.question(_words(value))], reply)


def _no_answer(schema: dict[str, Any]) -> Any:
    """What a graph with a schema is told where nobody answered: nothing, where its schema has a
    way to say so."""
    try:
        check(None, schema)
    except Unfit as unfit:
        raise Unfit("the graph cannot go on without this answer") from unfit
    return None


def check(answer: Any, schema: Any) -> None:
    """Raise Unfit where an answer does not fit the schema that the graph will hold it to: a wrong
    answer that reaches a graph can stay in its thread for good."""
    if not isinstance(schema, dict):
        return
    try:
        validator = jsonschema_rs.Draft202012Validator(schema)
    except Exception:
        return  # the graph's own schema is broken; it says so itself
    for error in validator.iter_errors(answer):
        path = "".join(f".{part}" for part in error.instance_path)
        raise Unfit(f"{path.lstrip('.') or 'the answer'}: {error.message}")


def json_or_text(answer: Any) -> Any:
    """A typed answer that is a JSON object or list is taken as one; any other text is a text."""
    if isinstance(answer, str) and answer.strip()[:1] in ("{", "["):
        try:
            return json.loads(answer)
        except ValueError:
            return answer
    return answer


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(name): plain(child) for name, child in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(child) for child in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return plain(dump(mode="json"))
    return str(value)


def _types_in(schema: Any) -> set[str]:
    """The decisions that a `tool_approval`'s schema allows."""
    if not isinstance(schema, dict):
        return set()
    found: set[str] = set()
    defs: Sequence[Any] = [schema, *(schema.get("$defs") or {}).values()]
    for one in defs:
        if isinstance(one, dict):
            kind = (one.get("properties") or {}).get("type")
            if isinstance(kind, dict) and isinstance(kind.get("const"), str):
                found.add(kind["const"])
    return found


def _task(allowed: set[str]) -> str:
    return "review" if "respond" in allowed else "approval"


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value or "The graph asks for an answer."
    if isinstance(value, dict):
        for name in ("question", "message", "prompt", "query", "description"):
            text = value.get(name)
            if isinstance(text, str) and text:
                rest = {k: v for k, v in value.items() if k != name}
                return f"{text}\n\n{_json(rest)}" if rest else text
    return _json(value)


def _text(decision: Decision) -> str:
    if not decision.approved:
        return refusal(decision)
    answer = answer_of(decision)
    return answer if isinstance(answer, str) else _json(answer)


def _json(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=2)
