"""WattTime's recorded intensities over any span, asked for in pieces that it accepts."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.intensity_publisher.providers.series import ZEROS_THAT_MEAN_AN_OUTAGE
from services.intensity_publisher.providers.watttime_answers import DataAnswer, read_data, read_past
from services.intensity_publisher.providers.watttime_session import WattTimeSession
from shared.errors import SourceUnreachable

LONGEST_PIECE = timedelta(days=32)


@dataclass(frozen=True, slots=True)
class PastIntensities:
    """What was recorded for a region: only points that exist, gaps left as they are.

    Attributes:
        period_seconds: how long a point holds; None where there is no point.
        points: starts and g/kWh, oldest first.
        model_dates: of the models behind them; more than one, and they are not quite comparable.
        simulated: an emulator gave at least a part of it.
    """

    region: str
    period_seconds: float | None
    points: tuple[tuple[datetime, float], ...]
    model_dates: tuple[str, ...]
    simulated: bool
    warnings: tuple[str, ...] = ()


async def past_intensities(
    session: WattTimeSession, region: str, start: datetime, end: datetime
) -> PastIntensities:
    """Ask for the points that begin in a span, both ends included.

    Raises:
        NotEntitled: the plan has no history of this region.
        SourceUnreachable: no usable answer, or nothing but zeros.
        ConfigurationError: the login is refused.
    """
    gathered = _Gathered()
    for first, last in _pieces(start, end):
        span = {"region": region, "start": first.isoformat(), "end": last.isoformat()}
        answered = await session.data("historical", span)
        # A piece may be a megabyte: read in a thread, so that the polls go on meanwhile.
        gathered.take(await asyncio.to_thread(read_data, answered.text, "historical"))
        gathered.simulated |= answered.simulated
    return gathered.as_past(region)


@dataclass(slots=True)
class _Gathered:
    """The pieces so far; dictionaries keep texts in order and once."""

    period_seconds: float | None = None
    simulated: bool = False
    useless: int = 0
    points: dict[datetime, float] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    warnings: dict[str, None] = field(default_factory=dict)

    def take(self, answer: DataAnswer) -> None:
        found, useless = read_past(answer)
        self.points |= found
        self.useless += useless
        self.warnings |= dict.fromkeys(answer.warnings())
        if found:
            self.period_seconds = answer.meta.data_point_period_seconds
            self.models |= dict.fromkeys(date for date in [answer.model_date()] if date)

    def as_past(self, region: str) -> PastIntensities:
        if len(self.points) >= ZEROS_THAT_MEAN_AN_OUTAGE and not any(self.points.values()):
            raise SourceUnreachable(
                f"WattTime's historical: all {len(self.points)} points are zero, which is an outage"
            )
        return PastIntensities(
            region=region,
            period_seconds=self.period_seconds,
            points=tuple(sorted(self.points.items())),
            model_dates=tuple(self.models),
            simulated=self.simulated,
            warnings=(*self.warnings, *self._own_warnings()),
        )

    def _own_warnings(self) -> Iterator[str]:
        if self.useless:
            yield f"{self.useless} points were missing, double or absurd"
        if len(self.models) > 1:
            yield f"the points come from several models: {', '.join(self.models)}"


def _pieces(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """A span in pieces; neighbours share an end, whose point simply comes twice."""
    first, end = start.astimezone(UTC), end.astimezone(UTC)
    while first <= end:
        last = min(first + LONGEST_PIECE, end)
        yield first, last
        if last == end:
            return
        first = last
