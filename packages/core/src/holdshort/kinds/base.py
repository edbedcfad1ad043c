"""What a kind of human task is: its outcomes, and what an answer to it must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from holdshort.kinds.schema import problem_with_schema, problems_in
from holdshort.models import HumanTask


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of human task. A new kind is one file in this folder that defines `KIND`."""

    name: str
    asks: str
    """The verb phrase of a title: *Approve*, *Fill in*, *Confirm*."""
    positive: tuple[str, ...]
    """Outcomes that let the action run."""
    negative: str
    """The outcome that says no; what *reject* sends, and what a timeout falls back to."""
    neutral: tuple[str, ...] = ()
    """Answers that neither let the action run nor refuse it."""
    comment_for: frozenset[str] = field(default_factory=frozenset)
    """Outcomes that need a comment, because without one the agent cannot act on them."""
    data_schema: dict[str, Any] | None = None
    """What `data` must be on a positive outcome, where the task brings no form of its own."""
    needs_form: bool = False
    form_replaces_comment: bool = False
    """Whether filling in the task's form says what the comment would have to say."""
    can_default_to_yes: bool = True
    """Whether a policy's *approve* fallback makes sense: not where a yes has to carry data."""

    def outcomes(self, task: HumanTask) -> tuple[str, ...]:
        """Every outcome that this task may end with."""
        return task.allowed_outcomes or (*self.positive, *self.neutral, self.negative)

    def sign(self, outcome: str) -> bool | None:
        """True for a yes, False for a no, None for another answer.

        An outcome that an agent invents in `allowed_outcomes` is never a yes: agents do not get to
        say which answers release an action.
        """
        if outcome in self.positive:
            return True
        return False if outcome in _NO or outcome == self.negative else None

    def problems_with_task(self, task: HumanTask) -> list[tuple[str, str]]:
        """Return what is wrong with the task itself, as (field, problem)."""
        found = []
        if self.needs_form and task.form_schema is None:
            found.append(("human_task.form_schema", f"a {self.name} needs a JSON Schema here"))
        if task.form_schema is not None:
            problem = problem_with_schema(task.form_schema)
            if problem:
                found.append(("human_task.form_schema", problem))
        return found

    def problems_with_answer(
        self,
        task: HumanTask,
        *,
        outcome: str,
        comment: str | None,
        data: dict[str, Any] | None,
        evidence: bool,
        comment_required: bool = False,
    ) -> list[tuple[str, str]]:
        """Return what keeps this answer from being taken, as (field, problem); empty when it is
        fine.
        """
        allowed = self.outcomes(task)
        if outcome not in allowed:
            return [
                ("outcome", f"outcome '{outcome}' not in allowed outcomes: {', '.join(allowed)}")
            ]
        found = []
        said_in_form = self.form_replaces_comment and task.form_schema is not None
        needs_comment = (
            task.required_comment
            or comment_required
            or (outcome in self.comment_for and not said_in_form)
        )
        if needs_comment and not (comment or "").strip():
            found.append(("comment", f"'{outcome}' needs a comment here"))
        if self.sign(outcome):
            if task.evidence_required and not evidence:
                found.append(("evidence", "this task needs evidence: a link or a file's SHA-256"))
            schema = task.form_schema or self.data_schema
            if schema is not None:
                found += [
                    (f"data{path}", problem) for path, problem in problems_in(schema, data or {})
                ]
        return found


#: Spellings of *no* that tasks in the field bring along in `allowed_outcomes`.
_NO = frozenset({"rejected", "denied", "declined", "failed", "disapproved", "refused"})
