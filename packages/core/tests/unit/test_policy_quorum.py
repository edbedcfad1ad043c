from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdshort.models import Vote
from holdshort.policy.quorum import deciding_vote

from .test_policy_ladder import step

Signs = st.sampled_from([True, False, None])


def vote(by: str, positive: bool | None, digest: str = "d", void: bool = False) -> Vote:
    outcome = {True: "approved", False: "rejected", None: "changes_requested"}[positive]
    return Vote(
        by=by, via="api", at=0, outcome=outcome, positive=positive, digest=digest, void=void
    )


def decided(*votes: Vote, quorum: int = 2, reject_quorum: int = 1) -> Vote | None:
    return deciding_vote(step(quorum=quorum, reject_quorum=reject_quorum).but(votes=votes))


def test_nobody_decides_nothing() -> None:
    assert decided() is None


def test_enough_people_decide_and_fewer_do_not() -> None:
    assert decided(vote("a", True)) is None
    assert decided(vote("a", True), vote("b", True)) == vote("b", True)
    assert decided(vote("a", True), quorum=1) == vote("a", True)
    assert decided(vote("a", True), vote("b", True), quorum=3) is None


def test_one_person_counts_once() -> None:
    assert decided(vote("a", True), vote("a", True)) is None


def test_a_no_needs_its_own_number() -> None:
    assert decided(vote("a", True), vote("b", False)) == vote("b", False)
    assert decided(vote("a", False), reject_quorum=2) is None
    assert decided(vote("a", False), vote("b", True), reject_quorum=2, quorum=1) == vote("b", True)
    noes = (vote("a", False, "old"), vote("b", False, "new"))
    assert decided(*noes, reject_quorum=2) == noes[1]


def test_another_answer_decides_at_once() -> None:
    assert decided(vote("a", True), vote("b", None), quorum=3) == vote("b", None)


def test_a_yes_to_something_else_does_not_count() -> None:
    assert decided(vote("a", True, "old"), vote("b", True, "new")) is None
    assert decided(vote("a", True, void=True), vote("b", True)) is None


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), Signs, st.sampled_from("xy"), st.booleans()), max_size=8
    ),
    st.integers(1, 4),
    st.integers(1, 4),
)
def test_whoever_decides_stands_for_enough_people(
    votes: list[tuple[str, bool | None, str, bool]], quorum: int, reject_quorum: int
) -> None:
    cast = [vote(*one) for one in votes]
    found = decided(*cast, quorum=quorum, reject_quorum=reject_quorum)
    if found is None:
        return
    live = [v for v in cast if not v.void]
    assert found is live[-1]
    if found.positive is True:
        same = {v.by for v in live if v.positive is True and v.digest == found.digest}
        assert len(same) >= quorum
    if found.positive is False:
        assert len({v.by for v in live if v.positive is False}) >= reject_quorum
