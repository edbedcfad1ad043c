"""Where a command acts, and as whom: on a server with a key, or on a database in this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import typer

from holdshort.client import flows
from holdshort.client.calls import Call, CouldNotReach, Flow, Reply
from holdshort.client.connect import EMBEDDED_DEFAULT, is_server
from holdshort.client.drive import run
from holdshort.errors import ConfigurationError, Unavailable, from_problem

if TYPE_CHECKING:
    from holdshort.client.transports.embedded import EmbeddedTransport
    from holdshort.client.transports.http import HttpTransport

T = TypeVar("T")
Acts = Literal["person", "agent", "service", "reader", "task_reader"]

#: For how long a server that has not answered yet is tried (seconds): a wrong address is to be
#: told soon. One that has answered is waited for as long as the operation says.
FIRST_CONTACT = 3.0

_VARIABLES: dict[Acts, tuple[str, ...]] = {
    "person": ("HOLDSHORT_PERSON_KEY",),
    "agent": ("HOLDSHORT_API_KEY",),
    "service": ("HOLDSHORT_SERVICE_KEY", "HOLDSHORT_API_KEY"),
    "reader": ("HOLDSHORT_SERVICE_KEY", "HOLDSHORT_API_KEY", "HOLDSHORT_PERSON_KEY"),
    "task_reader": ("HOLDSHORT_PERSON_KEY", "HOLDSHORT_SERVICE_KEY", "HOLDSHORT_API_KEY"),
}


@dataclass(frozen=True)
class Where:
    """What the user said about where to act."""

    url: str | None = None
    api_key: str | None = None
    database: str | None = None
    person: str | None = None
    agent: str | None = None

    def target(self) -> str:
        """Return the server's address or the database: what was said comes before what is set."""
        if self.url and self.database:
            raise typer.BadParameter("say --url or --database, not both")
        if self.url and not is_server(self.url):
            raise typer.BadParameter(f"--url is http://… or https://…, not {self.url!r}")
        return (
            self.url
            or self.database
            or os.environ.get("HOLDSHORT_URL")
            or os.environ.get("HOLDSHORT_DATABASE")
            or EMBEDDED_DEFAULT
        )


class Session:
    """An open connection, and how the result is wanted."""

    def __init__(
        self, transport: HttpTransport | EmbeddedTransport, target: str, *, as_json: bool
    ) -> None:
        self._transport = transport
        self.target = target
        self.embedded = not is_server(target)
        self.json = as_json
        self._started: float | None = time.monotonic()

    def send(self, request: Call) -> Reply:
        """Move one call; give up soon where the server has never answered."""
        try:
            reply = self._transport.send(request)
        except CouldNotReach as error:
            self._judge(error)
            raise
        self._started = None
        if self.embedded and reply.status == 503:
            # The store has waited for its lock already; no other replica could answer instead.
            raise from_problem(reply.status, reply.body)
        return reply

    def _judge(self, error: CouldNotReach) -> None:
        if self._started is not None and time.monotonic() - self._started > FIRST_CONTACT:
            raise Unavailable(
                f"cannot reach {self.target}: {error}. Is `holdshort up` running there? Check "
                "HOLDSHORT_URL, or use --database for an embedded one"
            ) from error

    def close(self) -> None:
        self._transport.close()

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow of the clients."""
        return run(flow, self)

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **query: Any
    ) -> dict[str, Any]:
        """Make one request that is safe to repeat; return the body of the answer."""
        said = {name: str(value) for name, value in query.items() if value is not None}
        return self.run(flows.call(Call(method, path, body, said)))

    def stream(self, call: Call, write: Callable[[bytes], object]) -> None:
        """Pass a long answer on piece by piece. Raises CouldNotReach where the line is lost."""
        try:
            refused = self._transport.stream(call, write)
        except CouldNotReach as error:
            self._judge(error)
            raise
        self._started = None
        if refused is not None:
            raise from_problem(refused.status, refused.body)


@contextmanager
def open_session(
    acts: Acts,
    where: Where,
    *,
    makes: bool = False,
    as_json: bool = False,
) -> Iterator[Session]:
    """Open where the user said, as what the command needs; close it at the end of the block."""
    target = where.target()
    transport = _server(acts, where, target) if is_server(target) else None
    opened = transport or _embedded(acts, where, target, makes=makes)
    session = Session(opened, target, as_json=as_json)
    try:
        yield session
    finally:
        session.close()


def _server(acts: Acts, where: Where, target: str) -> HttpTransport:
    if where.person or where.agent:
        raise typer.BadParameter(
            f"{'--as' if where.person else '--agent'} is for an embedded database; a server knows "
            "from the key who you are"
        )
    from holdshort.client.transports.http import HttpTransport

    variables = _VARIABLES[acts]
    key = where.api_key or next(filter(None, map(os.environ.get, variables)), None)
    if not key:
        raise ConfigurationError(
            f"{target} needs a key: pass --api-key or set {' or '.join(variables)}. `holdshort up` "
            "prints the first keys; `holdshort keys create` makes more"
        )
    return HttpTransport(target, key)


def _embedded(acts: Acts, where: Where, target: str, *, makes: bool) -> EmbeddedTransport:
    if where.api_key:
        raise typer.BadParameter("--api-key is for a server; name it with --url or HOLDSHORT_URL")
    person = where.person or os.environ.get("HOLDSHORT_PERSON")
    if acts == "person" and not person:
        raise ConfigurationError(
            "say who you are: --as ana@acme.com, or set HOLDSHORT_PERSON. In an embedded database "
            "whoever can read the file is trusted to say so"
        )
    if not makes:
        require_database(target)
    from holdshort.cli.quiet import QuietHoldshort
    from holdshort.client.transports.embedded import EmbeddedTransport, local_principal
    from holdshort.requests import address
    from holdshort.settings import Settings

    if acts == "agent":
        principal = local_principal("agent", where.agent)
    elif person and acts in ("person", "task_reader"):
        try:
            principal = local_principal("person", address(person))
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    else:
        principal = local_principal("service", "cli")
    settings = Settings(database=target)
    return EmbeddedTransport(target, principal, lambda: QuietHoldshort(settings))


def require_database(target: str) -> None:
    """Raise ConfigurationError where this SQLite file does not exist: looking makes none."""
    path = target.removeprefix("sqlite:///")
    if path != target and not Path(path).is_file():
        raise ConfigurationError(
            f"there is no database at {path}. Go to the folder where the agent runs, name it with "
            "--database sqlite:///path, or set HOLDSHORT_URL to use a server"
        )
