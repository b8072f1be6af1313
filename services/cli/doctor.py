"""`carbon-aware doctor`: is everything there that jobs need, and if not, what helps?"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime

import httpx
from rich.console import Console
from rich.text import Text
from sqlalchemy import Engine

from services.cli.broker_checks import SET_UP, check_broker
from services.cli.findings import Finding, Mark, failed, of_error, ok, warning
from services.cli.output import print_columns
from services.cli.palette import BAD, GOOD, WARNING
from services.cli.settings import Places
from services.cli.source_checks import check_source
from services.cli.words import counted, duration, intensity
from shared.domain.grid import Freshness
from shared.errors import CarbonAwareError
from shared.ledger.reads import GridNow, ServiceRow, latest_grid, services
from shared.ledger.schema import HEAD, open_engine

SERVICES = ("scheduler", "worker_pool", "intensity_publisher", "ledger")
"""What has to run for jobs to follow the grid and be accounted for."""
START = "start it with `carbon-aware up`, or `python -m services.{}`"
_SIGNS = {Mark.OK: ("✓", GOOD), Mark.WARNING: ("!", WARNING), Mark.FAILED: ("✗", BAD)}


async def examine(
    places: Places, clock: Callable[[], datetime], client: httpx.Client
) -> AsyncIterator[Finding]:
    """Every finding, one after the other."""
    async for finding in check_broker(places):
        yield finding
    for finding in check_source(places, clock, client):
        yield finding
    for finding in check_ledger(places, clock()):
        yield finding


def check_ledger(places: Places, now: datetime) -> Iterator[Finding]:
    """Whether it can be read, and what it tells of the grid and of the services."""
    try:
        engine = open_engine(places.ledger_url)
    except CarbonAwareError as error:
        yield of_error("ledger tables", error, SET_UP)
        return
    try:
        yield ok("ledger tables", f"{engine.dialect.name}, tables of version {HEAD}")
        yield from _read(engine, now)
    except CarbonAwareError as error:
        yield of_error("ledger tables", error, SET_UP)
    finally:
        engine.dispose()


def print_findings(out: Console, findings: Sequence[Finding]) -> None:
    """One line each, and below it what to do."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        sign, style = _SIGNS[finding.mark]
        fix = f"; {finding.fix}" if finding.fix else ""
        text = Text.assemble(finding.detail, (fix, "bold"))
        print_columns(out, [((Text(sign, style), 1), (finding.name, width), (text, None))])


def _read(engine: Engine, now: datetime) -> Iterator[Finding]:
    yield _grid(latest_grid(engine, None, now))
    alive = [beat for beat in services(engine, now) if beat.alive]
    for name in SERVICES:
        yield _service(name, [beat for beat in alive if beat.service == name])


def _grid(grid: GridNow | None) -> Finding:
    fix = "look at the intensity publisher's log; jobs run without regard to the grid until then"
    if grid is None:
        return failed("grid", "no update has arrived yet", fix)
    simulated = ", simulated" if grid.simulated else ""
    value = intensity(grid.intensity_g_per_kwh, grid.index_percent)
    age = f"{duration(grid.age_seconds)} old"
    detail = f"{grid.region} {value} ({grid.band.words}), {grid.freshness.value}, {age}{simulated}"
    if grid.freshness is Freshness.LIVE:
        return ok("grid", detail)
    because = f"{detail}: {grid.reason}" if grid.reason else detail
    if grid.freshness is Freshness.UNKNOWN:
        return failed("grid", because, fix)
    return warning("grid", because, "look at the intensity publisher's log")


def _service(name: str, alive: Sequence[ServiceRow]) -> Finding:
    if not alive:
        return failed(name, "none is alive", START.format(name))
    roles = [str(beat.facts["role"]) for beat in alive if beat.facts.get("role")]
    text = f"{counted(len(alive), 'process', 'processes')} alive"
    text += f" ({', '.join(sorted(roles))})" if roles else ""
    if roles and "leader" not in roles:
        return warning(name, f"{text}, none leads", "wait a moment, then look at its log")
    return ok(name, text)
