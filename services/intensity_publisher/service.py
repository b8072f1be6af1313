"""Poll just after every slot boundary and broadcast what was seen; one publisher a region."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid4, uuid5

import structlog
from aio_pika.abc import AbstractConnection

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.chain import Chain
from services.intensity_publisher.classifier import Classifier
from services.intensity_publisher.foresight import FORECAST_HOURS, Foresights
from services.intensity_publisher.metrics import Metrics
from services.intensity_publisher.reconciliation import Reconciliation
from services.intensity_publisher.revisions import Rereading
from services.intensity_publisher.settings import BandMode
from shared.broker.lead import wait_for_lead
from shared.broker.publish import Publisher
from shared.broker.stream import read_history
from shared.broker.topology import Topology, check
from shared.domain.bands import Band, Cuts
from shared.domain.grid import Freshness, Reading
from shared.errors import PublishFailed, SourceUnreachable
from shared.messages import IntensityRevised, IntensityUpdated
from shared.runtime import wait_or_stop
from shared.tasks import end

SHORTEST_DELAY_SECONDS = 0.05
LONGEST_JITTER_SECONDS = 5.0
RETRY_SECONDS = 10.0
STANDBY_SECONDS = 2.0
BROADCAST_AT_ONCE = 100
DAYS_OF_STREAM = 8.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Method:
    """How a region is judged: its bands, and how far ahead it is forecast.

    Attributes:
        mode: how a value gets its band.
        history_seconds: trailing window of the relative bands, which is a week of the grid.
        reread_seconds: how often a source's recent history is read again; 0 never.
    """

    mode: BandMode
    history_seconds: float
    forecast_hours: float = FORECAST_HOURS
    reread_seconds: float = 0.0


class IntensityPublisher:
    """Polls the sources of its regions, each point once, and broadcasts every update."""

    def __init__(
        self,
        chain: Chain,
        backfill: Backfill,
        publisher: Publisher,
        topology: Topology,
        method: Method,
        metrics: Metrics,
        clock: Callable[[], datetime],
        random: Callable[[], float],
    ) -> None:
        """Take the sources, the way out, and how to judge."""
        self._chain = chain
        self._backfill = backfill
        self._publisher = publisher
        self._topology = topology
        self._method = method
        self._metrics = metrics
        self._clock = clock
        self._random = random
        self._foresights = {
            region: Foresights(method.history_seconds, method.forecast_hours)
            for region in topology.regions
        }
        self._reconciliations = {
            region: Reconciliation(
                region,
                Rereading(method.reread_seconds, self._foresights[region].day_seconds),
                backfill,
                publisher.broadcast,
                clock,
            )
            for region in topology.regions
        }

    async def session(self, connection: AbstractConnection, stop: asyncio.Event) -> None:
        """Lead every region that nobody else leads, until stopped.

        Raises:
            ConfigurationError: a source will not answer until a setting is changed.
        """
        regions = self._topology.regions
        await check(connection, [self._topology.intensity_log])
        try:
            async with asyncio.TaskGroup() as tasks:
                for region in regions:
                    tasks.create_task(self._lead(connection, region, stop, tasks))
        except ExceptionGroup as group:  # the first failure is the one to act on
            raise group.exceptions[0] from None

    async def _lead(
        self,
        connection: AbstractConnection,
        region: str,
        stop: asyncio.Event,
        tasks: asyncio.TaskGroup,
    ) -> None:
        lead = self._topology.publisher_lead(region)
        if not await wait_for_lead(connection, lead, stop, STANDBY_SECONDS):
            return
        log.info("polling for a region", region=region)
        try:
            await self._poll_on(connection, region, stop, tasks)
        finally:
            self._metrics.stands_by(region)

    async def _poll_on(
        self,
        connection: AbstractConnection,
        region: str,
        stop: asyncio.Event,
        tasks: asyncio.TaskGroup,
    ) -> None:
        classifier = Classifier(
            region, self._method.mode, self._method.history_seconds, self._foresights[region]
        )
        missing = await self._recall(connection, classifier)
        await self._poll(classifier)
        await self._tell_past(missing, classifier.last)
        aside = [
            tasks.create_task(self._deepen(classifier)),
            tasks.create_task(self._reconciliations[region].keep(classifier, stop)),
        ]
        try:
            while not await wait_or_stop(stop, self._seconds_to_next_point(classifier.last)):
                await self._poll(classifier)
        finally:
            for task in aside:
                await end(task)

    async def _recall(
        self, connection: AbstractConnection, classifier: Classifier
    ) -> list[Reading]:
        """Give a classifier its past; what the stream lacked of the bands' week is returned."""
        region, now = classifier.region, self._clock()
        since = now - timedelta(seconds=self._method.history_seconds)
        stream_since = now - timedelta(
            seconds=DAYS_OF_STREAM * self._foresights[region].day_seconds
        )
        history = await read_history(connection, self._topology.intensity_log, stream_since)
        known = [
            told
            for told in history
            if isinstance(told, IntensityUpdated) and told.reading.region == region
        ]
        revised = [
            told for told in history if isinstance(told, IntensityRevised) and told.region == region
        ]
        self._reconciliations[region].recall([*known, *revised])
        missing = await self._backfill.missing(region, known, since, self._clock())
        everything: list[IntensityUpdated | Reading] = [*known, *missing]
        for past in sorted(everything, key=_start_of):
            if isinstance(past, IntensityUpdated):
                classifier.remember(past)
            else:
                classifier.learn(past)
        return missing

    async def _deepen(self, classifier: Classifier) -> None:
        """Read the forecaster's months from the archive, once, while the polls go on.

        Not where the data are simulated: a recording that is played round and round has what is
        still to come in its past.
        """
        foresights, last = self._foresights[classifier.region], classifier.last
        if foresights.filled or last is None or last.reading.simulated:
            return
        now = self._clock()
        start = now - timedelta(seconds=foresights.reach_seconds)
        until = now - timedelta(seconds=self._method.history_seconds)
        found = await self._backfill.between(classifier.region, start, until)
        if found is not None:
            await asyncio.to_thread(foresights.fill, found)
            foresights.filled = True

    async def _tell_past(self, missing: Sequence[Reading], last: IntensityUpdated | None) -> None:
        """Put what the stream lacked into it, with the bands of today, and the last update on top.

        Whoever joins late reads the end of the stream, which must be the present.
        """
        if last is None or not missing:
            return
        updates = [_update_of(past, last.cuts) for past in missing]
        for first in range(0, len(updates), BROADCAST_AT_ONCE):
            batch = updates[first : first + BROADCAST_AT_ONCE]
            with suppress(PublishFailed):
                await asyncio.gather(
                    *(self._publisher.broadcast(each, each.reading.region) for each in batch)
                )
                for each in batch:
                    self._reconciliations[each.reading.region].told.note_update(each)
        await self._broadcast(last.model_copy(update={"id": uuid4()}))

    async def _poll(self, classifier: Classifier) -> None:
        region = classifier.region
        try:
            seen = await self._chain.observe(region, self._clock())
        except SourceUnreachable as error:
            log.warning("no data from any source", region=region, error=str(error))
            update = await asyncio.to_thread(classifier.failed, str(error), self._clock(), uuid4())
        else:
            if _is_known(classifier.last, seen.observation.reading.at):
                return
            # In a thread: the weekly fit takes longer than the event loop should wait.
            update = await asyncio.to_thread(
                classifier.observed, seen.observation, self._clock(), uuid4(), seen.reason
            )
        if update is None:
            self._metrics.unseen(region)
        else:
            await self._broadcast(update)

    async def _broadcast(self, update: IntensityUpdated) -> None:
        reading = update.reading
        self._metrics.updated(update)
        try:
            await self._publisher.broadcast(update, reading.region)
        except PublishFailed as error:
            log.warning("update not broadcast", region=reading.region, error=str(error))
            return
        self._reconciliations[reading.region].told.note_update(update)
        log.info(
            "intensity updated",
            region=reading.region,
            intensity_g_per_kwh=reading.intensity_g_per_kwh,
            band=update.band.value,
            freshness=update.freshness.value,
            source=reading.source,
        )

    def _seconds_to_next_point(self, last: IntensityUpdated | None) -> float:
        """To just after the next boundary, or soon where nothing is known yet."""
        if last is None:
            return RETRY_SECONDS * (0.5 + self._random() / 2)
        period = last.reading.period_seconds
        jitter = self._random() * min(LONGEST_JITTER_SECONDS, period * 0.02)
        return period - self._clock().timestamp() % period + SHORTEST_DELAY_SECONDS + jitter


def _update_of(past: Reading, cuts: Cuts | None) -> IntensityUpdated:
    value = past.intensity_g_per_kwh
    return IntensityUpdated(
        id=uuid5(NAMESPACE_URL, f"{past.source}:{past.region}:{past.at.isoformat()}"),
        at=past.at,
        reading=past,
        band=Band.UNKNOWN if cuts is None or value is None else cuts.band_of(value),
        freshness=Freshness.LIVE,
        cuts=cuts,
    )


def _start_of(past: IntensityUpdated | Reading) -> datetime:
    return past.reading.at if isinstance(past, IntensityUpdated) else past.at


def _is_known(last: IntensityUpdated | None, at: datetime) -> bool:
    return last is not None and last.freshness is Freshness.LIVE and last.reading.at >= at
