"""Whose turn it is: no channel and no recipient that is slow keeps the others waiting."""

from __future__ import annotations

from collections import Counter, deque

from holdshort.store.base import Delivery

#: Sends under way at once by one channel.
BY_CHANNEL = 16
#: Sends under way at once to one recipient by one channel.
TO_RECIPIENT = 4

Lane = tuple[str, str, str]
"""(tenant, channel, recipient)"""


class Lanes:
    """Deliveries that wait to be sent, in a lane for each recipient; lanes take turns."""

    def __init__(self) -> None:
        self._waiting: dict[Lane, deque[Delivery]] = {}
        self._by_channel: Counter[str] = Counter()
        self._to_recipient: Counter[Lane] = Counter()
        self._size = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._size

    def put(self, delivery: Delivery) -> None:
        """Let a delivery wait for its turn."""
        self._waiting.setdefault(_lane(delivery), deque()).append(delivery)
        self._size += 1

    def next(self) -> Delivery | None:
        """Return one that may be sent now, and count it as under way; None where none may."""
        for lane in self._waiting:
            busy = self._by_channel[lane[1]] >= BY_CHANNEL
            if not busy and self._to_recipient[lane] < TO_RECIPIENT:
                return self._taken(lane)
        return None

    def done(self, delivery: Delivery) -> None:
        """Count a delivery as under way no more."""
        lane = _lane(delivery)
        self._by_channel[lane[1]] -= 1
        self._to_recipient[lane] -= 1
        if not self._to_recipient[lane]:
            del self._to_recipient[lane]

    def drain(self) -> list[Delivery]:
        """Take out all that wait."""
        found = [one for lane in self._waiting.values() for one in lane]
        self._waiting.clear()
        self._size = 0
        return found

    def _taken(self, lane: Lane) -> Delivery:
        waiting = self._waiting.pop(lane)
        delivery = waiting.popleft()
        if waiting:
            self._waiting[lane] = waiting  # behind all others
        self._by_channel[lane[1]] += 1
        self._to_recipient[lane] += 1
        self._size -= 1
        return delivery


def _lane(delivery: Delivery) -> Lane:
    return delivery.tenant, delivery.channel, delivery.recipient
