"""The rows that the charts draw, from what the ledger says; pure."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pandas as pd

from shared.domain.bands import KNOWN_BANDS, Cuts, index_cuts
from shared.domain.grid import Curve
from shared.ledger.reads import GridNow, PlannedSlot, PoolSize, ReadingRow, ServiceRow
from shared.ledger.reads.dashboard_live import DeadlineCount, Waiting

DEFERRED, READY = "for cleaner power", "for a free worker"
QUEUE_POINTS = 300
RECORDED, EXPECTED = "recorded", "forecast"
GRAMS_TITLE = "Carbon intensity, gCO\u2082/kWh"
INDEX_TITLE = "Signal index, percentile (0 cleanest)"
_GAP_PERIODS = 2.5
_HEADROOM = 0.08
_LABEL_ROOM = 0.075

_TOGETHER = timedelta(seconds=1)
"""Pools follow a band at nearly the same moment; that is one step, not several."""

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows of the hero chart.

    Attributes:
        points: `at`, `value`, `kind`, `band`.
        bands: the background's rectangles.
        planned: jobs that wait, by slot.
        due: unfinished jobs by their deadline.
        title: of the axis of values, with its unit.
    """

    points: pd.DataFrame
    bands: pd.DataFrame
    planned: pd.DataFrame
    due: pd.DataFrame
    now: datetime
    start: datetime
    end: datetime
    title: str


def timeline(
    grid: GridNow,
    readings: Sequence[ReadingRow],
    planned: Sequence[PlannedSlot],
    now: datetime,
    span: timedelta,
    deadlines: Sequence[DeadlineCount] = (),
) -> Timeline | None:
    """History and forecast of one region; None while there is no value to draw."""
    in_grams = any(row.intensity_g_per_kwh is not None for row in readings) or bool(grid.forecast)
    cuts = grid.cuts if in_grams else index_cuts()
    past = _recorded(readings, in_grams=in_grams)
    future = _expected(grid, past, now + span) if in_grams else []
    values = [float(str(row["value"])) for row in (*past, *future) if row["value"] is not None]
    if not values:
        return None
    times = [row["at"] for row in (*past, *future) if isinstance(row["at"], datetime)]
    start, end = min(times), max(*times, now)
    slots = [slot for slot in planned if slot.planned_at <= end + (end - start) * 0.02]
    curve = Curve.of(grid.forecast) if grid.forecast else None
    return Timeline(
        points=pd.DataFrame([*past, *future], columns=["at", "value", "kind", "band"]),
        bands=_bands(cuts, values, start, max(end, *(slot.planned_at for slot in slots), end)),
        planned=_planned(slots, curve, values[-1]),
        due=_due(
            [each for each in deadlines if each.at <= end],
            timedelta(seconds=grid.period_seconds),
            min(values),
        ),
        now=now,
        start=start,
        end=end,
        title=GRAMS_TITLE if in_grams else INDEX_TITLE,
    )


def _recorded(readings: Sequence[ReadingRow], *, in_grams: bool) -> list[Row]:
    """Each point holds to its end; a gap breaks the line instead of being drawn over."""
    rows: list[Row] = []
    for place, row in enumerate(readings):
        value = row.intensity_g_per_kwh if in_grams else row.index_percent
        end = row.at + timedelta(seconds=row.period_seconds)
        rows.append(_point(row.at, value, RECORDED, row.band.words))
        following = readings[place + 1].at if place + 1 < len(readings) else None
        late = following is not None and following - row.at > _GAP_PERIODS * (end - row.at)
        if following is None or late:
            rows.append(_point(end, value, RECORDED, row.band.words))
        if late:
            rows.append(_point(end, None, RECORDED, row.band.words))
    return rows


def _expected(grid: GridNow, past: Sequence[Row], until: datetime) -> list[Row]:
    if grid.forecast is None:
        return []
    period = timedelta(seconds=grid.forecast.period_seconds)
    joint = past[-1] if past else None
    after = joint["at"] if joint else None
    rows: list[Row] = []
    for place, value in enumerate(grid.forecast.values_g_per_kwh):
        at = grid.forecast.start + place * period
        if at >= until:
            break
        if isinstance(after, datetime) and at + period <= after:
            continue
        start = max(at, after) if isinstance(after, datetime) else at
        rows.append(_point(start, value, EXPECTED, _word(grid.cuts, value)))
        last = (at + period, value)
    if not rows:
        return []
    rows.append(_point(last[0], last[1], EXPECTED, _word(grid.cuts, last[1])))
    joins = joint is not None and joint["value"] is not None and rows[0]["at"] == after
    return [{**joint, "kind": EXPECTED}, *rows] if joint is not None and joins else rows


def _point(at: datetime, value: float | None, kind: str, band: str) -> Row:
    return {"at": at, "value": value, "kind": kind, "band": band}


def _word(cuts: Cuts | None, value: float) -> str:
    return cuts.band_of(value).words if cuts else "unknown"


def _bands(
    cuts: Cuts | None, values: Sequence[float], start: datetime, end: datetime
) -> pd.DataFrame:
    """One rectangle per band that the values reach, over the whole width."""
    columns = ["start", "end", "low", "high", "middle", "band", "label"]
    low, high = min(values), max(values)
    room = max((high - low) * _HEADROOM, 1.0)
    low, high = max(0.0, low - room) if low >= 0 else low - room, high + room
    edges = [low, *(min(max(edge, low), high) for edge in cuts.edges), high] if cuts else []
    names = KNOWN_BANDS if len(edges) == len(KNOWN_BANDS) + 1 else KNOWN_BANDS[2:3]
    rows: list[Row] = []
    for band, (bottom, top) in zip(names, pairwise(edges), strict=False):
        tall = top - bottom >= _LABEL_ROOM * (high - low)
        label = band.words if tall else ""
        middle = (bottom + top) / 2
        rows.append(
            dict(zip(columns, (start, end, bottom, top, middle, band.words, label), strict=True))
        )
    return pd.DataFrame([row for row in rows if row["low"] != row["high"]], columns=columns)


def _planned(slots: Iterable[PlannedSlot], curve: Curve | None, otherwise: float) -> pd.DataFrame:
    rows: list[Row] = []
    for slot in slots:
        expected = curve.at(slot.planned_at.timestamp()) if curve else None
        expected = slot.expected_g_per_kwh if expected is None else expected
        value = otherwise if expected is None else expected
        rows.append({"at": slot.planned_at, "value": value, "jobs": slot.jobs})
    return pd.DataFrame(rows, columns=["at", "value", "jobs"])


def capacity_steps(
    changes: Sequence[PoolSize],
    present: Sequence[PoolSize],
    beats: Sequence[ServiceRow],
    since: datetime,
    now: datetime,
) -> pd.DataFrame:
    """Jobs that all pools together run at once, from change to change.

    A pool counts until the last beat of its process; one that is alive and did not change since
    `since` counts from there on.
    """
    steps = [(size.at, size.pool, size.consumers, size.reason) for size in changes]
    changed = {size.pool for size in changes}
    steps += [
        (max(size.at, since), size.pool, size.consumers, size.reason)
        for size in present
        if size.pool not in changed
    ]
    gone = {beat.instance: beat.at for beat in beats if not beat.alive}
    for pool in changed:
        at = gone.get(pool) or gone.get(pool.rsplit(":", 1)[0])
        if at is not None:
            steps.append((max(at, since), pool, 0, "a worker pool went away"))
    sizes: dict[str, int] = {}
    rows: list[Row] = []
    for at, pool, consumers, reason in sorted(steps, key=lambda step: step[0]):
        sizes[pool] = consumers
        row: Row = {"at": at, "jobs": sum(sizes.values()), "reason": reason}
        if rows and at - _instant(rows[-1]) < _TOGETHER:
            rows[-1] = {**row, "at": rows[-1]["at"]}
        else:
            rows.append(row)
    if rows:
        rows.append({**rows[-1], "at": now})
    return pd.DataFrame(rows, columns=["at", "jobs", "reason"])


def _instant(row: Row) -> datetime:
    at = row["at"]
    assert isinstance(at, datetime)  # noqa: S101 - for the type checker
    return at


def evenly(times: Sequence[datetime], values: Sequence[float], points: int) -> list[float]:
    """What a step line holds at evenly spaced moments from its first to its last."""
    if len(times) < 2:
        return []
    step = (times[-1] - times[0]) / (points - 1)
    places = (bisect_right(times, times[0] + step * number) - 1 for number in range(points))
    return [float(values[place]) for place in places]


STATE_WORDS = {
    "submitted": "to be decided",
    "deferred": "waiting for cleaner power",
    "ready": "ready to start",
    "running": "running",
    "retrying": "waiting to try again",
    "paused": "paused",
    "succeeded": "done",
    "dead": "failed for good",
    "cancelled": "cancelled",
    "expired": "deadline passed",
    "rejected": "rejected as invalid",
}


def queue_steps(steps: Sequence[Waiting], now: datetime) -> pd.DataFrame:
    """What waited when, in two kinds that are drawn on top of each other."""
    shown = [*steps, *(Waiting(now, last.deferred, last.ready) for last in steps[-1:])]
    rows: list[Row] = []
    for step in shown:
        rows.append({"at": step.at, "jobs": step.deferred, "kind": DEFERRED, "order": 1})
        rows.append({"at": step.at, "jobs": step.ready, "kind": READY, "order": 0})
    return pd.DataFrame(rows, columns=["at", "jobs", "kind", "order"])


def thinned(steps: Sequence[Waiting], apart: timedelta) -> list[Waiting]:
    """Of changes that lie closer together than can be seen, the last one."""
    kept: list[Waiting] = []
    for step in steps:
        if len(kept) > 1 and step.at - kept[-2].at < apart:
            kept[-1] = step
        else:
            kept.append(step)
    return kept


def _due(deadlines: Sequence[DeadlineCount], period: timedelta, low: float) -> pd.DataFrame:
    """Deadlines ahead, those of one period together, at the bottom of the chart."""
    found: Counter[datetime] = Counter()
    for deadline in deadlines:
        whole = deadline.at.timestamp() // period.total_seconds() * period.total_seconds()
        found[datetime.fromtimestamp(whole, UTC)] += deadline.jobs
    rows = [{"at": at, "jobs": jobs, "value": low} for at, jobs in sorted(found.items())]
    return pd.DataFrame(rows, columns=["at", "jobs", "value"])
