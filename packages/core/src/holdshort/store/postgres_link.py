"""Connections to PostgreSQL: how they are set up, what their errors mean, whose clock counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.types.array import ListBinaryDumper
from psycopg.types.string import StrBinaryDumper

from holdshort.clock import Clock
from holdshort.errors import ConfigurationError
from holdshort.store.base import Down, Refused, Stale
from holdshort.store.queries import sql

Connection = psycopg.Connection[tuple[Any, ...]]

#: What expect_rows() of the schema raises.
MOVED = "HS001"
#: What a URL does not say itself. A server that has vanished is noticed within seconds, not hours.
_DEFAULTS: dict[str, Any] = {
    "application_name": "holdshort",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def conninfo(url: str) -> str:
    """Return the connection string for a URL. Raises ConfigurationError for one that is none."""
    try:
        return make_conninfo(**{**_DEFAULTS, **conninfo_to_dict(url)})
    except psycopg.ProgrammingError as error:
        # libpq quotes what it could not read, which may be the password.
        raise ConfigurationError(
            "this is no PostgreSQL URL: write postgresql://user:password@host:5432/database"
        ) from error


def connect(info: str) -> Connection:
    """Open a connection that is set up as `prepare` does. Raises psycopg's errors."""
    connection = psycopg.connect(info, autocommit=True)
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: Connection) -> None:
    """Set what every connection needs."""
    # As text, each element of an array would be escaped, which costs more than all else in a batch.
    connection.adapters.register_dumper(str, StrBinaryDumper)
    connection.adapters.register_dumper(list, ListBinaryDumper)
    connection.execute(sql("postgres", "settings"))


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into the store's: Stale, Refused, Down. Defects pass as they are."""
    try:
        yield
    except psycopg.Error as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning(str(error)) from error


def _meaning(error: psycopg.Error) -> type[Exception] | None:
    if error.sqlstate == MOVED:
        return Stale
    if isinstance(error, psycopg.errors.UniqueViolation):
        # Another replica filed under this key first: read again, its intent is there now.
        return Stale if error.diag.constraint_name in ("intents_by_key", "runs_pkey") else Refused
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return Refused  # a value too long for an index
    if isinstance(error, psycopg.errors.InFailedSqlTransaction):
        return Refused  # a statement before this one failed, and the caller went on
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return Refused
    # InternalError has two that matter: a standby's read-only transaction, and a damaged page.
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        return Down
    return None


class DatabaseClock(Clock):
    """The database's clock as this process last heard it; from there on the machine counts.

    Replicas that share a database share the time, whatever their machines' clocks say.
    """

    def heard(self, now: int) -> None:
        """Take over what the database's clock said just now (milliseconds UTC)."""
        self._epoch += (now - self.now()) / 1000
