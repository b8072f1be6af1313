"""Buckets of waits: how long jobs waited, to a tenth, in numbers that add up.

A 95th percentile of a month cannot be had from those of its days, but from counts per bucket it
can. Bucket 0 holds waits below a second; bucket n from 1 on holds those from 1.1^(n-1) to below
1.1^n seconds. Some 120 buckets reach from a second to a day.
"""

from collections.abc import Iterable
from fractions import Fraction
from math import ceil, floor, inf, log

GROWTH = 1.1
"""Each bucket's end over its beginning, and so the largest relative error of a percentile."""


def bucket_of(wait_seconds: float) -> int:
    """The bucket of a wait; one that a skewed clock made negative counts as none."""
    if not 1.0 <= wait_seconds < inf:
        return 0
    return 1 + floor(log(wait_seconds) / log(GROWTH))


def bounds_seconds(bucket: int) -> tuple[float, float]:
    """Where a bucket begins and ends, in seconds."""
    return (0.0, 1.0) if bucket == 0 else (GROWTH ** (bucket - 1), GROWTH**bucket)


def percentile_seconds(
    buckets: Iterable[tuple[int, int, float]], share: Fraction = Fraction(95, 100)
) -> float | None:
    """The wait that a share of the waits does not exceed; None without any.

    It is the mean wait of the bucket that holds the nearest rank (the first place that is at least
    `share` of the count). So it is off by less than a tenth of itself, and exact where the waits
    of that bucket are equal.

    Args:
        buckets: each with its count of waits and their sum in seconds.
        share: above 0, at most 1.
    """
    ordered = sorted(buckets)
    rank = ceil(sum(count for _, count, _ in ordered) * share)
    for _, count, total_seconds in ordered:
        rank -= count
        if count and rank <= 0:
            return total_seconds / count
    return None
