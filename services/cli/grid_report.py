"""What is told of a region's grid: scripts depend on the names of its fields."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from shared.domain.bands import Band, Cuts
from shared.domain.grid import Forecast, Freshness, Signal
from shared.domain.outlook import Window, cleanest_window
from shared.errors import NotFound
from shared.ledger.reads import GridNow, latest_grid
from shared.ledger.reads import regions as known_regions

AHEAD = timedelta(days=1)
"""How far ahead the cleanest window is looked for, and the forecast drawn."""


@dataclass(frozen=True, slots=True)
class GridReport:
    """One region; add fields, never rename any."""

    region: str
    intensity_g_per_kwh: float | None
    index_percent: float | None
    band: Band
    signal: Signal
    source: str
    simulated: bool
    freshness: Freshness
    at: datetime
    age_seconds: float
    reason: str | None
    period_seconds: float
    warnings: Sequence[str]
    forecast: Forecast | None
    band_edges_g_per_kwh: Sequence[float] | None
    cleanest_window: Window | None

    @property
    def cuts(self) -> Cuts | None:
        """What gives a value in g/kWh its band; None where that is not known."""
        edges = self.band_edges_g_per_kwh
        return None if edges is None else Cuts(tuple(edges), 0.0)


def one_report(engine: Engine, region: str | None, now: datetime) -> GridReport:
    """A region, or the one updated last.

    Raises:
        NotFound: the ledger has heard nothing of it.
        LedgerUnreachable: the database does not answer.
    """
    grid = latest_grid(engine, region, now)
    if grid is not None:
        return _report(grid, now)
    known = ", ".join(known_regions(engine))
    if not known:
        raise NotFound(
            "no update of a grid has arrived yet; start the intensity publisher, "
            "for example with `carbon-aware up`"
        )
    raise NotFound(f"the ledger knows no region {region}, only {known}")


def all_reports(engine: Engine, now: datetime) -> list[GridReport]:
    """Every region that the ledger knows, cleanest first among those that can be compared.

    Marginal ones come first, then average ones; in each, those with an intensity, then those with
    an index alone, then those of which nothing is known.

    Raises:
        LedgerUnreachable: the database does not answer.
    """
    grids = (latest_grid(engine, region, now) for region in known_regions(engine))
    return sorted((_report(grid, now) for grid in grids if grid is not None), key=_rank)


def _report(grid: GridNow, now: datetime) -> GridReport:
    seconds = AHEAD.total_seconds()
    return GridReport(
        region=grid.region,
        intensity_g_per_kwh=grid.intensity_g_per_kwh,
        index_percent=grid.index_percent,
        band=grid.band,
        signal=grid.signal,
        source=grid.source,
        simulated=grid.simulated,
        freshness=grid.freshness,
        at=grid.at,
        age_seconds=grid.age_seconds,
        reason=grid.reason,
        period_seconds=grid.period_seconds,
        warnings=grid.warnings,
        forecast=grid.forecast,
        band_edges_g_per_kwh=grid.cuts.edges if grid.cuts else None,
        cleanest_window=cleanest_window(
            grid.forecast, grid.cuts, grid.intensity_g_per_kwh, now, seconds
        ),
    )


def _rank(report: GridReport) -> tuple[bool, int, float, str]:
    average = report.signal is Signal.AVERAGE
    if report.intensity_g_per_kwh is not None:
        return average, 0, report.intensity_g_per_kwh, report.region
    if report.index_percent is not None:
        return average, 1, report.index_percent, report.region
    return average, 2, 0.0, report.region
