"""The rows that the page System shows, from what the ledger says; pure."""

from collections.abc import Iterable, Sequence

import pandas as pd

from dashboard import words
from shared.domain.grid import Freshness
from shared.domain.jobs import State
from shared.ledger.reads import GridNow, JobCounts, JobStatus, ServiceRow
from shared.ledger.reads.forecast_error import ForecastReview
from shared.ledger.reads.queues import RejectedMessage, WaitingJobs

SETTING = "setting."
"""How the facts are named that are settings in force."""
NEEDED = ("intensity_publisher", "scheduler", "worker_pool", "ledger")
SERVICE_WORDS = {
    "intensity_publisher": "intensity publisher",
    "scheduler": "scheduler",
    "worker_pool": "worker pool",
    "ledger": "ledger",
}
_RUNGS = {
    Freshness.LIVE: "live",
    Freshness.FORECAST: "the last forecast",
    Freshness.FORECASTER: "the built-in forecaster",
    Freshness.UNKNOWN: "unknown",
}
_QUEUES = {
    State.SUBMITTED: "intake, to be decided",
    State.DEFERRED: "timetable, waiting for a cleaner time",
    State.READY: "ready",
    State.RETRYING: "waiting to try again",
    State.PAUSED: "paused, to be planned again",
}
ISSUED, BUILT_IN = "the source's forecast", "the built-in forecaster"
_PLAIN_FACTS = frozenset({"version", "role", "regions", "types"})
Row = dict[str, object]


def services(beats: Sequence[ServiceRow]) -> pd.DataFrame:
    """One row for each process; those that are alive come first."""
    ordered = sorted(beats, key=lambda beat: (not beat.alive, beat.service, beat.instance))
    return pd.DataFrame([_service(beat) for beat in ordered])


def _service(beat: ServiceRow) -> Row:
    return {
        "State": "alive" if beat.alive else "silent",
        "Service": SERVICE_WORDS.get(beat.service, beat.service),
        "Role": beat.facts.get("role"),
        "Process": beat.instance,
        "Host": beat.host,
        "Last heard": beat.at,
        "Started": beat.started_at,
        "Says": _says(beat),
        "Version": beat.facts.get("version"),
    }


def _says(beat: ServiceRow) -> str:
    """Its own numbers; those of single regions, and what has its own column, are left out."""
    told = (
        f"{name.replace('_', ' ')} {_plain(value)}"
        for name, value in beat.facts.items()
        if "." not in name and name not in _PLAIN_FACTS and value is not None
    )
    return ", ".join(told)


def _plain(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def missing(beats: Sequence[ServiceRow]) -> list[str]:
    """The services of which no process is alive, by their words."""
    alive = {beat.service for beat in beats if beat.alive}
    return [SERVICE_WORDS[service] for service in NEEDED if service not in alive]


def sources(grids: Sequence[GridNow], beats: Sequence[ServiceRow]) -> pd.DataFrame:
    """Where each region's intensity comes from, and how fresh it is."""
    return pd.DataFrame([_source(grid, _order(grid.region, beats)) for grid in grids])


def _source(grid: GridNow, order: str | None) -> Row:
    return {
        "Region": grid.region,
        "Source": words.source(grid.source),
        "Signal": grid.signal.value,
        "Simulated": grid.simulated,
        "Rests on": _RUNGS[grid.freshness],
        "Band": grid.band.words,
        "Reading": grid.at,
        "Next due": grid.next_update_at,
        "Forecast until": grid.forecast.end if grid.forecast else None,
        "Remark": grid.reason,
        "Order of sources": order,
    }


def _order(region: str, beats: Sequence[ServiceRow]) -> str | None:
    """In which order a region's sources are asked, as a live publisher of it says."""
    for beat in beats:
        told = beat.facts.get(f"order.{region}")
        if beat.alive and told:
            return ", then ".join(words.source(name) for name in str(told).split(">"))
    return None


def queues(
    waiting: Sequence[WaitingJobs], counts: JobCounts, beats: Sequence[ServiceRow]
) -> pd.DataFrame:
    """What waits where: `Queue`, `Jobs`, and where they are known `Oldest`, `Region`, `Lane`.

    A queue in which nothing waits is there too, with its 0.
    """
    rows: list[Row] = []
    for state, queue in _QUEUES.items():
        here = [_waiting(queue, row) for row in waiting if row.state is state]
        rows += here or [{"Queue": queue, "Jobs": 0}]
    held = sum(_whole(beat, "held") for beat in beats if beat.alive)
    rows.append({"Queue": "given to workers, not begun", "Jobs": held})
    rows.append({"Queue": "dead letters, failed for good", "Jobs": counts.dead})
    rows.append({"Queue": "rejected messages, no valid jobs", "Jobs": counts.rejected})
    table = pd.DataFrame(rows, columns=["Queue", "Jobs", "Oldest", "Region", "Lane"])
    return table.dropna(axis="columns", how="all")


def _waiting(queue: str, row: WaitingJobs) -> Row:
    return {
        "Queue": queue,
        "Region": row.region,
        "Lane": row.lane,
        "Jobs": row.jobs,
        "Oldest": row.since,
    }


def _whole(beat: ServiceRow, fact: str) -> int:
    value = beat.facts.get(fact)
    return int(value) if isinstance(value, int | float) else 0


def dead(jobs: Sequence[JobStatus]) -> pd.DataFrame:
    """The jobs that failed for good."""
    return pd.DataFrame(
        [
            {
                "Job": job.type or str(job.id)[:8],
                "Ended": job.finished_at,
                "Attempts": job.attempts,
                "Error": job.error,
                "Id": str(job.id),
            }
            for job in jobs
        ]
    )


def rejected(messages: Sequence[RejectedMessage]) -> pd.DataFrame:
    """The messages that were no valid jobs."""
    return pd.DataFrame(
        [
            {
                "At": message.at,
                "Reason": message.reason,
                "Id": str(message.job_id) if message.job_id else None,
            }
            for message in messages
        ]
    )


def errors(review: ForecastReview) -> pd.DataFrame:
    """A region's forecast errors: by lead time, and by who made the forecast."""
    return pd.DataFrame(
        [
            {
                "Made before": words.duration(error.lead_seconds),
                "Forecast by": ISSUED if error.is_issued else BUILT_IN,
                "Mean error, g/kWh": error.mean_absolute_g_per_kwh,
                "Mean error, %": error.percent,
                "Too high by, g/kWh": error.bias_g_per_kwh,
                "Compared": error.points,
            }
            for error in review.errors
        ],
        columns=[
            *("Made before", "Forecast by", "Mean error, g/kWh", "Mean error, %"),
            *("Too high by, g/kWh", "Compared"),
        ],
    )


def settings(beats: Sequence[ServiceRow], service: str) -> pd.DataFrame:
    """The settings in force of a service; where its live processes differ, all values."""
    alive = [beat for beat in beats if beat.alive and beat.service == service]
    names = sorted({name for beat in alive for name in beat.facts if name.startswith(SETTING)})
    return pd.DataFrame(
        [
            {
                "Setting": name.removeprefix(SETTING).upper(),
                "Value": " | ".join(_values(beat.facts.get(name) for beat in alive)),
            }
            for name in names
        ]
    )


def _values(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys("not set" if value in {None, ""} else str(value) for value in values))
