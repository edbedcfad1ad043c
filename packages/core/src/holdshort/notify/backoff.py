"""When a delivery that failed is tried again: pure arithmetic."""

from __future__ import annotations

#: Tries that a delivery gets before it is given up and left for an operator to look at.
MAX_ATTEMPTS = 17


def next_try(
    attempts: int,
    *,
    base: float = 5.0,
    factor: float = 3.0,
    limit: float = 6 * 3600.0,
    rng: float,
) -> float:
    """Return how many seconds to wait after this many failed tries (1 or more).

    The wait grows up to `limit` and is drawn, by `rng` (0 up to 1), from its upper half: spread, so
    that deliveries that failed together do not come back together, and yet never at once.

    ====== ============ ============ ===========================
    failed at least     at most      all so far, at least
    ====== ============ ============ ===========================
    1      2.5 s        5 s          2.5 s
    2      7.5 s        15 s         10 s
    3      23 s         45 s         33 s
    4      68 s         2 min 15 s   1 min 40 s
    5      3 min 23 s   6 min 45 s   5 min 3 s
    6      10 min 8 s   20 min 15 s  15 min 10 s
    7      30 min 23 s  60 min 45 s  45 min 33 s
    8      1 h 31 min   3 h 2 min    2 h 17 min
    9-16   3 h          6 h          5 h 17 min, then 3 h more each
    ====== ============ ============ ===========================

    The 17th failure is the last (`MAX_ATTEMPTS`): between 26 and 53 hours after the first, so that
    an endpoint that is down for a whole day loses nothing.
    """
    # Past fifty the limit has long been reached, and a float would overflow.
    longest = min(limit, base * factor ** min(max(attempts, 1) - 1, 50))
    return longest * (0.5 + rng / 2)
