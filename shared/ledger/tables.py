"""The ledger's tables, typed, for SQLite and PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    Row,
    Table,
    Text,
    TypedColumns,
    false,
    text,
)

from shared.ledger.instants import Instant
from shared.ledger.record_columns import (
    AccountRevisionColumns,
    AuditColumns,
    DecisionColumns,
    RejectionColumns,
)
from shared.ledger.rollup_columns import DailyColumns, DailyWaitColumns
from shared.ledger.stored import WORDS, Identifier, Rank, Word

AnyRow = Row[*tuple[Any, ...]]
"""A row of any columns, read by their names."""
ACCOUNT_IS_DUE = "account_due"
"""The partial index's condition; SQLite uses the index only where a query says exactly this."""
NOT_SUCCEEDED = f"state <> '{WORDS['succeeded']}'"
"""The same for the jobs that went another way or are still on theirs: the few that are sought."""
HAS_FAILED = f"error IS NOT NULL AND {NOT_SUCCEEDED}"
"""The same for the jobs whose last failure is still shown."""
IS_DEFERRED = f"state = '{WORDS['deferred']}'"
ABOUT_NO_JOB = "job_id IS NULL"


class EventColumns(TypedColumns):
    """Everything that happened, as it was told; beats apart, of which only the last is kept.

    `place` is the order in which events were recorded; `body` is what `event_bodies` made of the
    JSON text, and of a decision only of its reason: its numbers are in `decisions`.
    """

    place: Named[int] = Column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    id: Named[UUID] = Column(Identifier(), nullable=False)
    type: Named[str] = Column(Word(), nullable=False)
    job_id: Named[UUID | None] = Column(Identifier())
    at: Named[datetime] = Column(Instant(), nullable=False)
    body: Named[bytes] = Column(LargeBinary(), nullable=False)


class JobColumns(TypedColumns):
    """Each job as it is now.

    A `..._key` column holds the rank of the event that its group of columns was taken from; the
    greatest rank wins, so that events may arrive in any order and any number of times.
    """

    id: Named[UUID] = Column(Identifier(), primary_key=True)
    # group "accepted": from the earliest job.accepted
    accepted_key: Named[str | None] = Column(Rank())
    type: Named[str | None] = Column(Text())
    priority: Named[str | None] = Column(Word())
    max_band: Named[str | None] = Column(Word())
    submitted_at: Named[datetime | None] = Column(Instant())
    deadline: Named[datetime | None] = Column(Instant())
    expected_duration_seconds: Named[float | None] = Column(Double())
    declared_energy_kwh: Named[float | None] = Column(Double())
    interruptible: Named[bool | None] = Column(Boolean())
    regions: Named[str | None] = Column(Text())  # JSON, of those that it may choose among
    # group "state": from the event that is farthest along
    state_key: Named[str] = Column(Rank())
    state: Named[str] = Column(Word())
    state_at: Named[datetime] = Column(Instant())
    piece: Named[int] = Column(BigInteger(), server_default="1")
    finished_at: Named[datetime | None] = Column(Instant())
    result: Named[str | None] = Column(Text())
    # group "decision": from the last decision, whose event has the reason in words
    decision_key: Named[str | None] = Column(Rank())
    region: Named[str | None] = Column(Text())
    lane: Named[str | None] = Column(Word())
    expected_g_per_kwh: Named[float | None] = Column(Double())
    # group "planned": from the last deferral
    planned_key: Named[str | None] = Column(Rank())
    planned_at: Named[datetime | None] = Column(Instant())
    # group "promised": from the first decision
    promised_key: Named[str | None] = Column(Rank())
    promised_g: Named[float | None] = Column(Double())
    # group "failure": from the last failure; an index has it, so its length is bounded
    failure_key: Named[str | None] = Column(Rank())
    error: Named[str | None] = Column(Text())
    # group "replayed": from the last replay of a dead job; as good as a new submission
    replayed_key: Named[str | None] = Column(Rank())
    replayed_at: Named[datetime | None] = Column(Instant())
    replayed_deadline: Named[datetime | None] = Column(Instant())
    # group "cancelled": from the first cancellation
    cancelled_key: Named[str | None] = Column(Rank())
    cancelled_by: Named[str | None] = Column(Text())
    cancel_reason: Named[str | None] = Column(Text())
    # group "progress": from the last word of the last piece
    progress_key: Named[str | None] = Column(Rank())
    progress_attempt: Named[int | None] = Column(BigInteger())
    progress_fraction: Named[float | None] = Column(Double())
    progress_message: Named[str | None] = Column(Text())
    progress_at: Named[datetime | None] = Column(Instant())
    # the highest counters seen, and the first start
    attempts: Named[int] = Column(BigInteger())
    deferrals: Named[int] = Column(BigInteger())
    started_at: Named[datetime | None] = Column(Instant())
    wait_seconds: Named[float | None] = Column(Double())
    wait_bucket: Named[int | None] = Column(BigInteger())
    # the account, worked out when the job is final and again when a reading comes late
    account_due: Named[bool] = Column(Boolean(), server_default=false())
    signal: Named[str | None] = Column(Word())
    simulated: Named[bool | None] = Column(Boolean())
    energy_kwh: Named[float | None] = Column(Double())
    wasted_kwh: Named[float | None] = Column(Double())
    energy_method: Named[str | None] = Column(Word())
    emissions_g: Named[float | None] = Column(Double())
    baseline_g: Named[float | None] = Column(Double())
    reference_g: Named[float | None] = Column(Double())
    avoided_g: Named[float | None] = Column(Double())
    intensity_method: Named[str | None] = Column(Word())
    # whether that is the account of an ended job, the last revision of a reading that it rests
    # on, up to when it needs readings if that is after the job's end, and how often it was worked
    # out with another result
    account_settled: Named[bool] = Column(Boolean(), server_default=false())
    account_revised_at: Named[datetime | None] = Column(Instant())
    account_until: Named[datetime | None] = Column(Instant())
    account_version: Named[int] = Column(BigInteger(), server_default="1")


class AttemptColumns(TypedColumns):
    """Each piece of each attempt once; an attempt that is not interrupted has piece 1 alone.

    Of several things told of a piece the first success counts, else the first failure, else the
    first pause, else the first cancellation, else the last start.
    """

    job_id: Named[UUID] = Column(Identifier(), primary_key=True)
    attempt: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    piece: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    key: Named[str] = Column(Rank())
    pool: Named[str] = Column(Text())
    region: Named[str] = Column(Text())
    started_at: Named[datetime] = Column(Instant())
    finished_at: Named[datetime | None] = Column(Instant())
    outcome: Named[str | None] = Column(Word())
    energy_kwh: Named[float | None] = Column(Double())
    energy_method: Named[str | None] = Column(Word())
    remaining_seconds: Named[float | None] = Column(Double())
    reason: Named[str | None] = Column(Text())
    error: Named[str | None] = Column(Text())
    traceback: Named[str | None] = Column(Text())


class ReadingColumns(TypedColumns):
    """Each point of a region's grid; an observed one replaces a forecast of the same point.

    `revised_at` says when its source's own history last said another value; None: never.
    """

    region: Named[str] = Column(Text(), primary_key=True)
    signal: Named[str] = Column(Text(), primary_key=True)
    source: Named[str] = Column(Text(), primary_key=True)
    at: Named[datetime] = Column(Instant(), primary_key=True)
    key: Named[str] = Column(Rank())
    period_seconds: Named[float] = Column(Double())
    simulated: Named[bool] = Column(Boolean())
    freshness: Named[str] = Column(Text())
    band: Named[str] = Column(Text())
    intensity_g_per_kwh: Named[float | None] = Column(Double())
    index_percent: Named[float | None] = Column(Double())
    revised_at: Named[datetime | None] = Column(Instant())


class GridColumns(TypedColumns):
    """The latest update of each region; forecast, cuts and warnings are JSON."""

    region: Named[str] = Column(Text(), primary_key=True)
    key: Named[str] = Column(Rank())
    updated_at: Named[datetime] = Column(Instant())
    at: Named[datetime] = Column(Instant())
    period_seconds: Named[float] = Column(Double())
    signal: Named[str] = Column(Text())
    source: Named[str] = Column(Text())
    simulated: Named[bool] = Column(Boolean())
    freshness: Named[str] = Column(Text())
    band: Named[str] = Column(Text())
    intensity_g_per_kwh: Named[float | None] = Column(Double())
    index_percent: Named[float | None] = Column(Double())
    reason: Named[str | None] = Column(Text())
    forecast: Named[str | None] = Column(Text())
    cuts: Named[str | None] = Column(Text())
    warnings: Named[str] = Column(Text())


class PoolSizeColumns(TypedColumns):
    """Each time that a worker pool followed the band."""

    event_id: Named[UUID] = Column(Identifier(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    pool: Named[str] = Column(Text())
    region: Named[str] = Column(Text())
    band: Named[str] = Column(Text())
    factor: Named[float] = Column(Double())
    consumers: Named[int] = Column(BigInteger())
    prefetch: Named[int] = Column(BigInteger())
    base_consumers: Named[int] = Column(BigInteger())
    base_prefetch: Named[int] = Column(BigInteger())
    reason: Named[str] = Column(Text())


class ServiceColumns(TypedColumns):
    """The latest beat of each process; its facts are JSON."""

    instance: Named[str] = Column(Text(), primary_key=True)
    service: Named[str] = Column(Text(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    host: Named[str] = Column(Text())
    pid: Named[int] = Column(BigInteger())
    started_at: Named[datetime] = Column(Instant())
    interval_seconds: Named[float] = Column(Double())
    facts: Named[str] = Column(Text())


class TimetableColumns(TypedColumns):
    """The latest timetable of each region; its slots are JSON."""

    region: Named[str] = Column(Text(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    slot_seconds: Named[float] = Column(Double())
    consumers: Named[int | None] = Column(BigInteger())
    backlog_seconds: Named[float | None] = Column(Double())
    slots: Named[str] = Column(Text())


metadata = MetaData()
events = Table("events", metadata, EventColumns)
decisions = Table("decisions", metadata, DecisionColumns)
jobs = Table("jobs", metadata, JobColumns)
readings = Table("readings", metadata, ReadingColumns)
grids = Table("grids", metadata, GridColumns)
pool_sizes = Table("pool_sizes", metadata, PoolSizeColumns)
services = Table("services", metadata, ServiceColumns)
timetables = Table("timetables", metadata, TimetableColumns)
rejections = Table("rejections", metadata, RejectionColumns)
audit = Table("audit", metadata, AuditColumns)
account_revisions = Table("account_revisions", metadata, AccountRevisionColumns)

# Their key is their place: rows of a day, or of a job, lie side by side, and need no other index.
attempts = Table("attempts", metadata, AttemptColumns, sqlite_with_rowid=False)
daily = Table("daily", metadata, DailyColumns, sqlite_with_rowid=False)
daily_waits = Table("daily_waits", metadata, DailyWaitColumns, sqlite_with_rowid=False)


def _partial(name: str, condition: str, *columns: Column[Any], unique: bool = False) -> None:
    """An index of the rows alone for which a condition holds."""
    where = text(condition)
    Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


# No unique index on the ids of all events, which would be a seventh of the ledger: whoever writes
# is alone (`writing`) and looks up what is known of a job before.
Index("ix_events_job_id", events.c.job_id)
_partial("ix_events_no_job", ABOUT_NO_JOB, events.c.id, unique=True)
_partial("ix_events_no_job_at", ABOUT_NO_JOB, events.c.at)
Index("ix_jobs_submitted_at", jobs.c.submitted_at)
Index("ix_jobs_type", jobs.c.type, jobs.c.submitted_at)
Index("ix_jobs_finished_at", jobs.c.finished_at)
_partial("ix_jobs_state", NOT_SUCCEEDED, jobs.c.state, jobs.c.submitted_at)
_partial("ix_jobs_error", HAS_FAILED, jobs.c.submitted_at, jobs.c.id, jobs.c.error)
_partial("ix_jobs_planned", IS_DEFERRED, jobs.c.region, jobs.c.planned_at)
_partial("ix_jobs_account_due", ACCOUNT_IS_DUE, jobs.c.id)
_partial("ix_jobs_account_until", "account_until IS NOT NULL", jobs.c.account_until)
Index("ix_readings_region_at", readings.c.region, readings.c.at)
Index("ix_pool_sizes_region_at", pool_sizes.c.region, pool_sizes.c.at)
Index("ix_pool_sizes_pool_at", pool_sizes.c.pool, pool_sizes.c.at)
Index("ix_services_at", services.c.at)
Index("ix_rejections_at", rejections.c.at)
Index("ix_audit_at", audit.c.at)
Index("ix_audit_job_id", audit.c.job_id, audit.c.at)
Index("ix_account_revisions_at", account_revisions.c.at)
