"""What the page Workers shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.data.live import RUNNING_SHOWN, ahead
from dashboard.data.source import Known, kept, known, ledger
from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.reads.fleet import WORKER_SERVICE
from shared.runtime import system_clock

KEPT_SECONDS = 4
HISTORY = timedelta(hours=24)
ASKED_SHOWN = 20
WORK_ACTIONS = frozenset({"pause", "resume", "eco"})


@dataclass(frozen=True, slots=True)
class Workers:
    """The worker processes, what they run, and how their size followed the grid.

    Attributes:
        since: where the history begins.
        sizes: the changes since then; `pools` are the present sizes of live pools.
        silent_since: when a process was last heard, where none is alive any more.
        beats: of worker processes alone, silent ones included; while all is silent, as they were
            last heard.
        asked: pauses, resumptions and eco orders since then, newest first.
    """

    at: datetime
    since: datetime
    region: str | None
    silent_since: datetime | None
    pools: list[reads.PoolSize]
    sizes: list[reads.PoolSize]
    readings: list[reads.ReadingRow]
    beats: list[reads.ServiceRow]
    running: list[reads.JobStatus]
    asked: list[reads.AuditRow]


def workers(url: str, region: str | None) -> Known[Workers]:
    """The workers of a region, or of all; the history is that of one region."""
    return known("workers", _workers, url, region)


@kept(KEPT_SECONDS)
def _workers(url: str, region: str | None) -> Workers:
    engine, at = ledger(url), system_clock()
    grid = reads.latest_grid(engine, region, at)
    place = grid.region if grid else region
    since = at - (ahead(grid) if grid else HISTORY)
    asked = [row for row in reads.audit(engine, since) if row.action in WORK_ACTIONS]
    told = reads.services(engine, at)
    services = reads.last_known(told)
    return Workers(
        at=at,
        since=since,
        region=place,
        silent_since=reads.silent_since(told),
        pools=reads.live_pools(engine, services, region),
        sizes=reads.pool_sizes_since(engine, place, since) if place else [],
        readings=reads.readings_since(engine, place, since) if place else [],
        beats=[beat for beat in services if beat.service == WORKER_SERVICE],
        running=reads.recent_jobs(
            engine, states=[State.RUNNING], region=region, limit=RUNNING_SHOWN
        ),
        asked=asked[::-1][:ASKED_SHOWN],
    )
