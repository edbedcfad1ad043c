"""Which of an agent's tool calls a person must clear, and how each is asked."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from holdshort.errors import ConfigurationError

log = logging.getLogger("holdshort.adapters")

When = Callable[[str, dict[str, Any]], bool]
"""A predicate over the tool's name and its arguments."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """How the calls of a tool are asked about.

    Args:
        when: a predicate over name and arguments; where it is False nobody is asked. Where it
            raises, somebody is asked: a gate that errs means *ask*.
        task: the kind of human task: `approval`, `review`, `override`, …
        to: a reviewer or several; without it the type's policy, or the tenant's default.
        title, description: for the reviewer; without a title one is made from the call.
        deadline, fallback: as in `Client.send_intent`.
        intent_type: by which policies match; without it `intent.tool.<name>.v1`.
        secrets: names of arguments (at any depth) that are masked in what is shown and sent. What
            is approved is still bound to their true values.
        idempotent: True where running twice does no harm: a run that was lost is then repeated
            instead of being asked about.
        fields: further fields of `POST /v1/intents`.
    """

    when: When | None = None
    task: str | None = None
    to: str | list[str] | None = None
    title: str | None = None
    description: str | None = None
    deadline: Any = None
    fallback: str | None = None
    intent_type: str | None = None
    secrets: tuple[str, ...] = ()
    idempotent: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)

    def asks(self, tool: str, arguments: dict[str, Any]) -> bool:
        """Whether this call has to be asked about."""
        if self.when is None:
            return True
        try:
            return bool(self.when(tool, arguments))
        except Exception:
            log.warning("the gate of %s failed, so a person is asked", tool, exc_info=True)
            return True


Rule = bool | Gate | When | Mapping[str, Any]
"""True asks, False never does, a function decides, a mapping holds the fields of a `Gate`."""


class Gates:
    """The gates of an agent's tools, by name or pattern.

    >>> gates = Gates.of({"pay": True, "delete_*": Gate(to="team:ops"), "look": False})
    >>> gates.find("delete_user", {}).to
    'team:ops'
    >>> gates.find("look", {}) is None
    True
    """

    def __init__(self, rules: Iterable[tuple[str, Gate | None]]) -> None:
        self._rules = tuple(rules)

    @classmethod
    def of(cls, spec: Gates | Mapping[str, Rule] | Iterable[str] | When | None) -> Gates:
        """Read any of the spellings: names and patterns (`fnmatch`, case counts), a mapping of them
        to rules, or a predicate over name and arguments for all tools. The first that fits counts.

        Raises ConfigurationError for anything else: a gate nobody understands must not stand open.
        """
        if isinstance(spec, Gates):
            return spec
        if spec is None:
            return cls(())
        if isinstance(spec, str):
            return cls([(spec, Gate())])
        if isinstance(spec, Mapping):
            return cls((_name(name), _gate(name, rule)) for name, rule in spec.items())
        if callable(spec):
            return cls([("*", Gate(when=spec))])
        return cls((_name(name), Gate()) for name in spec)

    def find(self, tool: str, arguments: Any) -> Gate | None:
        """Return the gate that this call has to pass, or None where nobody is asked."""
        for pattern, gate in self._rules:
            if fnmatchcase(tool, pattern):
                known = arguments if isinstance(arguments, dict) else {}
                return gate if gate is not None and gate.asks(tool, known) else None
        return None

    def rule(self, tool: str) -> Gate | None:
        """Return the gate of this tool, whatever its calls say; None where none is asked about."""
        for pattern, gate in self._rules:
            if fnmatchcase(tool, pattern):
                return gate
        return None

    def names(self, tool: str) -> bool:
        """Whether any call of this tool could be asked about."""
        return self.rule(tool) is not None


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"a gate is named by a tool's name or a pattern, not by {name!r}")
    return name


def _gate(name: str, rule: Any) -> Gate | None:
    if isinstance(rule, Gate):
        return rule
    if isinstance(rule, bool):
        return Gate() if rule else None
    if isinstance(rule, Mapping):
        try:
            return replace(Gate(), **rule)
        except TypeError as error:
            raise ConfigurationError(f"the gate of {name}: {error}") from error
    if callable(rule):
        return Gate(when=rule)
    raise ConfigurationError(
        f"the gate of {name} is True, False, a Gate, a mapping of its fields, or a function of "
        f"(tool, arguments); not {rule!r}"
    )
