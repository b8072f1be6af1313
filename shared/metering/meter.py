"""A job's share of the machine's energy, between two looks at the counters."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from shared.domain.energy import WATTS_PER_CORE, Energy, cpu_share_kwh
from shared.metering.counter import EnergyCounter
from shared.tasks import end

LOOK_SECONDS = 60.0
"""Often enough for a counter that wraps around: 262 kJ in a minute would be 4,400 W."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the counter stood."""

    joules: float | None
    host_cpu_seconds: float


class Meter:
    """Tells jobs' shares where the machine's energy is counted; nothing where it is not."""

    def __init__(
        self,
        counter: EnergyCounter | None = None,
        watts_per_core: float = WATTS_PER_CORE,
        host_cpu_seconds: Callable[[], float] | None = None,
    ) -> None:
        """Take the counter, if any, and what a core is reckoned with where there is none."""
        self.watts_per_core = watts_per_core
        self._counter = counter
        self._host_cpu_seconds = host_cpu_seconds or busy_cpu_seconds

    def mark(self) -> Mark | None:
        """Where the counter stands now; None where there is none."""
        if self._counter is None:
            return None
        return Mark(self._counter.joules(), self._host_cpu_seconds())

    def share(self, since: Mark | None, cpu_seconds: float | None) -> Energy:
        """What a job used since a mark, and whether that is measured or modelled.

        Args:
            since: where the counter stood when the job began.
            cpu_seconds: the job's time on the CPUs.

        Returns:
            Nothing known where the counter or the CPU time is not, or where the counter has not
            moved: no machine uses nothing, so the job was shorter than the counter's steps.
        """
        now = self.mark()
        if since is None or now is None or cpu_seconds is None or self._counter is None:
            return Energy()
        if since.joules is None or now.joules is None or now.joules <= since.joules:
            return Energy()
        host_cpu_seconds = now.host_cpu_seconds - since.host_cpu_seconds
        share_kwh = cpu_share_kwh(now.joules - since.joules, cpu_seconds, host_cpu_seconds)
        return Energy() if share_kwh is None else Energy(share_kwh, self._counter.method)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at the counter now and then while the block runs, so that no wrap is missed."""
        task = asyncio.create_task(self._look_for_ever())
        try:
            yield
        finally:
            await end(task)

    async def _look_for_ever(self) -> None:
        while self._counter is not None:
            self._counter.joules()
            await asyncio.sleep(LOOK_SECONDS)


def busy_cpu_seconds() -> float:
    """CPU time of everything on this host since it started, without idling."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Guests' time is contained in the users' time already.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return float(sum(times) - idle - guests)
