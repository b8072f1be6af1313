"""Periodic jobs: the leader submits each run through the same door as everybody.

The id of a run is made of its schedule's name and its instant, and the claim on that id lets it
in once: however many schedulers run, and whichever of them is killed between any two steps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import structlog

from services.scheduler.claims import Claims
from shared.broker.publish import Publisher
from shared.catalogue import Door
from shared.errors import ConfigurationError, InvalidJob, PublishFailed
from shared.schedules import Run, Schedule, due_runs, next_run, run_id, submission

LONGEST_SLEEP_SECONDS = 30.0  # a machine's clock may be set, and a laptop sleeps
RETRY_SECONDS = 5.0

log = structlog.get_logger()


class Periodic:
    """Submits what falls due, and at its start what was missed."""

    def __init__(
        self,
        schedules: Sequence[Schedule],
        publisher: Publisher,
        claims: Claims,
        clock: Callable[[], datetime],
        looks_back: timedelta,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Take what tells that a run was submitted before.

        Args:
            schedules: from `jobs.toml`.
            publisher: takes the submissions to the intake.
            claims: know which runs were submitted before.
            clock: says the present time.
            looks_back: how far a missed run may lie back; no longer than claims hold.
            sleep: tests bring their own.
        """
        self._schedules = schedules
        self._publisher = publisher
        self._claims = claims
        self._clock = clock
        self._sleep = sleep
        self._since = {each.name: clock() - looks_back for each in schedules}

    async def run(self) -> None:
        """Submit runs for ever."""
        while True:
            submitted = [await self._submit_due(each) for each in self._schedules]
            await self._sleep(self._pause_seconds() if all(submitted) else RETRY_SECONDS)

    async def _submit_due(self, schedule: Schedule) -> bool:
        """Submit what has fallen due since the last look; False if that has to be repeated."""
        now = self._clock()
        for run in due_runs(schedule, self._since[schedule.name], now):
            if not self._claims.knows(f"id:{run_id(run)}") and not await self._submit_run(run):
                return False
        self._since[schedule.name] = now
        return True

    async def _submit_run(self, run: Run) -> bool:
        name, at = run.schedule.name, run.at.isoformat()
        try:
            # A message id of its own for each try: a second message must never pass for the first.
            await self._publisher.submit(submission(run), message_id=str(uuid4()))
        except PublishFailed as error:
            log.warning("periodic job not submitted, trying again", name=name, error=str(error))
            return False
        log.info("periodic job submitted", name=name, instant=at, job_id=str(run_id(run)))
        return True

    def _pause_seconds(self) -> float:
        """Until the next run of any schedule, at most a while."""
        now = self._clock()
        coming = (next_run(each, self._since[each.name]) for each in self._schedules)
        waits = [(run.at - now).total_seconds() for run in coming if run is not None]
        return max(0.0, min([LONGEST_SLEEP_SECONDS, *waits]))


def check_schedules(schedules: Sequence[Schedule], door: Door) -> None:
    """Make sure that the door would let each schedule's jobs in.

    Raises:
        ConfigurationError: it would not; the line names the schedule and the field.
    """
    for each in schedules:
        asked = each.job.regions or ((each.job.region,) if each.job.region else ())
        try:
            if asked:
                door.check_regions(asked)
        except InvalidJob as error:
            raise ConfigurationError(f"JOBS_FILE: schedule {each.name!r}: {error}") from error
