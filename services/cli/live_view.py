"""What the live view of `up` looks like: one picture of one moment, drawn for a terminal's size."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text
from sqlalchemy import Engine

from services.cli.event_words import EventLine, event_line
from services.cli.palette import (
    STATE_STYLES,
    band_badge,
    bar,
    simulated_badge,
    sparkline,
)
from services.cli.statistics_view import saved_words
from services.cli.words import duration, energy, grams, intensity
from shared.domain.bands import CAPACITY_FACTORS, Band
from shared.domain.jobs import State
from shared.domain.outlook import Window, cleanest_window
from shared.ledger.reads import (
    GridNow,
    PoolSize,
    Statistics,
    latest_grid,
    pools,
    readings_since,
    recent_events,
    statistics,
)
from shared.messages import IntensityUpdated, PoolResized, decode_event

MOST_EVENTS = 8
LONGEST_SPARKLINE = 60
_SHOWN_STATES = ("deferred", "ready", "running", "retrying", "succeeded", "dead", "expired")
_MOST_FACTOR = max(CAPACITY_FACTORS.values())


@dataclass(frozen=True, slots=True)
class Picture:
    """All that one drawing shows."""

    now: datetime
    stats: Statistics
    grid: GridNow | None
    readings: Sequence[tuple[float, Band]]
    window: Window | None
    pools: Sequence[PoolSize]
    events: Sequence[EventLine]


def take_picture(engine: Engine, now: datetime) -> Picture:
    """Read everything from the ledger.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    grid = latest_grid(engine, None, now)
    return Picture(
        now=now,
        stats=statistics(engine, now),
        grid=grid,
        readings=_readings(engine, grid),
        window=_window(grid, now),
        pools=pools(engine, now),
        events=_events(engine),
    )


def draw(picture: Picture, width: int, height: int, footer: Text) -> RenderableType:
    """The picture, within the terminal: events are what gives way."""
    parts: list[RenderableType] = [_header(picture, width), _second_line(picture)]
    parts += [Rule(style="dim"), _jobs(picture.stats), *_pools(picture.pools, width)]
    parts.append(Text.assemble(("saved ", "dim"), saved_words(picture.stats), _used(picture.stats)))
    parts.append(Rule(style="dim"))
    room = height - len(parts) - 3
    events = picture.events[-max(0, min(MOST_EVENTS, room)) :] if room > 0 else ()
    parts += [_event(line) for line in events]
    parts.append(footer)
    for part in parts:
        if isinstance(part, Text):
            part.no_wrap, part.overflow = True, "ellipsis"
    return Group(*parts)


def footer_of(dashboard_url: str | None, elapsed: float, seconds: float | None) -> Text:
    """Where the dashboard is, how long it has run, and how to end it."""
    parts = [f"dashboard {dashboard_url}"] if dashboard_url else []
    left = f" of {duration(seconds)}" if seconds is not None else ""
    parts += [f"up {duration(round(elapsed))}{left}", "Ctrl-C stops everything"]
    return Text(" · ".join(parts), "dim")


def _header(picture: Picture, width: int) -> Text:
    stats = picture.stats
    amount = intensity(stats.intensity_g_per_kwh, stats.index_percent)
    line = Text.assemble((stats.region or "no grid data yet", "bold"), "  ", (amount, "bold"), "  ")
    line.append_text(band_badge(stats.band))
    if stats.simulated:
        line.append(" ").append_text(simulated_badge(simulated=True))
    room = min(LONGEST_SPARKLINE, width - line.cell_len - 2)
    if room > 4:
        line.append("  ").append_text(sparkline(picture.readings[-room:]))
    return line


def _second_line(picture: Picture) -> Text:
    stats, window = picture.stats, picture.window
    age = f", {duration(stats.age_seconds)} old" if stats.age_seconds is not None else ""
    source = f"{stats.source or 'no source'} {stats.freshness.value}{age}"
    return Text.assemble((f"{_window_words(window)} · {source}", "dim"))


def _window_words(window: Window | None) -> str:
    if window is None:
        return "no window ahead is worth waiting for"
    start, end = f"{window.start:%H:%M:%S}", f"{window.end:%H:%M:%S} UTC"
    return f"cleanest window {start} to {end}, {window.percent:+.0f} %"


def _jobs(stats: Statistics) -> Text:
    line = Text("jobs  ", "dim")
    for name in _SHOWN_STATES:
        count = getattr(stats.jobs, name)
        if count or name in {"deferred", "ready", "running", "succeeded"}:
            style = STATE_STYLES[State(name)] if count else "dim"
            line.append(f"{count} {name}", style).append("  ")
    return line


def _pools(sizes: Sequence[PoolSize], width: int) -> list[Text]:
    if not sizes:
        return [Text("pools none alive yet", "dim")]
    lines = []
    for size in sizes:
        most = max(1, round(size.base_consumers * _MOST_FACTOR))
        process = size.pool.removesuffix(f":{size.region}")[-12:]
        name, bar_width = (size.pool, 16) if width >= 100 else (process, 8)
        line = Text.assemble((f"pool {name} ", "dim"))
        line.append_text(bar(size.consumers, most, bar_width, STATE_STYLES[State.READY]))
        line.append(f" {size.consumers}/{most} consumers, prefetch {size.prefetch}")
        lines.append(line.append(f"  {size.reason}", "dim"))
    return lines


def _used(stats: Statistics) -> Text:
    text = f" · {grams(stats.emissions_g)} emitted, {energy(stats.energy_kwh)} used"
    return Text(text, "dim")


def _event(line: EventLine) -> Text:
    word = line.word.copy()
    word.pad_right(max(0, 10 - word.cell_len))
    subject = f"{line.subject:<8} "
    return Text.assemble((f"{line.at} ", "dim"), (subject, "dim"), word, line.text)


def _readings(engine: Engine, grid: GridNow | None) -> list[tuple[float, Band]]:
    if grid is None:
        return []
    since = grid.at - timedelta(seconds=grid.period_seconds * LONGEST_SPARKLINE)
    rows = readings_since(engine, grid.region, since)
    return [
        (row.intensity_g_per_kwh, row.band)
        for row in rows
        if row.intensity_g_per_kwh is not None and row.source == grid.source
    ]


def _window(grid: GridNow | None, now: datetime) -> Window | None:
    if grid is None:
        return None
    day_s = timedelta(days=1).total_seconds()
    return cleanest_window(grid.forecast, grid.cuts, grid.intensity_g_per_kwh, now, day_s)


def _events(engine: Engine) -> list[EventLine]:
    """The last ones, oldest first; the grid and the pools have lines of their own."""
    events = [decode_event(row.body.encode()) for row in recent_events(engine, 4 * MOST_EVENTS)]
    told = [event for event in events if not isinstance(event, IntensityUpdated | PoolResized)]
    return [event_line(event) for event in reversed(told[:MOST_EVENTS])]
