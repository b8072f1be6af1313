"""Everything that the command line and the dashboard read, as small frozen values.

Each function takes the engine, and the time where the answer depends on it.
"""

from shared.ledger.reads.attempts import AttemptRow, Piece, attempts
from shared.ledger.reads.audit import AuditRow, audit, audit_of_job
from shared.ledger.reads.decisions import (
    DecisionRow,
    RecentDecision,
    decisions,
    planned,
    recent_decisions,
)
from shared.ledger.reads.decisions import PlannedSlot as PlannedSlot
from shared.ledger.reads.fleet import (
    PoolSize,
    ServiceRow,
    last_known,
    live_pools,
    pool_sizes_since,
    pools,
    services,
    silent_since,
)
from shared.ledger.reads.grid import GridNow, ReadingRow, latest_grid, readings_since, regions
from shared.ledger.reads.jobs import (
    EventRow,
    JobStatus,
    Progress,
    SavingsPoint,
    job_status,
    recent_events,
    savings_over_time,
)
from shared.ledger.reads.pages import JobFilter, JobLine, JobPage, Mark, job_lines, recent_jobs
from shared.ledger.reads.revisions import (
    AccountFigures,
    AccountRevision,
    RevisedAccounts,
    account_revisions,
    revised_accounts,
    revision_lines,
)
from shared.ledger.reads.statistics import Capacity, JobCounts, Statistics, statistics
from shared.ledger.reads.timetables import PlannedRoom, TimetableRow, latest_timetables

__all__ = [
    "AccountFigures",
    "AccountRevision",
    "AttemptRow",
    "AuditRow",
    "Capacity",
    "DecisionRow",
    "EventRow",
    "GridNow",
    "JobCounts",
    "JobFilter",
    "JobLine",
    "JobPage",
    "JobStatus",
    "Mark",
    "Piece",
    "PlannedRoom",
    "PlannedSlot",
    "PoolSize",
    "Progress",
    "ReadingRow",
    "RecentDecision",
    "RevisedAccounts",
    "SavingsPoint",
    "ServiceRow",
    "Statistics",
    "TimetableRow",
    "account_revisions",
    "attempts",
    "audit",
    "audit_of_job",
    "decisions",
    "job_lines",
    "job_status",
    "last_known",
    "latest_grid",
    "latest_timetables",
    "live_pools",
    "planned",
    "pool_sizes_since",
    "pools",
    "readings_since",
    "recent_decisions",
    "recent_events",
    "recent_jobs",
    "regions",
    "revised_accounts",
    "revision_lines",
    "savings_over_time",
    "services",
    "silent_since",
    "statistics",
]
