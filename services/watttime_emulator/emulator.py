"""The emulator's state: everything that its endpoints share."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from services.watttime_emulator.accounts import (
    LOGINS_PER_WINDOW,
    REQUESTS_PER_WINDOW,
    Accounts,
    RollingLimit,
)
from services.watttime_emulator.documents import MODEL_DATE, Revision
from services.watttime_emulator.faults import FaultBoard, Faults
from services.watttime_emulator.regions import Region
from services.watttime_emulator.replay import Clock
from services.watttime_emulator.tokens import Tokens

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Emulator:
    """WattTime in one process.

    Attributes:
        sleep: how to wait where a fault wants it.
        tally: answered requests by path, status and user.
        revises_percent: every point of the history is revised by so much; 0 leaves it alone.
        revises_after: how old a point is then.
    """

    clock: Clock
    sleep: Sleep
    regions: Mapping[str, Region]
    accounts: Accounts
    tokens: Tokens
    logins: RollingLimit = field(default_factory=lambda: RollingLimit(LOGINS_PER_WINDOW))
    requests: RollingLimit = field(default_factory=lambda: RollingLimit(REQUESTS_PER_WINDOW))
    faults: FaultBoard = field(default_factory=FaultBoard)
    tally: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    revises_percent: float = 0.0
    revises_after: timedelta = timedelta(0)

    def switch(self, faults: Faults) -> None:
        """Put faults in force."""
        self.faults.switch(faults, self.clock())
        if faults.expired_tokens:
            self.tokens.generation += 1

    def data_time(self, path: str) -> datetime:
        """Up to when there is data: now, unless it is stale."""
        return self.clock() - timedelta(seconds=self.faults.at(path).stale_seconds)

    def model(self, path: str) -> date:
        """The current model's date."""
        return self.faults.at(path).model_date or MODEL_DATE

    def revision(self, path: str) -> Revision | None:
        """How history has been revised: as a fault says, else as it always is."""
        percent, at = self.faults.at(path).revised_percent, self.faults.set_at
        if percent is not None and at is not None:
            return Revision(at, percent)
        if not self.revises_percent:
            return None
        return Revision(self.clock() - self.revises_after, self.revises_percent, self.revises_after)
