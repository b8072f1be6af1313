"""Daily roll-ups, and rows half as large.

Ids become 16 bytes and ranks half their digits, frequent words become letters, and the bodies of
events are compressed. The rows of decisions have their numbers, and their events no longer do.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.ledger.migrations.events_0004 import shrink_events, unfold_events
from shared.ledger.stored import WORDS, pack_rank, unpack_rank

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IDS = {
    "jobs": ["id"],
    "attempts": ["job_id"],
    "pool_sizes": ["event_id"],
    "rejections": ["event_id", "job_id"],
    "audit": ["event_id", "job_id"],
}
RANKS = {
    "jobs": [
        f"{group}_key"
        for group in (
            *("accepted", "state", "decision", "planned", "promised", "failure"),
            *("replayed", "cancelled", "progress"),
        )
    ],
    "attempts": ["key"],
    "readings": ["key"],
    "grids": ["key"],
}
SPOKEN = {
    "jobs": [
        *("priority", "max_band", "state", "lane", "signal", "energy_method", "intensity_method")
    ],
    "attempts": ["outcome", "energy_method"],
}
JOB_INDICES = {
    "ix_jobs_account_due": (["id"], "account_due"),
    "ix_jobs_finished_at": (["finished_at"], None),
    "ix_jobs_region_state": (["region", "state", "planned_at"], None),
    "ix_jobs_state": (["state", "submitted_at"], None),
    "ix_jobs_submitted_at": (["submitted_at"], None),
}
NEW_JOB_INDICES = {
    "ix_jobs_account_due": (["id"], "account_due"),
    "ix_jobs_finished_at": (["finished_at"], None),
    "ix_jobs_planned": (["region", "planned_at"], f"state = '{WORDS['deferred']}'"),
    "ix_jobs_state": (["state", "submitted_at"], f"state <> '{WORDS['succeeded']}'"),
    "ix_jobs_submitted_at": (["submitted_at"], None),
    "ix_jobs_type": (["type", "submitted_at"], None),
}
DAILY = (
    "jobs", "ran_jobs", "known_jobs", "promised_jobs", "missed_deadlines", "waited_jobs",
    "wait_microseconds", "energy_microwatt_hours", "wasted_microwatt_hours", "emissions_micrograms",
    "baseline_micrograms", "reference_micrograms", "avoided_micrograms", "promised_micrograms",
    "realised_micrograms", "deferred_jobs", "deferred_wait_microseconds",
    "deferred_avoided_micrograms", "energy_measured_jobs", "energy_modelled_jobs",
    "energy_declared_jobs", "intensity_observed_jobs", "intensity_forecast_jobs",
    "intensity_carried_jobs", "half_known_jobs", "half_known_emissions_micrograms",
    "unaccounted_jobs", "unaccounted_microwatt_hours",
)  # fmt: skip
PLACE = ("day", "region", "type", "priority")
KIND = ("signal", "simulated")
KINDS_OF_KEYS = {"day": sa.BigInteger, "simulated": sa.Boolean, "bucket": sa.BigInteger}


def upgrade() -> None:
    """Convert what is there; `migrate` fills the roll-ups afterwards."""
    _drop_indices(JOB_INDICES)
    op.execute("UPDATE jobs SET reason = NULL, expected_g_per_kwh = NULL WHERE state = 'succeeded'")
    _convert(shrink=True)
    op.add_column("jobs", sa.Column("wait_bucket", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("regions", sa.Text(), nullable=True))
    _create_indices(NEW_JOB_INDICES)
    shrink_events()
    _create_rollups()


def downgrade() -> None:
    """Convert back; roll-ups go."""
    op.drop_table("daily_waits")
    op.drop_table("daily")
    unfold_events()
    _drop_indices(NEW_JOB_INDICES)
    op.drop_column("jobs", "regions")
    op.drop_column("jobs", "wait_bucket")
    _convert(shrink=False)
    _create_indices(JOB_INDICES)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _create_indices(indices: dict[str, tuple[list[str], str | None]]) -> None:
    for name, (columns, condition) in indices.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(name, "jobs", columns, sqlite_where=where, postgresql_where=where)


def _drop_indices(indices: dict[str, tuple[list[str], str | None]]) -> None:
    for name in indices:
        op.drop_index(name, "jobs")


def _convert(*, shrink: bool) -> None:
    """Ids, ranks and words of every table but the events."""
    if _is_sqlite():
        _convert_in_sqlite(shrink=shrink)
    else:
        for table, columns in RANKS.items():
            for column in columns:
                _convert_rank(table, column, shrink=shrink)
    for table, columns in SPOKEN.items():
        for column in columns:
            op.execute(_respell(table, column, shrink=shrink))


def _respell(table: str, column: str, *, shrink: bool) -> str:
    pairs = WORDS.items() if shrink else ((letter, word) for word, letter in WORDS.items())
    cases = " ".join(f"WHEN '{old}' THEN '{new}'" for old, new in pairs)
    return f"UPDATE {table} SET {column} = CASE {column} {cases} ELSE {column} END"  # noqa: S608 - constants


def _convert_rank(table: str, column: str, *, shrink: bool) -> None:
    """PostgreSQL converts where it changes the type."""
    ends = f"CASE mod(length({column}), 2) WHEN 1 THEN '1' ELSE '00' END"
    text = f"encode({column}, 'hex')"
    back = f"CASE right({text}, 1) WHEN '1' THEN left({text}, -1) ELSE left({text}, -2) END"
    op.alter_column(
        table,
        column,
        type_=sa.LargeBinary() if shrink else sa.Text(),
        postgresql_using=f"decode({column} || {ends}, 'hex')" if shrink else back,
    )


def _convert_in_sqlite(*, shrink: bool) -> None:
    """Values first: the copy that changes the types of columns takes them as they are."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.create_function("converted_id", 1, _small_id if shrink else _long_id)
    connection.create_function("converted_rank", 1, _small_rank if shrink else _long_rank)
    for table in {**IDS, **RANKS}:
        ids, ranks = IDS.get(table, []), RANKS.get(table, [])
        changes = [f"{column} = converted_id({column})" for column in ids]
        changes += [f"{column} = converted_rank({column})" for column in ranks]
        op.execute(f"UPDATE {table} SET {', '.join(changes)}")  # noqa: S608 - constants
        with op.batch_alter_table(table) as batch:
            for column in ids:
                batch.alter_column(column, type_=sa.LargeBinary(16) if shrink else sa.Uuid())
            for column in ranks:
                batch.alter_column(column, type_=sa.LargeBinary() if shrink else sa.Text())


def _small_id(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)


def _long_id(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _small_rank(value: str | None) -> bytes | None:
    return None if value is None else pack_rank(value)


def _long_rank(value: bytes | None) -> str | None:
    return None if value is None else unpack_rank(value)


def _create_rollups() -> None:
    _create_rollup("daily", [*PLACE, "state", *KIND], DAILY)
    _create_rollup("daily_waits", [*PLACE, *KIND, "bucket"], ("jobs", "wait_microseconds"))


def _create_rollup(name: str, keys: Sequence[str], amounts: Sequence[str]) -> None:
    op.create_table(
        name,
        *(
            sa.Column(key, KINDS_OF_KEYS.get(key, sa.Text)(), nullable=False, autoincrement=False)
            for key in keys
        ),
        *(sa.Column(amount, sa.BigInteger(), nullable=False) for amount in amounts),
        sa.PrimaryKeyConstraint(*keys),
        sqlite_with_rowid=False,
    )
