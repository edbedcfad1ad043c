"""`holdshort intents watch`: an intent's log as it grows, across lost connections."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from holdshort.cli import output
from holdshort.cli.command import command
from holdshort.cli.ids import find_intent
from holdshort.cli.intents import IntentId, event_line
from holdshort.cli.output import escape
from holdshort.cli.session import Session
from holdshort.client.calls import Call, CouldNotReach
from holdshort.errors import HoldshortError

#: For how long one stream is asked for (seconds); then the next one goes on from there.
HOLD = 30.0
_LONGEST_PAUSE = 5.0


def register(group: typer.Typer) -> None:
    """Add the command to `holdshort intents`."""
    command(
        group,
        "watch",
        acts="reader",
        examples=["holdshort intents watch 4f21c09b", "holdshort intents watch ID --json | jq ."],
    )(watch)


def watch(
    session: Session,
    intent_id: IntentId,
    since: Annotated[int, typer.Option(min=0, metavar="N", help="After event N.")] = 0,
) -> None:
    """Follow an intent until it has ended. With --json: one event a line.

    Lost connections and restarts of the server are waited out. On an embedded database, this
    process also sends the reminders that become due while it runs.
    """
    watcher = _Watcher(session, find_intent(session, intent_id), since)
    tries = 0
    while not watcher.ended:
        try:
            watcher.follow()
            tries = 0
        except (CouldNotReach, HoldshortError) as error:
            if isinstance(error, HoldshortError) and error.status < 500 and error.status != 429:
                raise
            tries += 1
            if tries == 1:
                output.note(f"the connection was lost ({escape(error)}); trying again")
            time.sleep(random.uniform(0.1, min(_LONGEST_PAUSE, 0.2 * 2.0**tries)))


class _Watcher:
    """What has been seen of one intent."""

    def __init__(self, session: Session, intent_id: str, since: int) -> None:
        self._session = session
        self._path = f"/v1/intents/{intent_id}/events/stream"
        self._since = since
        self._status = ""
        self.ended = False

    def follow(self) -> None:
        """Show what one stream brings. A stream that ends after a last event ends the watch."""
        from holdshort.models import TERMINAL

        frames = Frames()
        timed_out = False

        def feed(piece: bytes) -> None:
            nonlocal timed_out
            for name, data in frames.feed(piece):
                if name == "stream.timeout":
                    timed_out = True
                else:
                    self._show(data)

        query = {"since": str(self._since), "wait_seconds": f"{HOLD:g}"}
        self._session.stream(Call("GET", self._path, query=query, timeout=HOLD + 15), feed)
        # A server that stops cuts the stream as well: only an ended intent has nothing to come.
        self.ended = self._status in TERMINAL and not timed_out

    def _show(self, event: dict[str, Any]) -> None:
        self._since, self._status = event["seq"], event["status"]
        if self._session.json:
            output.document(event, indent=None)
            return
        output.line(event_line(event))


class Frames:
    """Server-sent events out of a stream of bytes that is cut anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
        """Return the (name, data) of each event that is complete by now."""
        *whole, self._rest = (self._rest + piece).split(b"\n\n")
        for frame in whole:
            fields: dict[str, str] = {}
            for text in frame.decode().split("\n"):
                name, _, value = text.partition(": ")
                fields[name] = value
            if "data" in fields:
                yield fields.get("event", "message"), json.loads(fields["data"])
