"""`holdshort inbox`, as a command: the list for scripts, the cards for people at a terminal."""

from __future__ import annotations

import sys

import typer

from holdshort.cli import output
from holdshort.cli.command import command
from holdshort.cli.session import Session
from holdshort.errors import ConfigurationError


def register(group: typer.Typer) -> None:
    """Add the command."""
    command(
        group,
        "inbox",
        acts="person",
        examples=[
            "holdshort inbox",
            "holdshort inbox --as ana@acme.com",
            "holdshort inbox --json | jq -r '.tasks[].title'",
        ],
    )(inbox)


def inbox(session: Session) -> None:
    """Decide what waits for you, card by card, in this terminal.

    Keys are those of the web: j next, k back to the list, a yes, r no, e change it first, d hand it
    over, u undo, / search, ? all of them, q quit. An answer can be taken back for some seconds.
    """
    if session.json:
        output.document(session.call("GET", "/v1/tasks", limit=500))
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigurationError(
            "the inbox needs a terminal, for you to look and to press keys. In a script use "
            "`holdshort inbox --json`, `holdshort tasks show ID` and `holdshort tasks approve ID`"
        )
    try:
        import termios
    except ImportError:
        raise ConfigurationError(
            "the inbox needs a POSIX terminal; here use the pages of `holdshort up`, or "
            "`holdshort tasks list` and `holdshort tasks approve ID`"
        ) from None
    del termios
    from holdshort.cli.inbox.desk import Desk
    from holdshort.cli.inbox.terminal import Terminal

    Desk(session, Terminal()).run()
