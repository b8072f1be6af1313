"""Processor time of a refresh of each dashboard page over a ledger of a given size.

    python benchmarks/dashboard_speed.py [--jobs 100000] [--rounds 5] [--ledger sqlite:///kept.db]

Every page is run as the server runs it, without a browser: once with nothing cached, and then as a
refresh whose reads come from the cache, which is what every further tab costs. What the reads cost
alone is told too: the first tab pays it when they have expired. All are milliseconds of processor
time, so that a busy machine does not count.
"""

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from uuid import UUID

import streamlit as st
from sqlalchemy import Engine, insert
from streamlit.testing.v1 import AppTest

from dashboard.data import live, plan, savings, system, workers
from dashboard.data.savings import Period
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.tables import jobs
from shared.ledger.writes import record
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    ServiceBeat,
    SlotPlan,
    TimetableUpdated,
)

REGION = "CAISO_NORTH"
PAGES = ("live", "savings", "plan", "workers", "system")
TYPES = ("ml_training", "video_transcode", "nightly_report", "database_backup")
ROWS_AT_ONCE = 10_000
DAYS = 30.0
READS: dict[str, Callable[[str], object]] = {
    "live: header": lambda url: live.now(url, None),
    "live: details": lambda url: live.details(url, None),
    "savings: figures by type": lambda url: savings.groups(url, Period.MONTH, GroupBy.TYPE),
    "savings: sums and waits": lambda url: savings.course(url, Period.MONTH),
    "plan": lambda url: plan.plan(url, None),
    "workers": lambda url: workers.workers(url, None),
    "system: state": system.system,
    "system: forecast errors": system.reviews,
}


def main() -> None:
    """Fill a ledger unless one is given, measure, print."""
    asked = _arguments()
    logging.disable(logging.WARNING)  # without a server, Streamlit warns of its own absence
    with tempfile.TemporaryDirectory() as folder:
        url = asked.ledger or f"sqlite:///{Path(folder) / 'ledger.db'}"
        if not asked.ledger:
            fill(url, asked.jobs)
            print(f"ledger of {asked.jobs:,} jobs over {DAYS:.0f} days")
        os.environ["LEDGER_URL"] = url  # noqa: TID251 - the pages read it as a server's would
        print(f"\n{'read':<28}{'median ms':>10}")
        for name, read in READS.items():
            print(
                f"{name:<28}{_median_ms(lambda read=read: _cold(read, url), asked.rounds):>10.1f}"
            )
        print(f"\n{'page':<12}{'first ms':>10}{'refresh ms':>12}")
        for name in PAGES:
            first_ms, refresh_ms = _page(name, Path(folder), asked.rounds)
            print(f"{name:<12}{first_ms:>10.1f}{refresh_ms:>12.1f}")
        st.cache_resource.clear()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ledger", help="measure over this ledger instead of one that is made up")
    return parser.parse_args()


def _page(name: str, folder: Path, rounds: int) -> tuple[float, float]:
    """Milliseconds of a page's first run, and the median of its refreshes."""
    script = folder / f"{name}.py"
    script.write_text(f"from dashboard.views import {name}\n{name}.page()\n", encoding="utf-8")
    page = AppTest.from_file(str(script), default_timeout=120)
    st.cache_data.clear()
    first_ms = _ms(page.run)
    return first_ms, _median_ms(page.run, rounds)


def _cold(read: Callable[[str], object], url: str) -> None:
    st.cache_data.clear()
    read(url)


def _median_ms(run: Callable[[], Any], rounds: int) -> float:
    return median(_ms(run) for _ in range(rounds))


def _ms(run: Callable[[], Any]) -> float:
    began = time.process_time()
    run()
    return 1000 * (time.process_time() - began)


def fill(url: str, count: int) -> None:
    """A ledger of finished jobs over a month, with a day of grid, a timetable and live services."""
    migrate(url)
    now, random = datetime.now(UTC), Random(7)  # noqa: TID251 - a benchmark has no clock to be given
    engine = open_engine(url)
    _fill_jobs(engine, count, now, random)
    with writing(engine) as connection:
        record(connection, list(_surroundings(now, random)))
    engine.dispose()


def _fill_jobs(engine: Engine, count: int, now: datetime, random: Random) -> None:
    rows: list[dict[str, Any]] = []
    for number in range(count):
        rows.append(_job(number, count, now, random))
        if len(rows) == ROWS_AT_ONCE or number == count - 1:
            with writing(engine) as connection:
                connection.execute(insert(jobs), rows)
            rows.clear()


def _job(number: int, count: int, now: datetime, random: Random) -> dict[str, Any]:
    submitted = now - timedelta(days=DAYS * (count - number) / count)
    wait_seconds = random.choice((0.0, 0.0, 1.0, 3.0, 9.0)) * 3600.0 * random.random()
    finished = min(submitted + timedelta(seconds=wait_seconds + 300.0), now)
    baseline = 100.0 + 100.0 * random.random()
    avoided = baseline * (0.6 * random.random() - 0.1)
    return {
        "id": UUID(int=number), "type": TYPES[number % len(TYPES)], "priority": "normal",
        "max_band": "low", "region": REGION, "submitted_at": submitted,
        "deadline": submitted + timedelta(days=1), "expected_duration_seconds": 300.0,
        "declared_energy_kwh": 0.5, "state_key": "x", "state": "succeeded", "state_at": finished,
        "started_at": finished, "finished_at": finished, "attempts": 1, "deferrals": 1,
        "wait_seconds": wait_seconds, "signal": "marginal", "simulated": False,
        "energy_kwh": 0.5, "wasted_kwh": 0.0, "energy_method": "declared",
        "emissions_g": baseline - avoided, "baseline_g": baseline, "reference_g": 225.0,
        "avoided_g": avoided, "intensity_method": "observed", "promised_g": avoided + 5.0,
    }  # fmt: skip


def _surroundings(now: datetime, random: Random) -> Iterator[AnyEvent]:
    """A week of 5-minute readings with their forecasts, live services, and a timetable."""
    period = timedelta(minutes=5)
    first = now - 2016 * period
    for place in range(2016):
        at = first + place * period
        yield _update(at, _grams(place), tuple(_grams(place + n) + 5.0 for n in range(576)))
    for number, service in enumerate(("intensity_publisher", "scheduler", "ledger", "worker_pool")):
        yield ServiceBeat(
            id=_uuid(random), at=now, service=service, instance=f"host-{number}", host="host",
            pid=number, started_at=first, interval_seconds=3600.0,
            facts={"role": "leader", "regions": REGION},
        )  # fmt: skip
    yield TimetableUpdated(
        id=_uuid(random), at=now, region=REGION, slot_seconds=300.0, consumers=8,
        backlog_seconds=60.0, slots=tuple(_slot(now + n * period, n) for n in range(288)),
    )  # fmt: skip


def _update(at: datetime, grams: float, ahead: tuple[float, ...]) -> IntensityUpdated:
    return IntensityUpdated(
        id=UUID(int=int(at.timestamp()), version=4),
        at=at,
        reading=Reading(REGION, at, 300.0, Signal.MARGINAL, "watttime", False, grams),
        band=Band.MEDIUM,
        freshness=Freshness.LIVE,
        forecast=Forecast(at, at, 300.0, ahead),
        cuts=absolute_cuts(),
    )


def _slot(at: datetime, place: int) -> SlotPlan:
    return SlotPlan(
        at=at,
        band=Band.MEDIUM,
        expected_g_per_kwh=_grams(place),
        jobs=place % 3,
        load_seconds=300.0 * (place % 3),
        room_seconds=2400.0 - 300.0 * (place % 3),
    )


def _grams(place: int) -> float:
    """A day that is clean at noon."""
    return 300.0 + 200.0 * cos(2 * pi * place / 288)


def _uuid(random: Random) -> UUID:
    return UUID(int=random.getrandbits(128), version=4)


if __name__ == "__main__":
    main()
