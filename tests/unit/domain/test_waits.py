"""Buckets of waits, and percentiles from them against those of the waits themselves."""

from fractions import Fraction
from math import ceil, inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.waits import GROWTH, bounds_seconds, bucket_of, percentile_seconds

WAITS = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


def counted(waits: list[float]) -> list[tuple[int, int, float]]:
    buckets = {bucket_of(wait) for wait in waits}
    held = {bucket: [wait for wait in waits if bucket_of(wait) == bucket] for bucket in buckets}
    return [(bucket, len(inside), sum(inside)) for bucket, inside in held.items()]


@settings(deadline=None)
@given(st.floats(0, 1e7))
def test_a_wait_lies_in_its_bucket(wait_seconds: float) -> None:
    first, after = bounds_seconds(bucket_of(wait_seconds))
    assert first * (1 - 1e-9) <= wait_seconds <= after * (1 + 1e-9)


@pytest.mark.parametrize("wait_seconds", [0.0, 0.999, -5.0, nan, inf])
def test_no_wait_worth_a_bucket_is_in_the_first(wait_seconds: float) -> None:
    assert bucket_of(wait_seconds) == 0


@settings(deadline=None)
@given(WAITS, st.sampled_from([Fraction(1, 2), Fraction(95, 100), Fraction(1)]))
def test_a_percentile_is_off_by_less_than_a_bucket(waits: list[float], share: Fraction) -> None:
    exact = sorted(waits)[ceil(len(waits) * share) - 1]
    found = percentile_seconds(counted(waits), share)
    assert found is not None
    assert exact / GROWTH - 1 <= found <= exact * GROWTH + 1


@settings(deadline=None)
@given(st.floats(0, 1e6), st.integers(1, 50))
def test_equal_waits_have_exactly_themselves(wait_seconds: float, count: int) -> None:
    found = percentile_seconds([(bucket_of(wait_seconds), count, wait_seconds * count)])
    assert found == pytest.approx(wait_seconds)


def test_without_waits_there_is_none() -> None:
    assert percentile_seconds([]) is None
