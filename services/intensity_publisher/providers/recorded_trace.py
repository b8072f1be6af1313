"""A recorded grid, read as if it were live; everything that comes from it is marked simulated."""

import csv
import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.intensity_publisher.providers import Observation
from services.intensity_publisher.providers.answers import spacing
from services.intensity_publisher.providers.series import even_series, from_now
from shared.domain.grid import Forecast, Reading, Signal, utc
from shared.errors import ConfigurationError, SourceUnreachable

TIME, INTENSITY = "time", "intensity_g_per_kwh"
GENERATED_AT, POINT_TIME = "generated_at", "point_time"
ONE_POINT_SECONDS = 300.0

Issues = Mapping[datetime, Mapping[datetime, float]]


class RecordedTrace:
    """Reads intensities, and the forecasts issued at the time, from files.

    Without a file of forecasts there is none: what the trace itself holds of the time to come
    is knowledge that nobody has.
    """

    name = "recorded_trace"

    def __init__(
        self,
        path: Path,
        clock: Callable[[], datetime],
        *,
        signal: Signal,
        forecasts: Path | None = None,
        starts_now: bool = False,
    ) -> None:
        """Read the files.

        Args:
            path: a CSV with `time` and `intensity_g_per_kwh`, evenly spaced.
            clock: the time, for `starts_now`.
            signal: what the recorded intensities mean.
            forecasts: a CSV with `generated_at`, `point_time` and `intensity_g_per_kwh`.
            starts_now: let the first point hold now, instead of reading by wall time.

        Raises:
            ConfigurationError: a file is missing or not of this form.
        """
        self.signal = signal
        self._path = path
        self._start, self._period_seconds, self._values = _read_trace(path)
        self._issues = _read_issues(forecasts) if forecasts else {}
        self._generated = sorted(self._issues)
        self._shift = timedelta(0)
        if starts_now:
            # On the grid of the period, at whose boundaries the publisher polls.
            period = self._period_seconds
            self._shift = utc(clock().timestamp() // period * period) - self._start

    async def observe(self, region: str, now: datetime) -> Observation:
        """The recorded point that holds now, and the forecast that was known by then."""
        then = now.astimezone(UTC) - self._shift
        place = math.floor((then - self._start).total_seconds() / self._period_seconds)
        if not 0 <= place < len(self._values):
            last = self._start + timedelta(seconds=self._period_seconds * (len(self._values) - 1))
            raise SourceUnreachable(
                f"{self._path.name} has points from {self._start + self._shift:%Y-%m-%d %H:%M} "
                f"to {last + self._shift:%Y-%m-%d %H:%M} UTC, not now"
            )
        at = self._start + timedelta(seconds=self._period_seconds * place)
        reading = Reading(
            region=region,
            at=at + self._shift,
            period_seconds=self._period_seconds,
            signal=self.signal,
            source=self.name,
            simulated=True,
            intensity_g_per_kwh=self._values[place],
        )
        try:
            forecast, warnings = self._forecast(at, self._values[place], then)
        except SourceUnreachable as error:
            forecast, warnings = None, (f"the recorded forecast: {error}",)
        return Observation(reading, forecast, warnings)

    async def close(self) -> None:
        """Nothing is open."""

    def _forecast(
        self, at: datetime, value: float, then: datetime
    ) -> tuple[Forecast | None, tuple[str, ...]]:
        """The newest forecast that had been issued, from the point that holds on."""
        issued = bisect_right(self._generated, then)
        if not issued:
            return None, ()
        generated_at = self._generated[issued - 1]
        points = dict(self._issues[generated_at])
        period = spacing(list(points), self._period_seconds)
        if period == self._period_seconds:
            points[at] = value  # forecasts often begin with the point after this one
        whole = even_series(points.items(), period, lowest=0.0, highest=math.inf)
        series = from_now(whole, then)
        forecast = Forecast(
            generated_at=generated_at + self._shift,
            start=series.start + self._shift,
            period_seconds=period,
            values_g_per_kwh=series.values,
        )
        return forecast, series.warnings


Row = Mapping[str, str | None]


def _read_trace(path: Path) -> tuple[datetime, float, tuple[float, ...]]:
    points = [
        (_instant(path, line, row, TIME), _number(path, line, row))
        for line, row in _rows(path, (TIME, INTENSITY))
    ]
    if not points:
        raise ConfigurationError(f"{path} holds no point")
    start = points[0][0]
    step = points[1][0] - start if len(points) > 1 else timedelta(seconds=ONE_POINT_SECONDS)
    if step < timedelta(seconds=1):
        raise ConfigurationError(f"{path}, line 3: points must be a second apart or more, in order")
    for number, (at, _) in enumerate(points):
        if at - start != step * number:
            raise ConfigurationError(f"{path}, line {number + 2}: points are not evenly spaced")
    return start, step.total_seconds(), tuple(value for _, value in points)


def _read_issues(path: Path) -> Issues:
    issues: dict[datetime, dict[datetime, float]] = {}
    for line, row in _rows(path, (GENERATED_AT, POINT_TIME, INTENSITY)):
        issue = issues.setdefault(_instant(path, line, row, GENERATED_AT), {})
        issue[_instant(path, line, row, POINT_TIME)] = _number(path, line, row)
    return issues


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """The rows of a CSV with their line numbers; whatever is wrong becomes one line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(f"{path} has no column {', '.join(missing)}")
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, csv.Error) as error:
        raise ConfigurationError(f"{path} is no CSV in UTF-8: {error}") from error


def _instant(path: Path, line: int, row: Row, column: str) -> datetime:
    text = row[column]
    try:
        at = datetime.fromisoformat(text or "")
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(
        f"{path}, line {line}: {column} must be a time with a zone, such as "
        f"2021-04-02T00:00:00Z (given {text!r})"
    )


def _number(path: Path, line: int, row: Row) -> float:
    text = row[INTENSITY]
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ConfigurationError(
            f"{path}, line {line}: {INTENSITY} must be a number of 0 or more (given {text!r})"
        )
    return value
