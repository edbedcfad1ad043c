"""Whether the votes inside a step decide it."""

from __future__ import annotations

from holdshort.models import Step, Vote


def deciding_vote(step: Step) -> Vote | None:
    """Return the vote that decides the step, or None while more are needed.

    A yes needs `quorum` different people on the same digest, a no needs `reject_quorum`. Any other
    answer (changes requested) decides at once: what was shown is not what will be asked again.
    """
    votes = step.live_votes
    if not votes:
        return None
    latest = votes[-1]
    if latest.positive is None:
        return latest
    alike = {v.by for v in votes if v.positive is latest.positive and _same(v, latest)}
    needed = step.policy.quorum if latest.positive else step.policy.reject_quorum
    return latest if len(alike) >= needed else None


def _same(vote: Vote, latest: Vote) -> bool:
    return vote.digest == latest.digest if latest.positive else True
