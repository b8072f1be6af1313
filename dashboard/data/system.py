"""What the page System shows."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.data.source import Known, kept, known, ledger
from shared.domain.jobs import State
from shared.ledger import reads
from shared.ledger.reads.forecast_error import ForecastReview, forecast_review
from shared.ledger.reads.queues import (
    RejectedMessage,
    WaitingJobs,
    rejected_messages,
    waiting_jobs,
)
from shared.ledger.schema import HEAD
from shared.runtime import product_version, system_clock

KEPT_SECONDS = 5
REVIEW_KEPT_SECONDS = 300
"""A forecast's error over a week hardly changes within minutes, and reading it costs most."""
LATEST_SHOWN = 50


@dataclass(frozen=True, slots=True)
class System:
    """The processes, the sources, and what waits or failed.

    Attributes:
        beats: of every process heard of within a day.
        last_known: the same; while all is silent, as they were last heard, at `heard_at`.
        grids: what holds now in each region.
        dead: the latest jobs that failed for good.
    """

    at: datetime
    heard_at: datetime
    beats: list[reads.ServiceRow]
    last_known: list[reads.ServiceRow]
    grids: list[reads.GridNow]
    waiting: list[WaitingJobs]
    dead: list[reads.JobStatus]
    rejected: list[RejectedMessage]


@dataclass(frozen=True, slots=True)
class Versions:
    """What this page itself runs on; processes tell their own versions."""

    product: str | None
    ledger_tables: str
    database: str


def system(url: str) -> Known[System]:
    """The whole deployment."""
    return known("system", _system, url)


def reviews(url: str) -> Known[list[ForecastReview]]:
    """How far the forecasts of each region were off."""
    return known("reviews", _reviews, url)


def versions(url: str) -> Known[Versions]:
    """The versions of the page and of the ledger that it reads."""
    return known("versions", _versions, url)


@kept(KEPT_SECONDS, entries=10)
def _system(url: str) -> System:
    engine, at = ledger(url), system_clock()
    grids = [reads.latest_grid(engine, region, at) for region in reads.regions(engine)]
    beats = reads.services(engine, at)
    return System(
        at=at,
        heard_at=reads.silent_since(beats) or at,
        beats=beats,
        last_known=reads.last_known(beats),
        grids=[grid for grid in grids if grid is not None],
        waiting=waiting_jobs(engine),
        dead=reads.recent_jobs(engine, states=[State.DEAD], limit=LATEST_SHOWN),
        rejected=rejected_messages(engine, LATEST_SHOWN),
    )


@kept(REVIEW_KEPT_SECONDS, entries=10, behind=True)
def _reviews(url: str) -> list[ForecastReview]:
    engine, at = ledger(url), system_clock()
    found = (forecast_review(engine, region, at) for region in reads.regions(engine))
    return [review for review in found if review is not None]


def _versions(url: str) -> Versions:
    database = ledger(url).url.get_backend_name()
    return Versions(product_version(), HEAD, database)
