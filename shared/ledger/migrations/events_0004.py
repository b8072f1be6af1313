"""Events and decisions between their forms of version 0003 and 0004.

Until then each event was stored as text, and each decision a second time as a row. Since then the
text is compressed, and that of a decision is told from its row.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from shared.domain.jobs import State
from shared.ledger.decided import NAMES, decision_row, stored_event, told_body, told_decision
from shared.ledger.event_bodies import stored_body
from shared.ledger.instants import Instant
from shared.ledger.stored import Identifier, Word
from shared.ledger.writes import positions
from shared.messages import Decided, decode_event

AT_ONCE = 1000
_STATES = {"deferred": State.DEFERRED, "released": State.READY, "expired": State.EXPIRED}
_COUNTERS = ("attempts", "piece", "deferrals")
_FIGURES = (
    *("promised_g", "intensity_g_per_kwh", "index_percent", "forecast_age_seconds"),
    *("window_g_per_kwh", "expected_g_per_kwh", "expected_saving_g"),
)
_KEPT = (
    *(*_COUNTERS, *_FIGURES, "outcome", "cause", "planned_at", "slot", "lane", "region"),
    *("band", "max_band", "latest_start", "freshness"),
)
_ACCEPTED = "job.accepted.v1"
Row = dict[str, Any]


def shrink_events() -> None:
    """Compress the events, and make the rows of decisions from them; their order is their time."""
    old, new, decisions = _old_events("events"), _new_events("events_0004"), _new_decisions()
    op.drop_table("decisions")
    new.create(op.get_bind())
    decisions.create(op.get_bind())
    place = 0
    for rows in _chunks(sa.select(old).order_by(old.c.at, old.c.id)):
        placed = list(enumerate(rows, place + 1))
        place += len(rows)
        told = {n: decode_event(row.body.encode()) for n, row in placed if row.type in NAMES}
        op.bulk_insert(new, [{"place": n} | _fold(row, told.get(n)) for n, row in placed])
        decided = [(n, event) for n, event in told.items() if isinstance(event, Decided)]
        op.bulk_insert(decisions, [{"place": n} | decision_row(event) for n, event in decided])
        _remember_regions(row for row in rows if row.type == _ACCEPTED)
    op.drop_table("events")
    op.rename_table("events_0004", "events")
    op.create_index("ix_events_job_id", "events", ["job_id"])
    where = sa.text("job_id IS NULL")
    for name, column, unique in (("", "id", True), ("_at", "at", False)):
        op.create_index(
            f"ix_events_no_job{name}", "events", [column], unique=unique,
            sqlite_where=where, postgresql_where=where,
        )  # fmt: skip


def unfold_events() -> None:
    """The events as text again, and the decisions with all that their rows said."""
    events, old, decisions = _new_events("events"), _old_events("events_0003"), _new_decisions()
    old.create(op.get_bind())
    again = _old_decisions("decisions_0003")
    again.create(op.get_bind())
    columns = [column for column in decisions.c if column.name != "place"]
    joined = events.join(decisions, decisions.c.place == events.c.place, isouter=True)
    query = sa.select(*events.c, *columns).select_from(joined).order_by(events.c.place)
    for rows in _chunks(query):
        op.bulk_insert(old, [_unfold(row) for row in rows])
        op.bulk_insert(again, [_old_decision(row) for row in rows if row.outcome is not None])
    op.drop_table("events")
    op.drop_table("decisions")
    op.rename_table("events_0003", "events")
    op.rename_table("decisions_0003", "decisions")
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_job_id", "events", ["job_id"])
    op.create_index("ix_decisions_at", "decisions", ["at"])
    op.create_index("ix_decisions_job_id", "decisions", ["job_id", "sequence"])


def _chunks(query: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    found = op.get_bind().execute(query, execution_options={"yield_per": AT_ONCE})
    yield from found.partitions(AT_ONCE)


def _fold(row: sa.Row[Any], decided: Any) -> Row:  # noqa: ANN401 - an event of any kind, or None
    if decided is not None:
        return _same(row) | {"body": stored_event(decided)}
    return _same(row) | {"body": stored_body(row.body, row.id, row.job_id, row.at)}


def _unfold(row: sa.Row[Any]) -> Row:
    return _same(row) | {"body": told_body(row)}


def _same(row: sa.Row[Any]) -> Row:
    return {"id": row.id, "type": row.type, "job_id": row.job_id, "at": row.at}


def _old_decision(row: sa.Row[Any]) -> Row:
    place = positions.sequence(row.attempts, row.deferrals, _STATES[row.outcome])
    own = {"event_id": row.id, "job_id": row.job_id, "sequence": place, "at": row.at}
    return own | {"reason": told_decision(row).reason} | {n: getattr(row, n) for n in _KEPT}


def _remember_regions(rows: Iterator[sa.Row[Any]]) -> None:
    """The few jobs that had a choice of regions have it in their row from here on."""
    jobs = sa.table("jobs", sa.column("id", Identifier()), sa.column("regions", sa.Text()))
    for row in rows:
        regions = json.loads(row.body)["job"]["regions"]
        if len(regions) > 1:
            mine = (jobs.c.id == row.job_id) & jobs.c.regions.is_(None)
            op.execute(sa.update(jobs).where(mine).values(regions=json.dumps(regions)))


def _old_events(name: str) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )


def _new_events(name: str) -> sa.Table:
    place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("place", place, nullable=False, autoincrement=False),
        sa.Column("id", Identifier(), nullable=False),
        sa.Column("type", Word(), nullable=False),
        sa.Column("job_id", Identifier(), nullable=True),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=f"pk_{name}"),
    )


def _new_decisions() -> sa.Table:
    place = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Table(
        "decisions",
        sa.MetaData(),
        sa.Column("place", place, primary_key=True, autoincrement=False),
        *(sa.Column(name, Word(), nullable=False) for name in ("outcome", "cause")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _COUNTERS),
        sa.Column("promised_g", sa.Double(), nullable=True),
        sa.Column("planned_at", Instant(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        sa.Column("lane", Word(), nullable=True),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("grid_region", sa.Text(), nullable=True),
        *(sa.Column(name, Word(), nullable=False) for name in ("band", "max_band")),
        sa.Column("latest_start", Instant(), nullable=False),
        sa.Column("freshness", Word(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in _FIGURES[1:]),
    )


def _old_decisions(name: str) -> sa.Table:
    words = ("outcome", "cause", "reason", "region", "band", "max_band", "freshness")
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        *(sa.Column(each, Instant(), nullable=False) for each in ("at", "latest_start")),
        *(sa.Column(each, sa.BigInteger(), nullable=False) for each in ("attempts", "deferrals")),
        sa.Column("piece", sa.BigInteger(), nullable=False, server_default="1"),
        *(sa.Column(each, sa.Text(), nullable=False) for each in words),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("planned_at", Instant(), nullable=True),
        sa.Column("slot", sa.BigInteger(), nullable=True),
        *(sa.Column(each, sa.Double(), nullable=True) for each in _FIGURES),
        sa.PrimaryKeyConstraint("event_id", name=f"pk_{name}"),
    )
