"""The waits of one day and kind in one value: how many jobs each bucket holds, and their sum.

A row for each bucket would be 30 times as many rows to read for a report. Packed, a bucket takes 14
bytes; they stand in the order of their buckets, so that equal waits are equal bytes.
"""

from collections.abc import Iterable, Mapping
from struct import Struct

import numpy as np

from shared.ledger.contributions import PER_SECOND

_ENTRY = Struct("<Hiq")
_COLUMNS = np.dtype([("bucket", "<u2"), ("jobs", "<i4"), ("wait_microseconds", "<i8")])
Waits = dict[int, tuple[int, int]]
"""Of each bucket how many jobs it holds, and the sum of their waits in microseconds."""


def pack(waits: Mapping[int, tuple[int, int]]) -> bytes:
    """The bytes to store; buckets without a job are left out."""
    return b"".join(
        _ENTRY.pack(bucket, *waits[bucket]) for bucket in sorted(waits) if waits[bucket][0]
    )


def unpack(packed: bytes) -> Waits:
    """What was packed."""
    return {bucket: (jobs, wait) for bucket, jobs, wait in _ENTRY.iter_unpack(packed)}


def added_up(parts: Iterable[bytes]) -> list[tuple[int, int, float]]:
    """Several together: each bucket with its count of jobs and the sum of their waits in seconds.

    Sums are in floating point, which is exact for such whole numbers and cannot overflow.
    """
    entries = np.frombuffer(b"".join(parts), _COLUMNS)
    buckets, places = np.unique(entries["bucket"], return_inverse=True)
    jobs = np.bincount(places, entries["jobs"], len(buckets)).astype(np.int64)
    seconds = np.bincount(places, entries["wait_microseconds"], len(buckets)) / PER_SECOND
    return list(zip(buckets.tolist(), jobs.tolist(), seconds.tolist(), strict=True))
