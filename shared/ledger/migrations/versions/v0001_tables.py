"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    _create_events()
    _create_jobs()
    _create_attempts()
    _create_decisions()
    _create_readings()
    _create_grids()
    _create_pool_sizes()
    _create_services()
    _create_rejections()


def downgrade() -> None:
    """Drop every table."""
    for name in (
        "events",
        "jobs",
        "attempts",
        "decisions",
        "readings",
        "grids",
        "pool_sizes",
        "services",
        "rejections",
    ):
        op.drop_table(name)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_job_id", "events", ["job_id"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("accepted_key", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("max_band", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("deadline", sa.BigInteger(), nullable=True),
        sa.Column("expected_duration_seconds", sa.Double(), nullable=True),
        sa.Column("declared_energy_kwh", sa.Double(), nullable=True),
        sa.Column("interruptible", sa.Boolean(), nullable=True),
        sa.Column("state_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("decision_key", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("expected_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("planned_key", sa.Text(), nullable=True),
        sa.Column("planned_at", sa.BigInteger(), nullable=True),
        sa.Column("promised_key", sa.Text(), nullable=True),
        sa.Column("promised_g", sa.Double(), nullable=True),
        sa.Column("failure_key", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("deferrals", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("wait_seconds", sa.Double(), nullable=True),
        sa.Column("account_due", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("signal", sa.Text(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=True),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("wasted_kwh", sa.Double(), nullable=True),
        sa.Column("energy_method", sa.Text(), nullable=True),
        sa.Column("emissions_g", sa.Double(), nullable=True),
        sa.Column("baseline_g", sa.Double(), nullable=True),
        sa.Column("reference_g", sa.Double(), nullable=True),
        sa.Column("avoided_g", sa.Double(), nullable=True),
        sa.Column("intensity_method", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ix_jobs_account_due",
        "jobs",
        ["id"],
        sqlite_where=sa.text("account_due"),
        postgresql_where=sa.text("account_due"),
    )
    op.create_index("ix_jobs_finished_at", "jobs", ["finished_at"])
    op.create_index("ix_jobs_region_state", "jobs", ["region", "state", "planned_at"])
    op.create_index("ix_jobs_state", "jobs", ["state", "submitted_at"])
    op.create_index("ix_jobs_submitted_at", "jobs", ["submitted_at"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("energy_method", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "attempt"),
    )


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("deferrals", sa.BigInteger(), nullable=False),
        sa.Column("promised_g", sa.Double(), nullable=True),
        sa.Column("planned_at", sa.BigInteger(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("max_band", sa.Text(), nullable=False),
        sa.Column("latest_start", sa.BigInteger(), nullable=False),
        sa.Column("freshness", sa.Text(), nullable=False),
        sa.Column("intensity_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("index_percent", sa.Double(), nullable=True),
        sa.Column("forecast_age_seconds", sa.Double(), nullable=True),
        sa.Column("window_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("expected_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("expected_saving_g", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_decisions_at", "decisions", ["at"])
    op.create_index("ix_decisions_job_id", "decisions", ["job_id", "sequence"])


def _create_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("period_seconds", sa.Double(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("freshness", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("intensity_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("index_percent", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("region", "signal", "source", "at"),
    )
    op.create_index("ix_readings_region_at", "readings", ["region", "at"])


def _create_grids() -> None:
    op.create_table(
        "grids",
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("period_seconds", sa.Double(), nullable=False),
        sa.Column("signal", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("freshness", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("intensity_g_per_kwh", sa.Double(), nullable=True),
        sa.Column("index_percent", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("forecast", sa.Text(), nullable=True),
        sa.Column("cuts", sa.Text(), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("region"),
    )


def _create_pool_sizes() -> None:
    op.create_table(
        "pool_sizes",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("factor", sa.Double(), nullable=False),
        sa.Column("consumers", sa.BigInteger(), nullable=False),
        sa.Column("prefetch", sa.BigInteger(), nullable=False),
        sa.Column("base_consumers", sa.BigInteger(), nullable=False),
        sa.Column("base_prefetch", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_pool_sizes_pool_at", "pool_sizes", ["pool", "at"])
    op.create_index("ix_pool_sizes_region_at", "pool_sizes", ["region", "at"])


def _create_services() -> None:
    op.create_table(
        "services",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("interval_seconds", sa.Double(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "service"),
    )
    op.create_index("ix_services_at", "services", ["at"])


def _create_rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_rejections_at", "rejections", ["at"])
