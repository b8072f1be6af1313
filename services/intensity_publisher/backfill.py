"""Fills the trailing history from what a source keeps, where the plan allows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from shared.domain.grid import Freshness, Reading
from shared.errors import CarbonAwareError
from shared.messages import IntensityUpdated

COMPLETE_SHARE = 0.98

log = structlog.get_logger()


class Archive(Protocol):
    """A source that keeps its past."""

    async def readings(self, region: str, start: datetime, end: datetime) -> Sequence[Reading]:
        """The observed points of a region from `start` to `end`, in their order."""
        ...


class Backfill:
    """Finds the points of the past that the stream does not have."""

    def __init__(self, archives: Mapping[str, Archive]) -> None:
        """Take each region's archive; regions without one start with what the stream has."""
        self._archives = archives

    async def missing(
        self, region: str, known: Sequence[IntensityUpdated], since: datetime, now: datetime
    ) -> list[Reading]:
        """Points that an archive has and the stream lacks; none where it does not answer."""
        live = {each.reading.at for each in known if each.freshness is Freshness.LIVE}
        recent = sum(at >= since for at in live)
        if region not in self._archives or _is_complete(known, recent, since, now):
            return []
        found = await self.between(region, since, now)
        return [each for each in found or () if each.at not in live]

    async def between(self, region: str, start: datetime, end: datetime) -> list[Reading] | None:
        """The points of a span, its end excluded; None where no archive has them or answers."""
        archive = self._archives.get(region)
        if archive is None:
            return None
        try:
            found = await archive.readings(region, start, end)
        except CarbonAwareError as error:
            log.warning("history not read", region=region, reason=str(error))
            return None
        inside = [each for each in found if start <= each.at < end]
        log.info("history read", region=region, points=len(inside), since=start.isoformat())
        return inside


def _is_complete(
    known: Sequence[IntensityUpdated], points: int, since: datetime, now: datetime
) -> bool:
    if not known:
        return False
    expected = (now - since).total_seconds() / known[-1].reading.period_seconds
    return points >= COMPLETE_SHARE * expected
