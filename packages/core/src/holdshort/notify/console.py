"""The console: one or two lines for each delivery, for development and for logs."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from holdshort.notify.base import SendFailed
from holdshort.store.base import Delivery
from holdshort.visible import visible

_ASKS = ("asked", "reminded", "escalated")


class ConsoleNotifier:
    """Writes to a stream, standard error by default.

    The stream is written to directly, as Python's own logging does: give it one that takes lines
    at once. Nothing is cut short, and what agents wrote cannot control the terminal. With
    `print_it=False` deliveries are taken and not shown.
    """

    name = "console"

    def __init__(self, stream: TextIO | None = None, *, print_it: bool = True) -> None:
        self._stream = stream
        self._print = print_it

    async def send(self, delivery: Delivery, endpoint: dict[str, Any] | None) -> None:
        """Write the delivery's lines, or raise SendFailed where the stream does not take them."""
        try:
            text = _lines(delivery, json.loads(delivery.body))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SendFailed(
                f"the body is not a notification ({error!r})", permanent=True
            ) from error
        if not self._print:
            return
        # Looked up late: standard error may be replaced after this was made.
        stream = self._stream or sys.stderr
        encoding = getattr(stream, "encoding", None) or "utf-8"
        try:
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stream.flush()
        except (OSError, ValueError) as error:
            raise SendFailed(f"the console cannot be written to: {error}") from error

    async def close(self) -> None:
        """Do nothing: the stream belongs to whoever opened it."""


def _lines(delivery: Delivery, body: dict[str, Any]) -> str:
    data = body["data"]
    intent_id = visible(str(data["intent_id"]))
    reason = visible(body["type"].removeprefix("intent."))
    line = (
        f"[holdshort] {_time(body['timestamp'])} {reason} {visible(delivery.recipient)}: "
        f"{visible(data['title'])} (from {visible(data['agent'])}, intent {intent_id}, "
        f"delivery {visible(delivery.id)})"
    )
    if data.get("outcome"):
        line += f" {visible(data['outcome'])} by {visible(data['decided_by'])}"
    if reason not in _ASKS:
        return line + "\n"
    # Only an approval can be answered without looking: the other kinds want more than a yes.
    verb = "approve" if data["task_type"] == "approval" else "show"
    line += f"\n[holdshort]   decide: holdshort tasks {verb} {intent_id}"
    if data.get("deadline_at"):
        line += f", until {visible(data['deadline_at'])}"
    if data.get("url"):
        line += f", or open {visible(data['url'])}"
    return line + "\n"


def _time(timestamp: str) -> str:
    """Return the time of day, in UTC as the timestamp is."""
    return visible(timestamp[11:19]) + "Z"
