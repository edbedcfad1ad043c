"""`holdshort doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from holdshort.cli import output
from holdshort.cli.command import examples_of
from holdshort.cli.output import escape, line
from holdshort.cli.session import Where, open_session, require_database
from holdshort.client.calls import Call, CouldNotReach
from holdshort.client.connect import EMBEDDED_DEFAULT, is_server
from holdshort.durations import spell
from holdshort.errors import HoldshortError

if TYPE_CHECKING:
    from holdshort.store.base import Store

#: Beyond this (seconds) a clock is worth a word, and something due is overdue.
_APART = 5.0
_OVERDUE = 60.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    check: str
    state: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "doctor",
        epilog=examples_of(["holdshort doctor", "holdshort doctor --database sqlite:///hs.db"]),
    )(doctor)


def doctor(
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="The server; else HOLDSHORT_URL.")
    ] = None,
    api_key: Annotated[str | None, typer.Option(metavar="KEY", help="A key for it.")] = None,
    database: Annotated[
        str | None, typer.Option(metavar="DB", help="The database; else HOLDSHORT_DATABASE.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document, for scripts.")
    ] = False,
) -> None:
    """Look at versions, database, clock, deliveries, server and keys. Exit 1 where one fails.

    It only looks: nothing is migrated, sent or changed.
    """
    server = url or (None if database else os.environ.get("HOLDSHORT_URL"))
    named = database or os.environ.get("HOLDSHORT_DATABASE")
    findings = list(_versions())
    if named or not server:
        findings += _database(named or EMBEDDED_DEFAULT)
    if server:
        findings += _server(server, api_key)
    if as_json:
        failed = any(one.state == "fail" for one in findings)
        output.document({"ok": not failed, "checks": [asdict(one) for one in findings]})
    else:
        for one in findings:
            line(f"{one.state:<4}  {one.check:<12}  {escape(one.found)}")
            if one.advice:
                line(f"{'':20}{escape(one.advice)}")
    if any(one.state == "fail" for one in findings):
        raise typer.Exit(1)


def installed_version() -> str:
    """Return the version that is installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("holdshort")
    except PackageNotFoundError:
        return "of this source, not installed"


def _versions() -> Iterator[Finding]:
    yield Finding("holdshort", "ok", installed_version())
    # An older Python does not get as far as this: it is refused when Holdshort is installed.
    yield Finding("python", "ok", platform.python_version())
    if sqlite3.sqlite_version_info >= (3, 38):
        yield Finding("sqlite", "ok", sqlite3.sqlite_version)
    else:
        advice = "Holdshort needs SQLite 3.38 or newer, or PostgreSQL"
        yield Finding("sqlite", "fail", sqlite3.sqlite_version, advice)


def _database(target: str) -> Iterator[Finding]:
    from holdshort.app import open_store
    from holdshort.cli.up.command import shown_database

    name = shown_database(target)
    store = None
    try:
        require_database(target)
        store = open_store(target)
        problems = store.integrity()
        state: Literal["ok", "fail"] = "fail" if problems else "ok"
        advice = _advice(problems)
        yield Finding("database", state, "; ".join(problems) or f"{name} is sound", advice)
        if not problems:
            yield from _contents(store)
    except Exception as error:  # whatever the driver raises: it cannot be used
        why = error.message if isinstance(error, HoldshortError) else f"{name}: {error}"
        yield Finding("database", "fail", why, "check the path or address, and who may read it")
    finally:
        if store is not None:
            store.close()


def _advice(problems: list[str]) -> str:
    if not problems:
        return ""
    if all("not applied" in one for one in problems):
        return "start `holdshort up` or an agent once: that brings the schema up to date"
    if all("newer" in one for one in problems):
        return "install the Holdshort that wrote it, or a newer one"
    return "restore the newest backup that is sound, and keep this file to look at"


def _contents(store: Store) -> Iterator[Finding]:
    store.clock.not_before(store.last_event_at())
    ahead = store.clock.ahead_of_wall()
    if abs(ahead) > _APART:
        side = "behind the log" if ahead > 0 else "ahead of the database"
        advice = "set the clock (NTP); until then times go on from the newest one in the log"
        yield Finding("clock", "warn", f"this machine is {spell(round(abs(ahead)))} {side}", advice)
    else:
        yield Finding("clock", "ok", "agrees with the log")
    counts = store.counts()
    dead = counts.get("deliveries.dead", 0)
    if dead:
        advice = "holdshort deliveries list --state dead, then: holdshort deliveries retry ID"
        yield Finding("deliveries", "warn", f"{dead} were given up", advice)
    else:
        yield Finding("deliveries", "ok", f"{counts.get('deliveries.pending', 0)} on their way")
    due = store.next_timer()
    late = 0.0 if due is None else (store.clock.now() - due) / 1000
    waiting = counts.get("intents.WAITING", 0)
    if late > _OVERDUE:
        found = f"reminders or deadlines are {spell(round(late))} overdue"
        advice = "no process is running on this database: start `holdshort up`, or the agent"
        yield Finding("timers", "warn", found, advice)
    else:
        yield Finding("timers", "ok", f"{waiting} waiting, nothing overdue")


def _server(url: str, api_key: str | None) -> Iterator[Finding]:
    keys = {"given": api_key} if api_key else {}
    keys |= {
        name: key
        for name in ("HOLDSHORT_API_KEY", "HOLDSHORT_PERSON_KEY", "HOLDSHORT_SERVICE_KEY")
        if (key := os.environ.get(name))
    }
    if not is_server(url):
        advice = "write http://host:port or https://host"
        yield Finding("server", "fail", f"{url!r} is no address", advice)
        return
    service = None
    try:
        with open_session("reader", Where(url=url, api_key=api_key or "none")) as session:
            ready = session.send(Call("GET", "/ready"))
    except CouldNotReach as error:
        advice = "start it with `holdshort up`, or correct HOLDSHORT_URL"
        yield Finding("server", "fail", f"cannot reach {url}: {error}", advice)
        return
    found = ready.body if isinstance(ready.body, dict) else {}
    if ready.status != 200 or not found.get("ok"):
        why = found.get("problem") or found.get("detail") or f"it answers {ready.status}"
        advice = "look at its database and its log; if this is no Holdshort, correct HOLDSHORT_URL"
        yield Finding("server", "fail", f"{url} is not ready: {why}", advice)
        return
    yield Finding("server", "ok", f"{url} is ready")
    if not keys:
        advice = "set HOLDSHORT_API_KEY (an agent) or HOLDSHORT_PERSON_KEY (a person)"
        yield Finding("key", "warn", "none is set, so nothing can be done on the server", advice)
    for name, key in keys.items():
        try:
            with open_session("reader", Where(url=url, api_key=key)) as session:
                who = session.call("GET", "/v1/whoami")
        except HoldshortError as error:
            advice = "make another: holdshort keys create"
            yield Finding("key", "fail", f"{name}: {error.message}", advice)
            continue
        yield Finding("key", "ok", f"{name} is {who['role']} {who['subject']} of {who['tenant']}")
        service = key if who["role"] == "service" else service
    if service:
        with open_session("service", Where(url=url, api_key=service)) as session:
            dead = session.call("GET", "/v1/deliveries", state="dead", limit=500)["deliveries"]
        if dead:
            advice = "holdshort deliveries list --state dead, then: holdshort deliveries retry ID"
            yield Finding("deliveries", "warn", f"{len(dead)} were given up", advice)
        else:
            yield Finding("deliveries", "ok", "none was given up")
