"""Fill in what docs/reference takes from the code; `--check` only says whether it is up to date.

A page holds `<!-- generated: NAME -->` and `<!-- end -->`; what stands between them is made here.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main

import holdshort
from holdshort.cli.command import _OPTIONS
from holdshort.cli.main import app
from holdshort.errors import BY_CODE, HoldshortError
from holdshort.kinds import KINDS
from holdshort.policy.resolve import BUILT_IN
from holdshort.requests import PolicyPatch, TenantPolicy
from holdshort.server.contract import ENDPOINTS
from holdshort.server.openapi import openapi
from holdshort.server.schemas import PARAMETERS
from holdshort.settings import Settings

REFERENCE = Path(__file__).parent.parent / "docs/reference"
_REGION = re.compile(r"(<!-- generated: ([a-z ]+) -->\n)(.*?)(<!-- end -->)", re.S)

#: Options that most commands have; they are shown once.
SHARED = {
    "url": "--url URL",
    "database": "--database DB",
    "person": "--as PERSON",
    "agent": "--agent AGENT",
    "json": "--json",
}
#: Raised by the client itself, so that no status goes with them.
OF_THE_CLIENT = ("wait_timeout", "rejected", "configuration_error")

POLICY_FIELDS = {
    "reviewers": "who decides, whatever the call says: addresses, `team:…`, `role:…`",
    "remind_after": "when the first reminder goes out",
    "remind_every": "how long after one reminder the next goes out",
    "max_reminders": "how many reminders there are; 0 for none",
    "escalate": "the ladder: `{after, to}`, or only who. Without it, the default reviewers",
    "escalate_after": "when the first rung comes that does not say; each further one 30 min later",
    "deadline": "until when a step may be answered",
    "fallback": "the answer when nobody gives one: `reject` or `approve`",
    "quorum": "how many different people have to say yes",
    "reject_quorum": "how many different people have to say no",
    "risk": "`low`, `medium` or `high`; shown to reviewers",
    "allow_edit": "whether reviewers may change the arguments",
    "require_comment": "whether every answer needs a comment",
    "separation_of_duties": "whether an agent's owner is kept from deciding what it asks",
    "calendar": "working hours by name, from the tenant's settings: only they count for reminders, "
    "escalation and deadline",
    "cost_from": "where the arguments say what it costs, such as `order.total`; what the agent "
    "says beside them does not count then",
    "grant_ttl": "how long the permit of a yes can be used",
    "execution_timeout": "how long a run may take to report before it counts as lost",
}


def main() -> None:
    """Write the pages, or check them."""
    stale, used = [], set()
    for path in sorted(REFERENCE.glob("*.md")):
        before = path.read_text(encoding="utf-8")
        used |= {found[2] for found in _REGION.finditer(before)}
        after = _REGION.sub(lambda found: f"{found[1]}\n{MADE[found[2]]()}\n\n{found[4]}", before)
        if after != before:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(after, encoding="utf-8")
    same(used, MADE, "what is made")
    if stale and "--check" in sys.argv:
        sys.exit(f"out of date: {', '.join(stale)}. Run python scripts/make_reference.py")
    print(f"docs/reference: {'written ' + ', '.join(stale) if stale else 'up to date'}")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; what is in a cell cannot break it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in lines
    )


def same(known: Iterable[str], found: Iterable[str], what: str) -> None:
    """End the run where this script and the code do not name the same things."""
    if differ := sorted({*known} ^ {*found}):
        sys.exit(f"{what}: only in the code or only in scripts/make_reference.py: {differ}")


def one_line(text: str | None) -> str:
    """Return a text without its line breaks."""
    return re.sub(r"\s+", " ", inspect.cleandoc(text or "")).strip()


def shared_options() -> str:
    """Return the options that every command has which acts somewhere."""
    return table(("option", "meaning"), _shared_rows())


def _shared_rows() -> list[tuple[str, str]]:
    return [
        (f"`{spelled}`", one_line(_OPTIONS[name][0].__metadata__[0].help))
        for name, spelled in SHARED.items()
    ]


def cli() -> str:
    """Return every command, from its own help."""
    parts, shared = [], _shared_rows()
    for path, command in commands(typer.main.get_command(app), ()):
        parts += [f"## holdshort {' '.join(path)}", paragraphs(command.help)]
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option"]
        usage = ["holdshort", *path, *(_argument(one) for one in arguments), "[OPTIONS]"]
        parts.append(f"```text\n{' '.join(usage)}\n```")
        about = [(p, getattr(p, "help", None)) for p in [*arguments, *options]]
        rows = [(f"`{_spelled(p)}`", one_line(text)) for p, text in about if text or p in options]
        if own := [row for row in rows if row not in shared]:
            parts.append(table(("option", "meaning"), own))
        examples = [line.strip() for line in command.epilog.splitlines() if line.startswith("  ")]
        parts.append("\n".join(["```text", *examples, "```"]))
    return "\n\n".join(parts)


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Find every command that does something."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    for name, child in children.items():
        yield from commands(child, (*path, name))


def paragraphs(text: str | None) -> str:
    """Return a help text as Markdown."""
    return "\n\n".join(one_line(part) for part in inspect.cleandoc(text or "").split("\n\n"))


def _argument(one: Any) -> str:
    name = (one.metavar or one.name).strip("[]").upper()
    return name if one.required else f"[{name}]"


def _spelled(one: Any) -> str:
    if one.param_type_name == "argument":
        return _argument(one)
    names = ", ".join(one.opts)
    return names if one.is_flag else f"{names} {one.metavar or one.name.upper()}"


def python() -> str:
    """Return every public name but the errors, from its signature and docstring."""
    parts = []
    for name in sorted(holdshort.__all__):
        one = getattr(holdshort, name)
        if not inspect.isclass(one) or issubclass(one, HoldshortError):
            continue
        parts.append(f"## {name}")
        if name.startswith("Async"):
            twin = name.removeprefix("Async")
            same(_methods(one), _methods(getattr(holdshort, twin)), f"{name} and {twin}")
            parts.append(
                f"[{twin}](#{twin.lower()}) for `async` code: the same arguments and methods, "
                f"awaited.\n`async with {name}(…) as one` closes it at the end."
            )
            continue
        fields = _fields(one)
        parts += [] if fields else [f"```text\n{name}{_signature(one)}\n```"]
        parts += [_docstring(one), *fields]
        for method in _methods(one):
            found = getattr(one, method)
            colour = "async " if inspect.iscoroutinefunction(found) else ""
            parts.append(f"### {name}.{method}")
            parts.append(f"```text\n{colour}{method}{_signature(found)}\n```")
            parts.append(_docstring(found))
    parts += ["## gate", f"```text\n@gate{_signature(holdshort.gate)}\n```"]
    return "\n\n".join([*parts, _docstring(holdshort.gate)])


def _methods(one: type) -> list[str]:
    if one is holdshort.Decision:
        return []  # it is read; how it is made is nobody else's business
    return [
        name
        for name, found in vars(one).items()
        if not name.startswith("_") and inspect.isfunction(found)
    ]


def _signature(function: Callable[..., Any]) -> str:
    found = inspect.signature(function)
    text, star = [], False
    for one in found.parameters.values():
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not star:
            text.append("*")
            star = True
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f" = {one.default!r}"
        text.append(f"{mark}{one.name}: {one.annotation}{default}")
    returns = found.return_annotation
    arrow = "" if returns in (found.empty, "None") else f" -> {returns}"
    line = f"({', '.join(text)}){arrow}"
    return line if len(line) <= 100 else "(\n    " + ",\n    ".join(text) + f",\n){arrow}"


def _docstring(one: Any) -> str:
    """Return a docstring as Markdown: examples in a block, arguments as a list."""
    lines, out, block = inspect.cleandoc(one.__doc__ or "").splitlines(), [], []
    in_arguments = False
    for line in [*lines, ""]:
        if line.startswith((">>>", "...")):
            if not block and out and out[-1]:
                out.append("")
            block.append(line)
            continue
        if block:
            out += ["```text", *block, "```"]
            block = []
        if line == "Args:":
            in_arguments = True
            continue
        if in_arguments and (found := re.match(r"    (\w+): (.*)", line)):
            out.append(f"- `{found[1]}`: {found[2]}")
        elif in_arguments and line.startswith("        "):
            out.append(f"  {line.strip()}")
        else:
            in_arguments = in_arguments and not line
            out.append(line)
    return "\n".join(out).strip()


def _fields(one: type) -> list[str]:
    """Return the fields of a record, with the texts that stand below them in the source."""
    if one not in (holdshort.Decision, holdshort.Job):
        return []
    tree = ast.parse(inspect.cleandoc(inspect.getsource(one)))
    body = tree.body[0].body  # type: ignore[attr-defined]
    rows = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_"):
            said = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            text = one_line(str(after.value.value)) if said else ""  # type: ignore[union-attr]
            rows.append(
                (f"`{ast.unparse(node.target)}`", f"`{ast.unparse(node.annotation)}`", text)
            )
    return [table(("field", "type", "meaning"), rows)]


def parameters() -> str:
    """Return the query parameters and headers."""
    rows = (
        (f"`{n}`", schema.get("description") or _choices(schema))
        for n, schema in PARAMETERS.items()
    )
    return table(("name", "meaning"), rows)


def operations() -> str:
    """Return every operation, from the contract."""
    parts = []
    models: dict[str, dict[str, Any]] = openapi()["components"]["schemas"]
    for endpoint in ENDPOINTS:
        facts = [("key", ", ".join(endpoint.roles) or "none needed")]
        if endpoint.query:
            facts.append(("query", ", ".join(f"`{name}`" for name in endpoint.query)))
        if endpoint.headers:
            facts.append(("headers", ", ".join(f"`{name}`" for name in endpoint.headers)))
        if endpoint.body is not None:
            facts.append(("body", _body(models[endpoint.body.__name__])))
        text = endpoint.reply == "Text"
        facts.append(("answer", f"`{endpoint.media}`" if text else _names(models[endpoint.reply])))
        parts.append(f"## {endpoint.method} {endpoint.path}")
        parts += [one_line(endpoint.handler.__doc__), table(("", ""), facts)]
    return "\n\n".join(parts)


def _choices(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{one}`" for one in schema["enum"])
    if "minimum" in schema:
        return f"{schema['minimum']} to {schema['maximum']}, without it {schema['default']}"
    return "a text"


def _body(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    return ", ".join(
        f"**`{name}`**" if name in required else f"`{name}`" for name in schema["properties"]
    ) + ("" if not required else " (bold: required)")


def _names(schema: dict[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in schema["properties"])


def errors() -> str:
    """Return every error, from its class."""
    rows = [
        (
            f"`{code}`",
            "" if code in OF_THE_CLIENT else one.status,
            f"`{one.__name__}`",
            f"`{one.__mro__[1].__name__}`",
            one_line(one.__doc__),
        )
        for code, one in BY_CODE.items()
    ]
    return table(("code", "status", "class", "is a", "meaning"), rows)


def settings() -> str:
    """Return every setting of the runtime."""
    rows = [
        (
            f"`HOLDSHORT_{name.upper()}`",
            "" if field.default is None else f"`{json.dumps(field.default)}`",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    ]
    return table(("variable", "default", "meaning"), rows)


def policy() -> str:
    """Return every field of a policy, and what is built in."""
    same(POLICY_FIELDS, TenantPolicy.model_fields, "policy fields")
    rows = [
        (
            f"`{name}`",
            f"`{json.dumps(BUILT_IN[name])}`" if name in BUILT_IN else "",
            "yes" if name in PolicyPatch.model_fields else "no",
            meaning,
        )
        for name, meaning in POLICY_FIELDS.items()
    ]
    return table(("field", "built in", "in a call", "meaning"), rows)


def kinds() -> str:
    """Return every kind of human task with its outcomes."""
    head = ("kind", "yes", "no", "neither", "needs a comment", "may time out to *approve*")
    rows = [
        (
            f"`{kind.name}`",
            ", ".join(f"`{one}`" for one in kind.positive),
            f"`{kind.negative}`",
            ", ".join(f"`{one}`" for one in kind.neutral),
            ", ".join(f"`{one}`" for one in sorted(kind.comment_for)),
            "yes" if kind.can_default_to_yes else "no",
        )
        for kind in KINDS.values()
    ]
    return table(head, rows)


MADE: dict[str, Callable[[], str]] = {
    "shared options": shared_options,
    "commands": cli,
    "python": python,
    "parameters": parameters,
    "operations": operations,
    "errors": errors,
    "settings": settings,
    "policy": policy,
    "kinds": kinds,
}

if __name__ == "__main__":
    main()
