"""Columns of the tables that are only ever added to: records of what happened once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, Named, Text, TypedColumns

from shared.ledger.instants import Instant
from shared.ledger.stored import Identifier, Word


class DecisionColumns(TypedColumns):
    """Every deferral, release and expiry with its numbers.

    `place` is that of its event, which has the rest: its id, its job, when it was made, and the
    reason in words. `region` is where the job is to run; `grid_region` is the one whose grid the
    numbers are, None where it is the same.
    """

    place: Named[int] = Column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False
    )
    outcome: Named[str] = Column(Word())
    cause: Named[str] = Column(Word())
    attempts: Named[int] = Column(BigInteger())
    piece: Named[int] = Column(BigInteger())
    deferrals: Named[int] = Column(BigInteger())
    promised_g: Named[float | None] = Column(Double())
    planned_at: Named[datetime | None] = Column(Instant())
    slot: Named[int | None] = Column(BigInteger())
    lane: Named[str | None] = Column(Word())
    region: Named[str] = Column(Text())
    grid_region: Named[str | None] = Column(Text())
    band: Named[str] = Column(Word())
    max_band: Named[str] = Column(Word())
    latest_start: Named[datetime] = Column(Instant())
    freshness: Named[str] = Column(Word())
    intensity_g_per_kwh: Named[float | None] = Column(Double())
    index_percent: Named[float | None] = Column(Double())
    forecast_age_seconds: Named[float | None] = Column(Double())
    window_g_per_kwh: Named[float | None] = Column(Double())
    expected_g_per_kwh: Named[float | None] = Column(Double())
    expected_saving_g: Named[float | None] = Column(Double())


class RejectionColumns(TypedColumns):
    """Each message that was no valid job."""

    event_id: Named[UUID] = Column(Identifier(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    job_id: Named[UUID | None] = Column(Identifier())
    reason: Named[str] = Column(Text())


class AuditColumns(TypedColumns):
    """Each time that a service acted on what somebody asked for; replays of dead jobs too."""

    event_id: Named[UUID] = Column(Identifier(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    action: Named[str] = Column(Text())
    job_id: Named[UUID | None] = Column(Identifier())
    scope: Named[str] = Column(Text())
    by: Named[str | None] = Column(Text())


class AccountRevisionColumns(TypedColumns):
    """Each time that a settled account changed: what it said before (`was_`), and after (`now_`).

    `readings` counts those that the account rests on, `revised_readings` those among them that
    their source revised since the version before, and `sources` names these, with commas.
    """

    job_id: Named[UUID] = Column(Identifier(), primary_key=True)
    version: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(Instant())
    cause: Named[str] = Column(Text())
    readings: Named[int] = Column(BigInteger())
    revised_readings: Named[int] = Column(BigInteger())
    sources: Named[str] = Column(Text())
    was_signal: Named[str | None] = Column(Word())
    was_simulated: Named[bool | None] = Column(Boolean())
    was_energy_kwh: Named[float | None] = Column(Double())
    was_wasted_kwh: Named[float | None] = Column(Double())
    was_emissions_g: Named[float | None] = Column(Double())
    was_baseline_g: Named[float | None] = Column(Double())
    was_avoided_g: Named[float | None] = Column(Double())
    was_intensity_method: Named[str | None] = Column(Word())
    now_signal: Named[str | None] = Column(Word())
    now_simulated: Named[bool | None] = Column(Boolean())
    now_energy_kwh: Named[float | None] = Column(Double())
    now_wasted_kwh: Named[float | None] = Column(Double())
    now_emissions_g: Named[float | None] = Column(Double())
    now_baseline_g: Named[float | None] = Column(Double())
    now_avoided_g: Named[float | None] = Column(Double())
    now_intensity_method: Named[str | None] = Column(Word())
