"""A job, a grid and a timetable for tests of decisions; they load this file with `runpy`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Rules, decide
from shared.domain.grid import Curve, Freshness, Grid
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Pools, Timetable, Wheel

NOW = datetime(2026, 3, 1, 12, 0, 10, tzinfo=UTC)
SLOT = NOW.replace(second=0)
WHEEL = Wheel(300.0, 288)
RULES = Rules(margin_seconds=60)


def job(**changes):
    usual = Job(
        id=UUID(int=1),
        type="t",
        priority=Priority.NORMAL,
        max_band=Band.LOW,
        submitted_at=NOW,
        deadline=NOW + timedelta(hours=6),
        expected_duration_seconds=600.0,
        regions=("R",),
        power_watts=1000.0,
    )
    return replace(usual, **changes)


def grid(values, band=None, region="R"):
    cuts = absolute_cuts()
    return Grid(
        region=region,
        band=band or cuts.band_of(values[0]),
        freshness=Freshness.LIVE,
        intensity_g_per_kwh=values[0],
        curve=Curve(SLOT.timestamp(), 300.0, values),
        cuts=cuts,
        forecast_age_seconds=10.0,
    )


def settle(the_job, the_grid, timetable=None, now=NOW):
    return decide(the_job, now, the_grid, timetable or Timetable(WHEEL), RULES)


def busy_timetable(consumers=1, backlog_s=0.0):
    timetable = Timetable(WHEEL)
    timetable.set_pools("R", Pools((consumers,), consumers, backlog_s))
    return timetable
