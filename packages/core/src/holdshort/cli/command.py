"""How a command is declared: its own parameters, plus those that all commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from holdshort.cli.session import Acts, Where, open_session

Function = Callable[..., None]

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "url": (
        Annotated[
            str | None,
            typer.Option("--url", metavar="URL", help="The server; else HOLDSHORT_URL."),
        ],
        None,
    ),
    "database": (
        Annotated[
            str | None,
            typer.Option(
                "--database",
                metavar="DB",
                help="Embedded database instead of a server: sqlite:///path or postgresql://…; "
                "else HOLDSHORT_DATABASE, else ./.holdshort/holdshort.db.",
            ),
        ],
        None,
    ),
    "person": (
        Annotated[
            str | None,
            typer.Option(
                "--as",
                metavar="PERSON",
                help="Who you are, in an embedded database; else HOLDSHORT_PERSON.",
            ),
        ],
        None,
    ),
    "agent": (
        Annotated[
            str | None,
            typer.Option(
                "--agent", metavar="AGENT", help="Which agent asks, in an embedded database."
            ),
        ],
        None,
    ),
    "json": (
        Annotated[bool, typer.Option("--json", help="One JSON document, for scripts.")],
        False,
    ),
}
#: Which key a server wants, for the help of `--api-key`.
_KEYS: dict[str, str] = {
    "person": "A person's key; else HOLDSHORT_PERSON_KEY.",
    "agent": "An agent's key; else HOLDSHORT_API_KEY.",
    "service": "A service key; else HOLDSHORT_SERVICE_KEY, else HOLDSHORT_API_KEY.",
    "task_reader": "A key; else HOLDSHORT_PERSON_KEY, HOLDSHORT_SERVICE_KEY, HOLDSHORT_API_KEY.",
    "reader": "A key; else HOLDSHORT_SERVICE_KEY, HOLDSHORT_API_KEY, HOLDSHORT_PERSON_KEY.",
}


def _api_key(acts: Acts) -> tuple[Any, Any]:
    option = typer.Option("--api-key", metavar="KEY", help=_KEYS[acts])
    return Annotated[str | None, option], None


def new_group(help_text: str) -> typer.Typer:
    """Return a group of commands. Plain help: no markup is read out of it, and no colour."""
    return typer.Typer(
        help=inspect.cleandoc(help_text),
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def examples_of(examples: Sequence[str]) -> str:
    """Return the end of a command's help."""
    return "\b\nExamples:\n" + "\n".join(f"  {example}" for example in examples)


def command(
    group: typer.Typer, name: str, *, acts: Acts, examples: Sequence[str], makes: bool = False
) -> Callable[[Function], Function]:
    """Add a command: a function whose first parameter is the open `Session`.

    Args:
        acts: as whom it acts, which says what key it needs.
        examples: command lines, for the help.
        makes: whether it may make the embedded database where there is none.
    """

    def add(function: Function) -> Function:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        who = {"person": "person", "task_reader": "person", "agent": "agent"}.get(acts)
        shared = [*([who] if who else []), "url", "api_key", "database", "json"]

        def run(**given: Any) -> None:
            said = {option: given.pop(option) for option in shared}
            as_json = said.pop("json")
            with open_session(acts, Where(**said), makes=makes, as_json=as_json) as session:
                function(session, **given)

        options = _OPTIONS | {"api_key": _api_key(acts)}
        parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own] + [
            inspect.Parameter(
                option,
                inspect.Parameter.KEYWORD_ONLY,
                default=options[option][1],
                annotation=options[option][0],
            )
            for option in shared
        ]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__doc__ = function.__doc__
        group.command(name, epilog=examples_of(examples))(run)
        return function

    return add
