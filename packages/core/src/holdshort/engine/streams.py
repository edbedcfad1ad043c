"""What has lately been sent to whom for whom, so that a storm of requests is one message.

Each process counts what it sends itself. With several, a person may get three messages a minute
from each of them; what waits is gathered by whichever finds it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from holdshort.notify.storm import FREE, WINDOW, Stream, plan, stream_of
from holdshort.store.base import Delivery

#: Streams that are remembered before those that are over are forgotten.
MOST = 1000


@dataclass(slots=True)
class Sorted:
    """What becomes of deliveries that are due."""

    send: list[Delivery] = field(default_factory=list)
    hold: list[Delivery] = field(default_factory=list)
    """With `next_at` as it is now."""
    together: list[tuple[Stream, list[Delivery]]] = field(default_factory=list)
    """Each to be sent as one message."""


class Streams:
    """Remembers when messages were sent, a minute long."""

    def __init__(self) -> None:
        self._sent: dict[Stream, deque[int]] = {}

    def sort(self, due: Iterable[Delivery], now: int) -> Sorted:
        """Return what becomes of these, and remember what is sent of them. What is sent keeps its
        order: a message comes before the one that changes it."""
        due = list(due)
        found = Sorted()
        send: set[str] = set()
        by_stream: dict[Stream, list[Delivery]] = {}
        for delivery in due:
            stream = stream_of(delivery)
            if stream is None:
                send.add(delivery.id)
            else:
                by_stream.setdefault(stream, []).append(delivery)
        for stream, deliveries in by_stream.items():
            sent = self._sent.setdefault(stream, deque(maxlen=FREE))
            planned = plan(deliveries, tuple(sent), now)
            send.update(one.id for one in planned.send)
            found.hold += [one.but(next_at=planned.until) for one in planned.hold]
            if planned.together:
                found.together.append((stream, list(planned.together)))
            sent.extend([now] * (len(planned.send) + bool(planned.together)))
        found.send = [one for one in due if one.id in send]
        if len(self._sent) > MOST:
            self._sent = {s: at for s, at in self._sent.items() if at and at[-1] > now - WINDOW}
        return found
