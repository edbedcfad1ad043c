from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from holdshort import ids

moments = st.integers(0, 2**48 - 1)


@given(moments)
def test_a_new_id_is_a_uuid_of_version_7_that_carries_its_time(now: int) -> None:
    text = ids.new_id(now)
    found = uuid.UUID(text)
    assert text == str(found)
    assert found.version == 7
    assert found.variant == uuid.RFC_4122
    assert found.int >> 80 == now


@given(st.lists(moments, min_size=2, max_size=20, unique=True))
def test_ids_sort_by_time_of_making(now: list[int]) -> None:
    made = [ids.new_id(moment) for moment in now]
    assert sorted(made) == [made[now.index(moment)] for moment in sorted(now)]


def test_ids_of_one_moment_differ() -> None:
    assert len({ids.new_id(0) for _ in range(10_000)}) == 10_000


@given(moments, st.lists(st.text(max_size=9), min_size=1, max_size=3))
def test_a_derived_id_follows_from_its_parts(now: int, parts: list[str]) -> None:
    one = ids.derived_id(now, *parts)
    assert one == ids.derived_id(now, *parts)
    assert one != ids.derived_id(now, *parts, "more")
    assert one != ids.derived_id((now + 1) % 2**48, *parts)
    assert uuid.UUID(one).version == 7
    assert uuid.UUID(one).variant == uuid.RFC_4122


def test_a_derived_id_stays_the_same_for_ever() -> None:
    """Questions and deliveries are found again by it, also by a later Holdshort."""
    assert ids.derived_id(1_800_000_000_000, "a", "b") == "01a3185c-5000-79b2-b1ae-1bbcb1d31d41"
