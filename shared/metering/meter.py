"""A job's share of the machine's energy, between two looks at the counters."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from shared.domain.energy import WATTS_PER_CORE, cpu_share_kwh
from shared.metering.rapl import Rapl
from shared.tasks import end

LOOK_SECONDS = 60.0
"""Often enough for a counter that wraps around: 262 kJ in a minute would be 4,400 W."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the counters stood."""

    joules: float | None
    host_cpu_seconds: float


class Meter:
    """Measures jobs where the machine has counters; says nothing where it has none."""

    def __init__(
        self,
        rapl: Rapl | None = None,
        watts_per_core: float = WATTS_PER_CORE,
        host_cpu_seconds: Callable[[], float] | None = None,
    ) -> None:
        """Take the counters, if any, and what a core is reckoned with where there are none."""
        self.watts_per_core = watts_per_core
        self._rapl = rapl
        self._host_cpu_seconds = host_cpu_seconds or busy_cpu_seconds

    def mark(self) -> Mark | None:
        """Where the counters stand now; None where there are none."""
        if self._rapl is None:
            return None
        return Mark(self._rapl.joules(), self._host_cpu_seconds())

    def share_kwh(self, since: Mark | None, cpu_seconds: float | None) -> float | None:
        """What a job used since a mark; None where the counters or its CPU time are unknown."""
        now = self.mark()
        if since is None or now is None or cpu_seconds is None:
            return None
        if since.joules is None or now.joules is None:
            return None
        host_cpu_seconds = now.host_cpu_seconds - since.host_cpu_seconds
        return cpu_share_kwh(now.joules - since.joules, cpu_seconds, host_cpu_seconds)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at the counters now and then while the block runs, so that no wrap is missed."""
        task = asyncio.create_task(self._look_for_ever())
        try:
            yield
        finally:
            await end(task)

    async def _look_for_ever(self) -> None:
        while self._rapl is not None:
            self._rapl.joules()
            await asyncio.sleep(LOOK_SECONDS)


def busy_cpu_seconds() -> float:
    """CPU time of everything on this host since it started, without idling."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guests' time is contained in the users' time already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)
