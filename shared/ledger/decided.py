"""Decisions as rows: the numbers are columns that SQL can ask for, the reason stays in the event.

A decision's event is told from its two rows, field by field; nothing is stored twice. All comes
back as it was told, but that SQLite knows no negative zero.
"""

import json
from typing import Any

from sqlalchemy import Select, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.reasons import Cause, Numbers
from shared.ledger.event_bodies import stored_body, stored_text, whole_body
from shared.ledger.tables import AnyRow, decisions, events
from shared.messages import Decided, Event, JobDeferred, JobExpired, JobReleased, encode

OUTCOMES: dict[type[Decided], str] = {
    JobDeferred: "deferred",
    JobReleased: "released",
    JobExpired: "expired",
}
_KINDS = {outcome: kind for kind, outcome in OUTCOMES.items()}
NAMES = tuple(kind.model_fields["type"].default for kind in OUTCOMES)
"""The types of the events that are decisions."""
_SAME = (
    "latest_start",
    "intensity_g_per_kwh",
    "index_percent",
    "forecast_age_seconds",
    "window_g_per_kwh",
    "expected_g_per_kwh",
    "expected_saving_g",
)
"""Numbers whose columns have their names."""


def decision_row(event: Decided) -> dict[str, Any]:
    """The columns of `decisions`, less the place."""
    numbers = event.numbers
    deferred = event if isinstance(event, JobDeferred) else None
    released = event if isinstance(event, JobReleased) else None
    region = released.region if released else numbers.region
    return {
        "outcome": OUTCOMES[type(event)],
        "cause": event.cause.value,
        "attempts": event.attempts,
        "piece": event.piece,
        "deferrals": event.deferrals,
        "promised_g": event.promised_g,
        "planned_at": deferred.planned_at if deferred else None,
        "slot": deferred.slot if deferred else None,
        "lane": released.lane.value if released else None,
        "region": region,
        "grid_region": None if numbers.region == region else numbers.region,
        "band": numbers.band.value,
        "max_band": numbers.limit.value,
        "freshness": numbers.freshness.value,
        **{name: getattr(numbers, name) for name in _SAME},
    }


def stored_event(event: Event) -> bytes:
    """The bytes to store for an event in `events`: of a decision its reason alone."""
    if isinstance(event, Decided):
        return stored_text(json.dumps(event.reason))
    text = event.model_dump_json()
    return stored_body(text, event.id, getattr(event, "job_id", None), event.at)


def told() -> Select[*tuple[Any, ...]]:
    """Events with their decisions, where they are one: the rows that `told_body` reads."""
    return _joined(every_event=True)


def told_decisions() -> Select[*tuple[Any, ...]]:
    """Decisions with their events: the rows that `told_decision` reads.

    Not a choice of the rows above: SQLite would begin with all events.
    """
    return _joined(every_event=False)


def _joined(*, every_event: bool) -> Select[*tuple[Any, ...]]:
    columns = [column for column in decisions.c if column is not decisions.c.place]
    joined = events.join(decisions, decisions.c.place == events.c.place, isouter=every_event)
    return select(*events.c, *columns).select_from(joined)


def told_body(row: AnyRow) -> str:
    """The JSON text of an event.

    Raises:
        ValueError: its body is of a format that this program does not know.
    """
    if row.outcome is None:
        return whole_body(row.body, row.id, row.job_id, row.at)
    return encode(told_decision(row)).decode()


def told_reason(row: AnyRow) -> str:
    """A decision's reason in words."""
    return str(json.loads(whole_body(row.body, row.id, row.job_id, row.at)))


def told_decision(row: AnyRow) -> Decided:
    """The event of a decision."""
    own: dict[str, Any] = {}
    if row.outcome == "deferred":
        own = {"planned_at": row.planned_at, "slot": row.slot}
    elif row.outcome == "released":
        own = {"region": row.region, "lane": row.lane}
    return _KINDS[row.outcome](
        id=row.id,
        at=row.at,
        job_id=row.job_id,
        cause=Cause(row.cause),
        reason=told_reason(row),
        numbers=_numbers(row),
        attempts=row.attempts,
        deferrals=row.deferrals,
        piece=row.piece,
        promised_g=row.promised_g,
        **own,
    )


def _numbers(row: AnyRow) -> Numbers:
    return Numbers(
        region=row.region if row.grid_region is None else row.grid_region,
        band=Band(row.band),
        limit=Band(row.max_band),
        freshness=Freshness(row.freshness),
        **{name: getattr(row, name) for name in _SAME},
    )
