"""The timetable of each region, as the working scheduler last told it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "timetables",
        sa.Column("region", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("slot_seconds", sa.Double(), nullable=False),
        sa.Column("consumers", sa.BigInteger(), nullable=True),
        sa.Column("backlog_seconds", sa.Double(), nullable=True),
        sa.Column("slots", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("timetables")
