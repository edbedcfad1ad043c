"""All commands, put together; and what becomes of what they raise."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from holdshort.cli import (
    agents,
    apply,
    audit,
    decisions,
    deliveries,
    directory,
    doctor,
    intents,
    keys,
    mail,
    policies,
    reaching,
    rotas,
    runs,
    tasks,
    tenant,
    watch,
    webhooks,
    worker,
)
from holdshort.cli.command import new_group
from holdshort.cli.demo import command as demo
from holdshort.cli.doctor import installed_version
from holdshort.cli.inbox import register as register_inbox
from holdshort.cli.output import complain, escape, line
from holdshort.cli.up import command as up
from holdshort.errors import HoldshortError

app = new_group(
    """Durable human decisions for AI agents.

    Commands act on the server at HOLDSHORT_URL, or else on the embedded database
    (HOLDSHORT_DATABASE, by default ./.holdshort/holdshort.db)."""
)


def _version(wanted: bool) -> None:
    if wanted:
        line(f"holdshort {installed_version()}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which one this is."),
    ] = False,
) -> None:
    pass


for name, group in {
    "tasks": tasks.group,
    "intents": intents.group,
    "runs": runs.group,
    "keys": keys.group,
    "agents": agents.group,
    "mail": mail.group,
    "people": reaching.people,
    "teams": directory.teams,
    "rotas": rotas.group,
    "settings": tenant.group,
    "policies": policies.group,
    "webhooks": webhooks.group,
    "deliveries": deliveries.group,
    "audit": audit.group,
}.items():
    app.add_typer(group, name=name)
for module in (up, worker, doctor, demo, apply):
    module.register(app)
decisions.register(tasks.group)
register_inbox(app)
watch.register(intents.group)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a character gets its escape, not a traceback.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # What it says of a database that is gone is said below, once; `up` logs it all the same.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        app(list(arguments) if arguments is not None else None, prog_name="holdshort")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        known = _explain(error)
        if known is None:
            raise
        complain(known)
        return 1
    return 0


def _explain(error: Exception) -> str | None:
    """Return what to tell the user; None for a defect of ours, which shows its traceback."""
    if isinstance(error, HoldshortError):
        if error.code == "internal_error":
            return f"{escape(error.message)} (look into the log of whoever runs Holdshort)"
        return f"{escape(error.message)} ({error.code})"
    from pydantic import ValidationError

    from holdshort.store.base import Down

    if isinstance(error, Down):
        return f"the database cannot be used right now: {escape(str(error))}"
    if isinstance(error, ValidationError) and error.title == "Settings":
        wrong = "; ".join(
            f"HOLDSHORT_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}"
            for one in error.errors()
        )
        return f"the settings are not usable: {escape(wrong)}"
    if isinstance(error, OSError):
        return escape(str(error))
    return None
