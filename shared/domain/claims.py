"""Who was first to submit a piece of work: claims on keys, in the order of one log.

Every reader of the log comes to the same result, because it is made of the log's order and of the
claims' own times alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

MOST_CLAIMS = 500_000
"""Kept in memory at once, about 500 bytes each."""


@dataclass(slots=True)
class Claim:
    """The claim of a job's message on a key.

    Attributes:
        id: of the claim; the same when the same message claims once more.
        at: when it was made.
        key: what is claimed, such as `key:train-q3`.
        job_id: the job that the key stands for.
        fingerprint: of the job's type and payload.
        busy: whether its job is being placed, or was, by whoever reads this; never on the log.
    """

    id: UUID
    at: datetime
    key: str
    job_id: UUID
    fingerprint: str
    busy: bool = False


class ClaimBook:
    """The first claim on each key, as long as it holds.

    A claim holds for a time, counted from itself, or until it is withdrawn; afterwards its key is
    free again. Where there are too many, the oldest are given up early.
    """

    def __init__(self, holds: timedelta, most: int = MOST_CLAIMS) -> None:
        """Start empty."""
        self._holds = holds
        self._most = most
        self._claims: dict[str, Claim] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._claims)

    def note(self, claim: Claim) -> int:
        """Take the next claim of the log; only the first on its key counts.

        Returns:
            How many claims were given up early for want of room.
        """
        if self.holder(claim.key, claim.at) is None:
            self._claims.pop(claim.key, None)
            self._claims[claim.key] = claim
        return self._make_room(claim.at)

    def withdraw(self, claim_id: UUID, key: str) -> None:
        """Free a key again, if it is the claim of this id that holds it."""
        found = self._claims.get(key)
        if found is not None and found.id == claim_id:
            del self._claims[key]

    def holder(self, key: str, now: datetime) -> Claim | None:
        """Whose key it is now; None while it is free."""
        found = self._claims.get(key)
        return found if found is not None and now - found.at < self._holds else None

    def _make_room(self, now: datetime) -> int:
        given_up = 0
        while self._claims:
            oldest = next(iter(self._claims.values()))
            over = now - oldest.at >= self._holds
            if not over and len(self._claims) <= self._most:
                break
            del self._claims[oldest.key]
            given_up += not over
        return given_up
