"""Many equal tasks at once: only what is of low risk, shown whole, and needs one person's word.

Every task is decided for itself, on the digest that its row showed. What cannot be decided this way
is refused here, whatever was posted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from holdshort.errors import HoldshortError, InvalidRequest
from holdshort.inbox import shown, tasks
from holdshort.inbox.web import go, one, own_form, page, visitor
from holdshort.kinds import kind_named
from holdshort.lifecycle import Decide
from holdshort.models import Directory, Intent, Principal
from holdshort.notify import said
from holdshort.policy.eligible import Seat, seat_of, why_not
from holdshort.requests import DecisionRequest
from holdshort.server.body import validated
from holdshort.server.context import Context
from holdshort.server.sessions import Visitor
from holdshort.server.similar import among, asked_by

#: The most tasks in one batch.
MOST = 25


@dataclass(frozen=True)
class Row:
    """One task of a batch, with everything that it would run."""

    intent: Intent
    what: str
    arguments: shown.Shown
    seat: Seat | None
    """How the reader answers it: in their own name, or for whom."""
    refused: bool
    """Whether exactly this was refused before: its card says by whom."""

    @property
    def why_alone(self) -> str | None:
        """Why what it shows cannot be decided in a row; None where it can."""
        if self.refused:
            return "exactly this was refused before"
        return None if looks_plain(self.arguments) else "not all of it can be read in a row"


@dataclass(frozen=True)
class Done:
    """How one task of a batch went."""

    intent: Intent | None
    id: str
    what: str
    problem: str = ""


def why_alone(intent: Intent, principal: Principal, directory: Directory) -> str | None:
    """Return why a task has to be decided on its own card; None where a batch may hold it.

    What it would run is judged by `Row.why_alone`.
    """
    step = intent.current
    if intent.terminal or step.held is not None:
        return "it is answered already"
    if step.policy.risk != "low":
        return f"it is of {step.policy.risk} risk"
    if step.policy.quorum > 1 or step.policy.reject_quorum > 1:
        return "more than one person has to answer it"
    if len(intent.steps) > 1:
        return "it has several steps"
    if step.task.form_schema is not None or kind_named(step.task.task_type).data_schema:
        return "it has a form"
    if step.task.evidence_required:
        return "it needs evidence"
    if intent.edited_arguments is not None:
        return "somebody has changed what was asked"
    why = why_not(principal, intent, directory)
    return None if why is None else why.rstrip(".")


def looks_plain(arguments: shown.Shown) -> bool:
    """Whether arguments can be read in a row: nothing unseen, nothing folded, nothing elsewhere."""
    if arguments.kind == "masked" or arguments.strange or arguments.long:
        return False
    if arguments.kind == "text" and arguments.note:
        return False
    return all(looks_plain(child) for _, child in arguments.items)


def alike(intent: Intent) -> tuple[Any, ...]:
    """Return what has to be equal for two tasks to stand in one batch."""
    step = intent.current
    return (
        intent.agent,
        intent.tool,
        intent.intent_type,
        intent.environment,
        step.task.task_type,
        step.task.allowed_outcomes,
        step.policy.model_dump_json(),
        step.reviewers,
    )


def groups(found: list[Intent], principal: Principal, directory: Directory) -> list[list[Intent]]:
    """Return the tasks that can be decided together, each group with at least two of them."""
    by_kind: dict[tuple[Any, ...], list[Intent]] = {}
    for intent in found:
        if why_alone(intent, principal, directory) is None:
            by_kind.setdefault(alike(intent), []).append(intent)
    return [group for group in by_kind.values() if len(group) > 1]


async def batch(request: Request) -> Response:
    """Show the tasks that are equal to one of them."""
    ctx, who = await visitor(request)
    like = request.query_params.get("like", "")
    return await _shown(ctx, who, await ctx.intent(who.principal, like))


async def decide(request: Request) -> Response:
    """Give the same answer to each task that was chosen. Each can be taken back for itself."""
    ctx, who = await visitor(request)
    posted = await own_form(request, who)
    if "arguments" in posted or any(name.startswith("a:") for name in posted):
        raise InvalidRequest("arguments are changed on a card, one by one")
    like = await ctx.intent(who.principal, one(posted, "like") or "")
    outcome, chosen = one(posted, "outcome") or "", list(dict.fromkeys(posted.get("one", [])))
    if not chosen or len(chosen) > MOST:
        problem = "Choose at least one." if not chosen else f"At most {MOST} at once."
        return await _shown(ctx, who, like, status=422, problem=problem)
    comment = one(posted, "comment")
    # Nothing is decided whose digest is another one than what was sent.
    digests = {asked: one(posted, f"digest:{asked}") for asked in chosen}
    sent = [digest for digest in digests.values() if digest]
    before = await asked_by(ctx, like.tenant, like.agent, sent)
    done = [
        await _one(ctx, who, like, before, asked, digests[asked], outcome, comment)
        for asked in chosen
    ]
    return page(
        "batch_done.html",
        422 if all(found.problem for found in done) else 200,
        visitor=who,
        done=done,
        outcome=outcome,
        undo_seconds=ctx.settings.undo_seconds,
    )


async def _one(
    ctx: Context,
    who: Visitor,
    like: Intent,
    before: list[Intent],
    asked: str,
    digest: str | None,
    outcome: str,
    comment: str | None,
) -> Done:
    """Decide one task, all looked at again; say what is wrong where that is not possible."""
    intent, what = None, asked
    try:
        intent = await ctx.intent(who.principal, asked)
        directory = await ctx.engine.directory_now(intent.tenant)
        row = await _row(ctx, intent, who, directory, before)
        what = row.what
        problem = why_alone(intent, who.principal, directory) or row.why_alone
        if problem is None and alike(intent) != alike(like):
            problem = "it is not equal to the others"
        if problem is None and digest is None:
            problem = "it was not on the page that was sent"
        if problem is not None:
            return Done(intent, asked, what, f"Not decided here: {problem}.")
        answer = {
            "outcome": outcome,
            "comment": comment,
            "digest": digest,
            "step": intent.step,
            "undo_seconds": ctx.settings.undo_seconds,
        }
        body = validated(DecisionRequest, {k: v for k, v in answer.items() if v is not None})
        done = await ctx.engine.submit(intent.tenant, asked, Decide(who.principal, body))
        return Done(done.intent, asked, what)
    except HoldshortError as error:
        return Done(intent, asked, what, error.message)


async def _shown(
    ctx: Context, who: Visitor, like: Intent, *, status: int = 200, problem: str = ""
) -> Response:
    directory = await ctx.engine.directory_now(like.tenant)
    found = await tasks.waiting(ctx, who.principal.tenant, who.principal.id)
    same = [one.digest for one in found.tasks if alike(one) == alike(like)]
    before = await asked_by(ctx, like.tenant, like.agent, same)
    rows: list[Row] = []
    alone: list[tuple[Intent, str]] = []
    for intent in found.tasks:
        if alike(intent) != alike(like) or len(rows) == MOST:
            continue
        row = await _row(ctx, intent, who, directory, before)
        why = why_alone(intent, who.principal, directory) or row.why_alone
        if why is not None:
            alone.append((intent, why))
        else:
            rows.append(row)
    if not rows and not problem:
        return go(f"/inbox/{like.id}")
    kind = kind_named(like.current.task.task_type)
    outcomes = [(o, said.label(o), kind.sign(o)) for o in kind.outcomes(like.current.task)]
    return page(
        "batch.html",
        status,
        visitor=who,
        like=like,
        rows=rows,
        alone=alone,
        outcomes=outcomes,
        problem=problem,
        most=MOST,
        undo_seconds=ctx.settings.undo_seconds,
    )


async def _row(
    ctx: Context, intent: Intent, who: Visitor, directory: Directory, before: list[Intent]
) -> Row:
    body = await ctx.engine.read(ctx.engine.store.body, intent.tenant, intent.id)
    arguments = said.arguments(intent, body)
    seat = seat_of(who.principal.id, intent, directory)
    refused = among(intent, before, who.principal.id, directory).refused
    what = said.what(intent, arguments)
    return Row(intent, what, shown.shown(arguments), seat, refused)


PAGES = (
    ("GET", "/inbox/batch", batch),
    ("POST", "/inbox/batch", decide),
)
