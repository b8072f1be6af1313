"""The living worker pools: how many jobs they run at once, and how much they still have to do."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.timetable import Pools, Timetable
from shared.messages import PoolResized, ServiceBeat

MISSED_BEATS = 3.0
NEWEST_SHARE = 0.05  # of one job in the running mean of durations


@dataclass(slots=True)
class _Pool:
    """One process's pool in one region, as its last beat told it."""

    base: int
    consumers: int
    running: int
    held: int
    mean_seconds: float | None
    at: datetime
    good_until: datetime


@dataclass(slots=True)
class _Sent:
    """What was sent to a region's ready queues."""

    jobs_since_beat: int = 0
    ready_jobs: int = 0
    mean_expected_seconds: float | None = None


class Fleet:
    """Tells the timetable what the pools can take, from their beats and the queues' lengths.

    Jobs rarely run as long as expected, and many types declare no duration at all; so the
    backlog counts jobs, and weighs each by how long jobs have really run in the region.
    """

    def __init__(self) -> None:
        """Start with no pool known: there is room everywhere then."""
        self._pools: dict[tuple[str, str], _Pool] = {}
        self._sent: dict[str, _Sent] = defaultdict(_Sent)
        self._heard: set[str] = set()

    def take(self, beat: ServiceBeat) -> bool:
        """Note a beat; False if it is not a worker's."""
        facts = beat.facts
        base = facts.get("base_consumers")
        if beat.service != "worker_pool" or not isinstance(base, int):
            return False
        good_until = beat.at + timedelta(seconds=MISSED_BEATS * beat.interval_seconds)
        for region in str(facts.get("regions") or "").split(","):
            numbers = {name: facts.get(f"{name}.{region}") for name in _NUMBERS}
            mean = numbers["mean_seconds"]
            self._pools[beat.instance, region] = _Pool(
                base=base,
                consumers=_whole(numbers["consumers"], base),
                running=_whole(numbers["running"], 0),
                held=_whole(numbers["held"], 0),
                mean_seconds=float(mean) if isinstance(mean, (int, float)) else None,
                at=beat.at,
                good_until=good_until,
            )
            self._sent[region].jobs_since_beat = 0
            self._heard.add(region)
        return True

    def resized(self, event: PoolResized) -> None:
        """Note a new limit at once, long before the next beat."""
        instance, _, region = event.pool.rpartition(":")
        known = self._pools.get((instance, region))
        if known is not None:
            known.consumers = event.consumers

    def expected_seconds(self, region: str, job_seconds: float) -> float:
        """How long a job that declares some duration is likely to keep a consumer busy."""
        really, declared = self._mean(region), self._sent[region].mean_expected_seconds
        if really is None or not declared:
            return job_seconds
        return job_seconds * really / declared

    def sent(self, region: str, job_seconds: float) -> None:
        """Note a job that was sent to a region's ready queues."""
        sent = self._sent[region]
        sent.jobs_since_beat += 1
        mean = sent.mean_expected_seconds
        sent.mean_expected_seconds = (
            job_seconds if mean is None else mean + NEWEST_SHARE * (job_seconds - mean)
        )

    def tell(self, timetable: Timetable, ready_jobs: Mapping[str, int], now: datetime) -> None:
        """Bring a timetable up to date.

        Args:
            timetable: to be told.
            ready_jobs: how many messages lie in each region's ready queues.
            now: pools that were not heard of for a while before it are gone.
        """
        self._pools = {key: pool for key, pool in self._pools.items() if pool.good_until >= now}
        for region in self._heard:
            pools = [pool for (_, name), pool in self._pools.items() if name == region]
            backlog_seconds, jobs = self._backlog(region, pools, ready_jobs.get(region, 0))
            bases = tuple(pool.base for pool in pools)
            consumers = sum(pool.consumers for pool in pools)
            timetable.set_pools(region, Pools(bases, consumers, backlog_seconds, jobs))

    def _backlog(self, region: str, pools: Iterable[_Pool], ready_jobs: int) -> tuple[float, int]:
        """Job-seconds, and jobs, in the queues and in the pools.

        A job counts by their mean duration, by half of it while it runs. What was sent since the
        last beat may be in the queues still, or in no count at all.
        """
        sent = self._sent[region]
        mean = self._mean(region) or sent.mean_expected_seconds or 0.0
        waiting = max(ready_jobs, sent.jobs_since_beat) + sum(pool.held for pool in pools)
        running = sum(pool.running for pool in pools)
        return mean * (waiting + running / 2), waiting + running

    def _mean(self, region: str) -> float | None:
        """How long jobs have really run of late; None before any has ended."""
        means = [
            pool.mean_seconds
            for (_, name), pool in self._pools.items()
            if name == region and pool.mean_seconds is not None
        ]
        return sum(means) / len(means) if means else None


_NUMBERS = ("consumers", "running", "held", "mean_seconds")


def _whole(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) else otherwise
