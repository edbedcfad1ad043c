"""The command: settings in, a listening server out."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import examples_of
from holdshort.cli.output import escape, line, note
from holdshort.cli.up.access import WithoutTokens
from holdshort.errors import ConfigurationError

if TYPE_CHECKING:
    from holdshort.cli.up.first_start import Role
    from holdshort.cli.up.serve import Ready

#: The default administrator: there is no mail to it, and nobody else's address is taken.
ADMIN = "admin@localhost"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "up",
        epilog=examples_of(
            [
                "holdshort up",
                "holdshort up --port 8200 --database postgresql://localhost/holdshort",
                "holdshort up --admin ana@acme.com --public-url https://holdshort.acme.com",
            ]
        ),
    )(up)


def up(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; else HOLDSHORT_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port, 0 for a free one; else HOLDSHORT_PORT, else 8100."
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="DB", help="sqlite:///path or postgresql://…")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where people reach it, for links.")
    ] = None,
    admin: Annotated[
        str, typer.Option(metavar="PERSON", help="Who decides, on the first start.")
    ] = ADMIN,
    access_log: Annotated[bool, typer.Option("--access-log", help="Log each request.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One line of JSON when ready.")] = False,
) -> None:
    """Run the server until Ctrl-C or SIGTERM; requests under way are finished.

    The first start makes a tenant, an administrator and three keys, and shows them once.
    """
    from holdshort.requests import address
    from holdshort.settings import Settings

    try:
        admin = address(admin)
    except ValueError as error:
        raise typer.BadParameter(f"--admin: {error}") from None
    said: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": database,
        "public_url": public_url,
    }
    settings = Settings(**{name: value for name, value in said.items() if value is not None})
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    if access_log:
        access = logging.getLogger("uvicorn.access")
        access.setLevel(logging.INFO)
        access.addFilter(WithoutTokens())
    # Taken before anything else: where the port is in use, nothing has been made or shown.
    listener = _listen(settings.host, settings.port)

    from holdshort.cli.up.serve import serve

    def announce(ready: Ready) -> None:
        if as_json:
            output.document(
                {
                    "ready": True,
                    "url": ready.url,
                    "pid": ready.pid,
                    "keys": ready.keys,
                    "link": ready.link,
                },
                indent=None,
            )
            return
        if ready.keys is not None:
            _show_keys(ready.url, ready.keys, admin)
        where = shown_database(settings.database)
        if ready.link is not None:
            line(f"Inbox of {escape(admin)}, once, within 15 minutes: {ready.link}")
        line(f"Holdshort is ready on {ready.url} ({where}). Ctrl-C stops it.")

    ended_by = _run(
        serve(settings, listener, admin=admin, access_log=access_log, announce=announce)
    )
    if not as_json:
        note("Holdshort has stopped; nothing is lost.")
    if ended_by == signal.SIGINT:
        raise typer.Exit(130)


def _run(work: Coroutine[Any, Any, int]) -> int:
    """Run on uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigurationError(
                f"port {port} on {host} is in use, perhaps by another Holdshort: stop that one, or "
                "take another with --port (0 finds a free one)"
            ) from None
        raise ConfigurationError(f"cannot listen on {host} port {port}: {error.strerror}") from None


def _show_keys(url: str, keys: dict[Role, str], admin: str) -> None:
    line("First start. These keys are shown this once; keep them:")
    line()
    line(f"  export HOLDSHORT_URL={url}")
    purposes: tuple[tuple[str, Role, str], ...] = (
        ("API", "agent", "for an agent: it asks, and cannot decide"),
        ("PERSON", "person", f"for {escape(admin)}: decides"),
        ("SERVICE", "service", "for administration: holdshort keys, people, teams, …"),
    )
    for variable, role, purpose in purposes:
        line(f"  export HOLDSHORT_{variable}_KEY={keys[role]}  # {purpose}")
    line()


def shown_database(database: str) -> str:
    """Return a database's address without its password."""
    scheme, slashes, rest = database.partition("://")
    user, at, place = rest.rpartition("@")
    name = user.partition(":")[0] if at else ""
    return escape(f"{scheme}{slashes}{name}{at}{place}".partition("?")[0])
