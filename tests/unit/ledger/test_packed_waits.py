"""Waits packed by day and kind: they come back, and add up as their jobs do one by one."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.ledger.contributions import PER_SECOND
from shared.ledger.packed_waits import Waits, added_up, pack, unpack

SUM = st.integers(-(10**15), 10**15)
WAITS = st.dictionaries(st.integers(0, 7_500), st.tuples(st.integers(1, 2**31 - 1), SUM))


@settings(deadline=None)
@given(WAITS)
def test_waits_come_back_in_the_order_of_their_buckets(waits: Waits) -> None:
    packed = pack(waits)
    assert unpack(packed) == waits
    assert list(unpack(packed)) == sorted(waits)
    assert len(packed) == 14 * len(waits)


def test_a_bucket_without_jobs_takes_no_place() -> None:
    assert pack({3: (0, 0), 5: (1, 7)}) == pack({5: (1, 7)})
    assert unpack(b"") == {}


@settings(deadline=None)
@given(st.lists(WAITS, max_size=6))
def test_parts_add_up_bucket_by_bucket(parts: list[Waits]) -> None:
    jobs: Counter[int] = Counter()
    microseconds: Counter[int] = Counter()
    for waits in parts:
        jobs.update({bucket: count for bucket, (count, _) in waits.items()})
        microseconds.update({bucket: total for bucket, (_, total) in waits.items()})
    found = added_up(map(pack, parts))
    assert found == [
        (bucket, jobs[bucket], microseconds[bucket] / PER_SECOND) for bucket in sorted(jobs)
    ]
