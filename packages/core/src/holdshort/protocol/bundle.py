"""From a scenario (the protocol's `scenario.json`) to an intent: pure.

Scenarios in the wild do not keep to their own schema, so they are read leniently: an empty text is
an absence, and what is understood but has no meaning here is said as a warning. What cannot be
understood is refused with the reason; nothing is left out in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from holdshort.protocol.body import said
from holdshort.requests import IntentRequest
from holdshort.server.body import invalid

AGENT_TOOLS = frozenset({"tool.agent.task.v1", "agent_task"})
HUMAN_TOOLS = frozenset(
    {
        "tool.approval.human_signoff",
        "tool.human.approval.v1",
        "tool.human_approval",
        "human_approval",
    }
)
_TIMES = (
    "remind_after_seconds",
    "remind_interval_seconds",
    "max_reminders",
    "escalate_to",
)
_STEP = {
    *_TIMES,
    "step_id",
    "name",
    "tool_id",
    "runtime_type",
    "assigned_to",
    "requires_approval",
    "step_deadline_seconds",
    "human_task",
    "on_success",
    "on_failure",
}
_INTENT = {
    *_TIMES,
    "type",
    "payload",
    "deadline_at",
    "ttl_seconds",
    "human_task",
    "correlation_id",
    "reply_to",
    "max_delivery_attempts",
}
_BUNDLE = {"scenario_id", "title", "description", "idempotency_key", "agents", "humans"} | {
    "workflow",
    "intent",
}
_AGENT = {"role", "address", "display_name", "delivery_mode", "create_if_missing", "description"}
_HUMAN = {"role", "contact", "display_name"}


@dataclass(frozen=True, slots=True)
class NewAgent:
    """An agent of a scenario."""

    role: str
    address: str
    display_name: str
    create_if_missing: bool


@dataclass(slots=True)
class Scenario:
    """What a bundle says, understood."""

    id: str
    title: str
    agents: list[NewAgent] = field(default_factory=list)
    key: str | None = None
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    people: dict[str, str | None] = field(default_factory=dict)
    """By role: the person's address, or None where the tenant's default reviewers are asked."""
    _bundle: dict[str, Any] = field(default_factory=dict)

    def request(self, addresses: dict[str, str]) -> IntentRequest:
        """Return the intent that this scenario files. Raises InvalidRequest.

        Args:
            addresses: the full address of each agent, by its address as the scenario has it.
        """
        by_role = {one.role: addresses[one.address] for one in self.agents}
        intent = said(self._bundle.get("intent") or {})
        steps = [self._step(one, by_role, addresses) for one in _steps(self._bundle)]
        if intent.get("human_task") and not steps:
            steps.append({"human_task": self._task(intent["human_task"])})
        body: dict[str, Any] = {
            "intent_type": intent.get("type", ""),
            "title": self.title,
            "description": self._bundle.get("description") or "",
            "payload": intent.get("payload") or {},
            **{name: self._reviewer_in(name, intent[name]) for name in _TIMES if name in intent},
        }
        for name in ("deadline_at", "ttl_seconds", "reply_to", "correlation_id"):
            if name in intent:
                body[name] = intent[name]
        if steps:
            body["steps"] = steps
        first = next((one["agent"] for one in steps if "agent" in one), None)
        if first is None and by_role:
            first = next(iter(by_role.values()))
        if first:
            body["to_agent"] = first
        try:
            return IntentRequest.model_validate(body)
        except ValidationError as error:
            raise invalid(error) from None

    def _step(
        self, raw: dict[str, Any], by_role: dict[str, str], addresses: dict[str, str]
    ) -> dict[str, Any]:
        who = raw.get("assigned_to", "")
        step: dict[str, Any] = {"name": raw.get("step_id") or raw.get("name")}
        for name in (*_TIMES, "step_deadline_seconds", "on_success", "on_failure"):
            if name in raw:
                step[name] = self._reviewer_in(name, raw[name])
        if _asks_people(raw, self.people):
            step["human_task"] = self._task(raw.get("human_task") or {})
            person = self.people.get(who, who if "@" in who or ":" in who else None)
            if person and not step["human_task"].get("assignees"):
                step["to"] = [person]
            return step
        step["agent"] = by_role.get(who) or addresses.get(who) or who
        return step

    def _reviewer_in(self, name: str, value: Any) -> Any:
        if name == "escalate_to" and isinstance(value, str):
            return self.people.get(value) or value
        return value

    def _task(self, raw: dict[str, Any]) -> dict[str, Any]:
        task = said(raw)
        if "assignees" in task:
            task["assignees"] = [self.people.get(one) or one for one in task["assignees"]]
        return task


def read(bundle: dict[str, Any]) -> Scenario:
    """Return what a bundle says; what is wrong with it is in `errors`, what has no effect here in
    `warnings`."""
    bundle = said(bundle)
    scenario_id = str(bundle.get("scenario_id") or "")
    scenario = Scenario(
        scenario_id,
        str(bundle.get("title") or scenario_id),
        key=bundle.get("idempotency_key"),
        _bundle=bundle,
    )
    if not scenario_id:
        scenario.errors.append("scenario_id is missing")
    intent = bundle.get("intent")
    if not isinstance(intent, dict) or not said(intent).get("type"):
        scenario.errors.append("intent.type is missing")
    _unknown(scenario, "", bundle, _BUNDLE)
    _unknown(scenario, "intent.", intent if isinstance(intent, dict) else {}, _INTENT)
    for index, raw in enumerate(_dicts(scenario, bundle.get("agents"), "agents")):
        _read_agent(scenario, raw, f"agents[{index}].")
    for index, raw in enumerate(_dicts(scenario, bundle.get("humans"), "humans")):
        _unknown(scenario, f"humans[{index}].", raw, _HUMAN)
        contact = raw.get("contact")
        scenario.people[str(raw.get("role") or "")] = contact
        if contact is None:
            scenario.warnings.append(
                f"humans[{index}] ({raw.get('role')}) has no contact: the tenant's default "
                "reviewers are asked"
            )
    workflow = bundle.get("workflow")
    if workflow is not None:
        _read_workflow(scenario, workflow)
    return scenario


def _read_agent(scenario: Scenario, raw: dict[str, Any], field_: str) -> None:
    _unknown(scenario, field_, raw, _AGENT)
    address = raw.get("address")
    if not isinstance(address, str):
        scenario.errors.append(f"{field_}address is missing")
        return
    mode = raw.get("delivery_mode", "stream")
    if mode not in ("stream", "poll"):
        scenario.warnings.append(
            f"{field_}delivery_mode {mode!r} has no effect here: the agent listens (stream) or "
            "asks (poll)"
        )
    scenario.agents.append(
        NewAgent(
            role=str(raw.get("role") or address),
            address=address,
            display_name=str(raw.get("display_name") or address),
            create_if_missing=raw.get("create_if_missing") is True,
        )
    )


def _read_workflow(scenario: Scenario, workflow: Any) -> None:
    if not isinstance(workflow, dict):
        scenario.errors.append("workflow is an object: {steps: […]}")
        return
    workflow = said(workflow)
    if workflow.get("macro_id"):
        scenario.errors.append("workflow.macro_id: there are no macros here; write the steps out")
    _unknown(scenario, "workflow.", workflow, {"steps", "macro_id", "parameters", "entry_step"})
    steps = _dicts(scenario, workflow.get("steps"), "workflow.steps")
    first = steps[0].get("step_id") if steps else None
    if workflow.get("entry_step") not in (None, first):
        scenario.errors.append(
            f"workflow.entry_step is {workflow['entry_step']!r}; it has to be the first step"
        )
    names = {one.role for one in scenario.agents} | {one.address for one in scenario.agents}
    for index, raw in enumerate(steps):
        where = f"workflow.steps[{index}]"
        _unknown(scenario, f"{where}.", raw, _STEP)
        people, who = _asks_people(raw, scenario.people), raw.get("assigned_to", "")
        tool = raw.get("tool_id") or raw.get("runtime_type") or ""
        if not people and tool not in ("", *AGENT_TOOLS) and who not in names:
            scenario.errors.append(
                f"{where}: {tool} is not there; a step is an agent's ({_list(AGENT_TOOLS)}) or "
                f"asks people ({_list(HUMAN_TOOLS)}, requires_approval)"
            )
        elif not people and who not in names and not who.startswith("agent://"):
            scenario.errors.append(f"{where}.assigned_to is {who!r}, which is nobody's role")


def _asks_people(raw: dict[str, Any], people: dict[str, str | None]) -> bool:
    tool = raw.get("tool_id") or raw.get("runtime_type")
    return bool(
        raw.get("requires_approval") is True
        or tool in HUMAN_TOOLS
        or raw.get("human_task")
        or raw.get("assigned_to") in people
    )


def _steps(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    workflow = bundle.get("workflow") or {}
    return [said(one) for one in workflow.get("steps") or []]


def _dicts(scenario: Scenario, value: Any, name: str) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        scenario.errors.append(f"{name} is a list of objects")
        return []
    return [said(one) for one in value]


def _unknown(scenario: Scenario, where: str, raw: dict[str, Any], known: set[str]) -> None:
    for name in sorted(set(raw) - known):
        value = raw[name]
        if value not in (None, "", [], {}):
            scenario.warnings.append(f"{where}{name} has no effect here")


def _list(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
