"""Waits packed a row a day and kind, attempts without a second tree, and reasons only once.

A job's row no longer repeats the reason of its last decision: it made rows shrink by a third when
their jobs ended, which left a quarter of SQLite's pages empty. Jobs whose failure is still shown
have an index, for whoever seeks them by a word of it; it holds errors, so their length is bounded.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.ledger.packed_waits import Waits, pack, unpack
from shared.ledger.reads.decisions import last_reasons
from shared.ledger.stored import WORDS, Identifier

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

AT_ONCE = 1000
KEYS = {
    "day": sa.BigInteger,
    **dict.fromkeys(("region", "type", "priority", "signal"), sa.Text),
    "simulated": sa.Boolean,
}
AMOUNTS = ("jobs", "wait_microseconds")
Row = dict[str, Any]


def upgrade() -> None:
    """Convert what is there."""
    _store_attempts(with_rowid=False)
    op.drop_column("jobs", "reason")
    op.execute("UPDATE jobs SET error = substr(error, 1, 500) WHERE length(error) > 500")
    _index_errors()
    old = _waits_by_bucket()
    packed: dict[tuple[Any, ...], Waits] = defaultdict(dict)
    for *key, bucket, jobs, wait_microseconds in op.get_bind().execute(sa.select(old)):
        packed[tuple(key)][bucket] = (jobs, wait_microseconds)
    op.drop_table("daily_waits")
    new = _packed_waits()
    new.create(op.get_bind())
    names = new.columns.keys()
    rows = [dict(zip(names, (*key, pack(waits)), strict=True)) for key, waits in packed.items()]
    op.bulk_insert(new, rows)


def downgrade() -> None:
    """Convert back; jobs have the reasons of their last decisions again."""
    held = op.get_bind().execute(sa.select(_packed_waits())).all()
    op.drop_table("daily_waits")
    old = _waits_by_bucket()
    old.create(op.get_bind())
    names = old.columns.keys()
    rows = [
        dict(zip(names, (*key, bucket, *sums), strict=True))
        for *key, packed in held
        for bucket, sums in unpack(packed).items()
    ]
    op.bulk_insert(old, rows)
    op.drop_index("ix_jobs_error", "jobs")
    op.add_column("jobs", sa.Column("reason", sa.Text(), nullable=True))
    for reasons in _reasons():
        op.get_bind().execute(_set_reason(), reasons)
    _store_attempts(with_rowid=True)


def _index_errors() -> None:
    failed = sa.text(f"error IS NOT NULL AND state <> '{WORDS['succeeded']}'")
    columns = ["submitted_at", "id", "error"]
    op.create_index("ix_jobs_error", "jobs", columns, sqlite_where=failed, postgresql_where=failed)


def _store_attempts(*, with_rowid: bool) -> None:
    """In SQLite a table is a tree of its rowids or of its keys; PostgreSQL knows no such choice."""
    if op.get_bind().dialect.name == "sqlite":
        kind = {"sqlite_with_rowid": with_rowid}
        with op.batch_alter_table("attempts", recreate="always", table_kwargs=kind):
            pass


def _reasons() -> Iterator[list[Row]]:
    """Of the jobs that had one: those that did not succeed."""
    jobs = _jobs()
    ended_well = WORDS["succeeded"]
    ids = op.get_bind().scalars(sa.select(jobs.c.id).where(jobs.c.state != ended_well)).all()
    for start in range(0, len(ids), AT_ONCE):
        found = last_reasons(op.get_bind(), ids[start : start + AT_ONCE])
        if found:
            yield [{"job": job_id, "why": reason} for job_id, reason in found.items()]


def _set_reason() -> sa.Update:
    jobs = _jobs()
    change = sa.update(jobs).where(jobs.c.id == sa.bindparam("job", type_=Identifier()))
    return change.values(reason=sa.bindparam("why"))


def _jobs() -> sa.TableClause:
    return sa.table(
        "jobs",
        sa.column("id", Identifier()),
        sa.column("state", sa.Text()),
        sa.column("reason", sa.Text()),
    )


def _waits_by_bucket() -> sa.Table:
    return _waits({**KEYS, "bucket": sa.BigInteger}, dict.fromkeys(AMOUNTS, sa.BigInteger))


def _packed_waits() -> sa.Table:
    return _waits(KEYS, {"waits": sa.LargeBinary})


def _waits(keys: dict[str, Any], amounts: dict[str, Any]) -> sa.Table:
    return sa.Table(
        "daily_waits",
        sa.MetaData(),
        *(
            sa.Column(name, kind(), nullable=False, autoincrement=False)
            for name, kind in keys.items()
        ),
        *(sa.Column(name, kind(), nullable=False) for name, kind in amounts.items()),
        sa.PrimaryKeyConstraint(*keys),
        sqlite_with_rowid=False,
    )
