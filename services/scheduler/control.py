"""What people asked for, as it bears on jobs that wait: called off, to run now, held back."""

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from shared.domain.jobs import Job
from shared.domain.reasons import Order
from shared.messages import (
    AnyControl,
    CancelJob,
    PauseWork,
    RunJobNow,
    Standing,
    scope_words,
)

MOST_ASKED = 50_000


@dataclass(slots=True)
class _Asked:
    """An order to run a job now, and how far it was followed.

    Attributes:
        followed_at_attempts: the job's failed attempts when it was sent to run for this order;
            None before that.
    """

    order: RunJobNow
    followed_at_attempts: int | None = None


class Orders:
    """The control log folded: what stands, and which jobs were asked to run now.

    An order to run a job is remembered, for its job may arrive or come back a moment later.
    Its memory is bounded: past the bound the oldest order is forgotten.
    """

    def __init__(self) -> None:
        """Start with nothing asked for."""
        self._standing = Standing()
        self._asked: OrderedDict[UUID, _Asked] = OrderedDict()

    def take(self, asked: AnyControl) -> None:
        """Fold the next message in; one that was folded in before changes nothing."""
        self._standing.take(asked)
        if not isinstance(asked, RunJobNow):
            return
        known = self._asked.get(asked.job_id)
        if known is None or known.order.id != asked.id:
            self._asked[asked.job_id] = _Asked(asked)
        while len(self._asked) > MOST_ASKED:
            self._asked.popitem(last=False)

    def pauses(self) -> tuple[PauseWork, ...]:
        """Every pause in force, oldest first."""
        return self._standing.pauses()

    def cancelled(self, job_id: UUID) -> CancelJob | None:
        """Who called a job off, if anybody did."""
        return self._standing.cancelled(job_id)

    def open_regions(self, job: Job) -> tuple[str, ...]:
        """Of the regions that a job may run in, those in which it is not paused."""
        return tuple(region for region in job.regions if self._pause(job, region) is None)

    def pause_of(self, job: Job) -> Order | None:
        """The pause that holds a job back; None while one of its regions is open to it."""
        pauses = [self._pause(job, region) for region in job.regions]
        if not pauses or pauses[0] is None or None in pauses:
            return None
        return Order(pauses[0].at, pauses[0].by, scope_words(pauses[0]))

    def asked_to_run(self, job: Job) -> RunJobNow | None:
        """The order to run a job now, if nobody has paused it: a pause is the stronger one."""
        asked = self._asked_of(job)
        return None if asked is None or self.pause_of(job) is not None else asked.order

    def ends_backoff(self, job: Job) -> bool:
        """Whether such an order lets a job skip its backoff: that of one failure, not of all.

        Where it has run for the order and failed, it goes by its backoff again; only the grid
        does not count.
        """
        asked = self._asked_of(job)
        if asked is None or self.pause_of(job) is not None:
            return False
        return asked.followed_at_attempts in {None, job.attempts}

    def followed(self, job: Job) -> None:
        """Note that a job is sent to run because somebody asked for it."""
        asked = self._asked_of(job)
        if asked is not None and asked.followed_at_attempts is None:
            asked.followed_at_attempts = job.attempts

    def _asked_of(self, job: Job) -> _Asked | None:
        """The order about a job; one of before its replay was for the run that died.

        Of a job that was never replayed an order may be the older one: somebody asked while the
        submission still lay before the door.
        """
        asked = self._asked.get(job.id)
        return None if asked is None or job.was_replayed_after(asked.order.at) else asked

    def _pause(self, job: Job, region: str) -> PauseWork | None:
        standing = self._standing
        return standing.pause_of_type(job.type, region) or standing.pause_of_region(region)
