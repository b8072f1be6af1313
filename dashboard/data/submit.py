"""What the page Submit knows: the job catalogue, and what would become of a job."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from dashboard.data.source import ledger
from dashboard.foresee import Known, foresee
from dashboard.settings import DashboardSettings
from shared.catalogue import Door, JobDefaults, load_catalogue
from shared.domain.decisions import Decision, Rules
from shared.domain.jobs import Job
from shared.domain.timetable import Wheel
from shared.ledger import reads
from shared.messages import JobSubmit
from shared.runtime import system_clock

NOBODY = UUID(int=0)
"""A job that is not submitted yet has no id."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a job.

    Attributes:
        told_at: when the scheduler told its timetable; None where it has not.
        simulated: whether the grid is.
    """

    at: datetime
    job: Job
    decision: Decision
    told_at: datetime | None
    simulated: bool


def catalogue(settings: DashboardSettings) -> Mapping[str, JobDefaults]:
    """The job catalogue.

    Raises:
        ConfigurationError: it cannot be read.
    """
    return load_catalogue(settings.jobs_file)


def preview(
    settings: DashboardSettings, known_types: Mapping[str, JobDefaults], submit: JobSubmit
) -> Preview:
    """What would become of a job if it were submitted now.

    Raises:
        InvalidJob: it would be rejected.
        LedgerUnreachable: the ledger does not answer.
    """
    now = system_clock()
    job = Door(known_types, settings).accept(submit, NOBODY, now)
    known = [_known(settings, region, now) for region in job.regions]
    told = [region.timetable for region in known if region.timetable is not None]
    wheel = Wheel(settings.slot_seconds, settings.wheel_slots)
    if told:
        wheel = Wheel(told[0].slot_seconds, len(told[0].slots))
    decision = foresee(job, now, known, wheel, Rules(margin_seconds=settings.margin_seconds))
    return Preview(
        at=now,
        job=job,
        decision=decision,
        told_at=min((each.at for each in told), default=None),
        simulated=any(region.grid is not None and region.grid.simulated for region in known),
    )


def _known(settings: DashboardSettings, region: str, now: datetime) -> Known:
    engine = ledger(settings.ledger_url)
    timetables = reads.latest_timetables(engine, region)
    beats = reads.last_known(reads.services(engine, now))
    return Known(
        region,
        reads.latest_grid(engine, region, now),
        timetables[0] if timetables else None,
        reads.live_pools(engine, beats, region),
    )
