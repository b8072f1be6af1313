"""Pieces of attempts, progress, cancellations, and the audit of what people asked for.

What there is of attempts becomes piece 1. The ranks that events are merged by get a place for
the piece, so those of the rows that are there are rewritten; else late events would not find
their place among them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEPT = (
    "job_id, attempt, pool, region, started_at, finished_at, outcome, energy_kwh, energy_method, "
    "error, traceback"
)
JOB_COLUMNS = {
    "replayed_key": sa.Text,
    "replayed_at": sa.BigInteger,
    "replayed_deadline": sa.BigInteger,
    "cancelled_key": sa.Text,
    "cancelled_by": sa.Text,
    "cancel_reason": sa.Text,
    "progress_key": sa.Text,
    "progress_attempt": sa.BigInteger,
    "progress_fraction": sa.Double,
    "progress_message": sa.Text,
    "progress_at": sa.BigInteger,
}


def upgrade() -> None:
    """Add what is new, and rewrite the ranks."""
    _create_audit()
    _split_attempts()
    for table in ("decisions", "jobs"):
        op.add_column(
            table, sa.Column("piece", sa.BigInteger(), nullable=False, server_default="1")
        )
    for name, kind in JOB_COLUMNS.items():
        op.add_column("jobs", sa.Column(name, kind(), nullable=True))
    # "0", failed attempts (6 digits), phase (1) and so on become "0", failed attempts, whether
    # the attempt ended (1), piece (6), phase and so on. A rank that begins with "1" is final.
    op.execute(
        "UPDATE jobs SET state_key = substr(state_key, 1, 7)"
        " || CASE substr(state_key, 8, 1) WHEN '2' THEN '1' ELSE '0' END"
        " || '000001' || substr(state_key, 8) WHERE substr(state_key, 1, 1) = '0'"
    )


def downgrade() -> None:
    """Take it away again; of several pieces of an attempt the last is kept."""
    op.execute(
        "UPDATE jobs SET state_key = substr(state_key, 1, 7) || substr(state_key, 15)"
        " WHERE substr(state_key, 1, 1) = '0'"
    )
    for name in JOB_COLUMNS:
        op.drop_column("jobs", name)
    for table in ("decisions", "jobs"):
        op.drop_column(table, "piece")
    _join_attempts()
    op.drop_table("audit")


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_job_id", "audit", ["job_id", "at"])


def _split_attempts() -> None:
    """A new table, because SQLite cannot change a primary key."""
    op.rename_table("attempts", "attempts_0002")
    _create_attempts("pk_attempts", with_pieces=True)
    # Ranks: a start stays "0"; cancellations and pauses come between it and a failure.
    op.execute(
        f"INSERT INTO attempts ({KEPT}, piece, key) SELECT {KEPT}, 1,"  # noqa: S608 - constants
        " CASE substr(key, 1, 1) WHEN '2' THEN '4' WHEN '1' THEN '3' ELSE '0' END"
        " || substr(key, 2) FROM attempts_0002"
    )
    op.drop_table("attempts_0002")


def _join_attempts() -> None:
    op.rename_table("attempts", "attempts_0003")
    _create_attempts("attempts_pkey", with_pieces=False)
    op.execute(
        f"INSERT INTO attempts ({KEPT}, key) SELECT {KEPT},"  # noqa: S608 - constants
        " CASE substr(key, 1, 1) WHEN '4' THEN '2' WHEN '3' THEN '1' ELSE '0' END"
        " || substr(key, 2) FROM attempts_0003 AS each WHERE piece = (SELECT max(piece)"
        " FROM attempts_0003 AS other"
        " WHERE other.job_id = each.job_id AND other.attempt = each.attempt)"
    )
    op.drop_table("attempts_0003")


def _create_attempts(primary_key: str, *, with_pieces: bool) -> None:
    """The name of the primary key must differ from that of the table which is copied."""
    piece = [sa.Column("piece", sa.BigInteger(), nullable=False, autoincrement=False)]
    more = [
        sa.Column("remaining_seconds", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
    ]
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False, autoincrement=False),
        *(piece if with_pieces else ()),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("energy_method", sa.Text(), nullable=True),
        *(more if with_pieces else ()),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint(
            "job_id", "attempt", *(["piece"] if with_pieces else []), name=primary_key
        ),
    )
