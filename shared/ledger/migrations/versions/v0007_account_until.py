"""Up to when an account needs readings, of jobs where that is after their end.

A piece may end after its job was cancelled, and where clocks differ a baseline may end after its
job. For the jobs that are there the pieces alone are looked at.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SET = """
    UPDATE jobs SET account_until = ended.at FROM (
        SELECT attempts.job_id AS id, max(attempts.finished_at) AS at
        FROM attempts GROUP BY attempts.job_id
    ) AS ended
    WHERE ended.id = jobs.id AND ended.at > jobs.finished_at AND jobs.account_settled
"""


def upgrade() -> None:
    """Add the column, its index of the few rows that have it, and what is known of it."""
    op.add_column("jobs", sa.Column("account_until", sa.BigInteger(), nullable=True))
    known = sa.text("account_until IS NOT NULL")
    op.create_index(
        "ix_jobs_account_until",
        "jobs",
        ["account_until"],
        sqlite_where=known,
        postgresql_where=known,
    )
    op.execute(SET)


def downgrade() -> None:
    """Take both away."""
    op.drop_index("ix_jobs_account_until", "jobs")
    op.drop_column("jobs", "account_until")
