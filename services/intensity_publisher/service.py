"""Poll just after every slot boundary and broadcast what was seen."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

import structlog

from services.intensity_publisher.classifier import Classifier
from services.intensity_publisher.providers import Source
from shared.broker.publish import Publisher
from shared.errors import ConfigurationError, PublishFailed, SourceUnreachable
from shared.messages import IntensityUpdated

SHORTEST_DELAY_SECONDS = 0.05
LONGEST_JITTER_SECONDS = 5.0
RETRY_SECONDS = 10.0

log = structlog.get_logger()


class IntensityPublisher:
    """Polls one source for some regions, each point once, and broadcasts every update."""

    def __init__(
        self,
        source: Source,
        publisher: Publisher,
        classifiers: Sequence[Classifier],
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        """Take the source, the way out, and one classifier a region."""
        self._source = source
        self._publisher = publisher
        self._classifiers = classifiers
        self._clock = clock
        self._random = random
        self.polls = 0
        self.failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Poll every region until stopped.

        Raises:
            ConfigurationError: the source will not answer until a setting is changed.
        """
        while not stop.is_set():
            await asyncio.gather(*(self._poll(each) for each in self._classifiers))
            wait_seconds = self._seconds_to_next_point()
            try:
                await asyncio.wait_for(stop.wait(), wait_seconds)
            except TimeoutError:
                continue

    async def _poll(self, classifier: Classifier) -> None:
        self.polls += 1
        try:
            seen = await self._source.observe(classifier.region, self._clock())
        except ConfigurationError:
            raise
        except SourceUnreachable as error:
            self.failures += 1
            log.warning("no data from the source", region=classifier.region, error=str(error))
            update = classifier.failed(str(error), self._clock(), uuid4())
        else:
            if _is_known(classifier.last, seen.reading.at):
                return
            update = classifier.observed(seen, self._clock(), uuid4())
        if update is not None:
            await self._broadcast(update)

    async def _broadcast(self, update: IntensityUpdated) -> None:
        reading = update.reading
        try:
            await self._publisher.broadcast(update, reading.region)
        except PublishFailed as error:
            log.warning("update not broadcast", region=reading.region, error=str(error))
            return
        log.info(
            "intensity updated",
            region=reading.region,
            intensity_g_per_kwh=reading.intensity_g_per_kwh,
            band=update.band.value,
            freshness=update.freshness.value,
        )

    def _seconds_to_next_point(self) -> float:
        """To just after the next boundary of the shortest period, or soon after a failure."""
        known = [each.last for each in self._classifiers if each.last is not None]
        if not known:
            return RETRY_SECONDS * (0.5 + self._random() / 2)
        period = min(update.reading.period_seconds for update in known)
        jitter = self._random() * min(LONGEST_JITTER_SECONDS, period * 0.02)
        now_s = self._clock().timestamp()
        return period - now_s % period + SHORTEST_DELAY_SECONDS + jitter


def _is_known(last: IntensityUpdated | None, at: datetime) -> bool:
    return last is not None and last.reason is None and last.reading.at >= at
