"""Versions of accounts, and which readings their source has revised.

Accounts that are there are version 1: from here on what changes them leaves a revision.
"""

import sqlalchemy as sa
from alembic import op

from shared.ledger.stored import WORDS, Identifier, Word

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FIGURES = {
    "signal": Word,
    "simulated": sa.Boolean,
    "energy_kwh": sa.Double,
    "wasted_kwh": sa.Double,
    "emissions_g": sa.Double,
    "baseline_g": sa.Double,
    "avoided_g": sa.Double,
    "intensity_method": Word,
}


ENDED = [WORDS[word] for word in ("succeeded", "dead", "cancelled", "expired")]


def upgrade() -> None:
    """Add what is new, and mark the accounts that are settled."""
    _create_account_revisions()
    op.add_column("readings", sa.Column("revised_at", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("account_revised_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "jobs", sa.Column("account_version", sa.BigInteger(), nullable=False, server_default="1")
    )
    op.add_column(
        "jobs",
        sa.Column("account_settled", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    jobs = sa.table(
        "jobs",
        *(sa.column(name) for name in ("attempts", "submitted_at", "state")),
        *(sa.column(name, sa.Boolean()) for name in ("account_settled", "account_due")),
    )
    is_settled = ~jobs.c.account_due & (jobs.c.attempts > 0) & jobs.c.submitted_at.is_not(None)
    is_settled &= jobs.c.state.in_(ENDED)
    op.execute(sa.update(jobs).where(is_settled).values(account_settled=True))


def downgrade() -> None:
    """Take it away again; accounts keep their last figures."""
    for name in ("account_settled", "account_version", "account_revised_at"):
        op.drop_column("jobs", name)
    op.drop_column("readings", "revised_at")
    op.drop_table("account_revisions")


def _create_account_revisions() -> None:
    figures = [
        sa.Column(f"{when}_{name}", kind(), nullable=True)
        for when in ("was", "now")
        for name, kind in FIGURES.items()
    ]
    op.create_table(
        "account_revisions",
        sa.Column("job_id", Identifier(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("readings", sa.BigInteger(), nullable=False),
        sa.Column("revised_readings", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        *figures,
        sa.PrimaryKeyConstraint("job_id", "version"),
    )
    op.create_index("ix_account_revisions_at", "account_revisions", ["at"])
