"""`holdshort worker`: resume suspended runs and jobs of an application."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import examples_of
from holdshort.errors import ConfigurationError

if TYPE_CHECKING:
    from holdshort.worker import Worker

_EXAMPLES = [
    "holdshort worker shop.agents:app",
    "holdshort worker shop.agents:refunds shop.agents:exports --concurrency 8",
    "holdshort worker shop.agents:app --once      # for cron: do what is ready, then end",
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker", epilog=examples_of(_EXAMPLES))(worker)


def worker(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="MODULE:NAME…",
            help="An adapter's app, a list of apps, a Worker, or a function that returns one.",
        ),
    ],
    once: Annotated[
        bool, typer.Option("--once", help="End when nothing is ready, instead of waiting.")
    ] = False,
    concurrency: Annotated[
        int, typer.Option(min=1, max=1000, help="How many are resumed at once.")
    ] = 4,
    lease: Annotated[
        float, typer.Option(min=1, max=3600, help="Seconds until a dead worker's work moves on.")
    ] = 60.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document, for scripts.")
    ] = False,
) -> None:
    """Resume suspended runs as soon as people have decided.

    The module is imported from the current folder or from what is installed. Ctrl-C or SIGTERM
    finishes what is under way, then ends. Start as many workers as you like: each run is resumed by
    one of them."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found = _worker_of(
        [one for target in targets for one in _loaded(target)],
        concurrency=concurrency,
        lease_seconds=lease,
    )
    if not as_json:
        output.note(f"worker {found.name}: {', '.join(found.takes)}; Ctrl-C ends it")
    finished = found.run(once=once)
    if as_json:
        output.document({"worker": found.name, "finished": finished})
    else:
        output.line(f"finished {finished}")


def _loaded(target: str) -> Iterable[Any]:
    """Return what a target names. Raises ConfigurationError that says what to do."""
    module_name, colon, name = target.partition(":")
    if not colon or not module_name or not name:
        raise ConfigurationError(f"{target!r} names no application: write module:name")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # what it imports is missing, and that is the application's matter
        raise ConfigurationError(
            f"there is no module {error.name!r} here or installed: run this in the folder that "
            "holds it"
        ) from None
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise ConfigurationError(f"{module_name} has nothing named {name!r}") from None
    if callable(found) and not _is_app(found) and not _is_worker(found):
        found = found()
    return found if isinstance(found, list | tuple) else [found]


def _worker_of(things: list[Any], **settings: Any) -> Worker:
    from holdshort.client.client import Client
    from holdshort.worker import Worker

    workers = [thing for thing in things if _is_worker(thing)]
    if workers:
        if len(things) > 1:
            raise ConfigurationError("name one Worker, or apps; not both")
        only: Worker = workers[0]
        return only
    for thing in things:
        if not _is_app(thing):
            raise ConfigurationError(
                f"{thing!r} is no application: it needs a name, and resume(run)"
            )
    client = next((found for thing in things if (found := getattr(thing, "client", None))), None)
    return Worker(client or Client(), apps=things, **settings)


def _is_worker(thing: Any) -> bool:
    from holdshort.worker import Worker

    return isinstance(thing, Worker)


def _is_app(thing: Any) -> bool:
    resume: Callable[..., Any] | None = getattr(thing, "resume", None)
    return callable(resume) and isinstance(getattr(thing, "name", None), str)
