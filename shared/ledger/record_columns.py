"""Columns of the tables that are only ever added to: records of what happened once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Column, Double, Named, Text, TypedColumns, Uuid

from shared.ledger.instants import Instant


class RejectionColumns(TypedColumns):
    """Each message that was no valid job."""

    event_id: Named[UUID] = Column(Uuid(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    job_id: Named[UUID | None] = Column(Uuid())
    reason: Named[str] = Column(Text())


class AuditColumns(TypedColumns):
    """Each time that a service acted on what somebody asked for; replays of dead jobs too."""

    event_id: Named[UUID] = Column(Uuid(), primary_key=True)
    at: Named[datetime] = Column(Instant())
    action: Named[str] = Column(Text())
    job_id: Named[UUID | None] = Column(Uuid())
    scope: Named[str] = Column(Text())
    by: Named[str | None] = Column(Text())


class AccountRevisionColumns(TypedColumns):
    """Each time that a settled account changed: what it said before (`was_`), and after (`now_`).

    `readings` counts those that the account rests on, `revised_readings` those among them that
    their source revised since the version before, and `sources` names these, with commas.
    """

    job_id: Named[UUID] = Column(Uuid(), primary_key=True)
    version: Named[int] = Column(BigInteger(), primary_key=True, autoincrement=False)
    at: Named[datetime] = Column(Instant())
    cause: Named[str] = Column(Text())
    readings: Named[int] = Column(BigInteger())
    revised_readings: Named[int] = Column(BigInteger())
    sources: Named[str] = Column(Text())
    was_signal: Named[str | None] = Column(Text())
    was_simulated: Named[bool | None] = Column(Boolean())
    was_energy_kwh: Named[float | None] = Column(Double())
    was_wasted_kwh: Named[float | None] = Column(Double())
    was_emissions_g: Named[float | None] = Column(Double())
    was_baseline_g: Named[float | None] = Column(Double())
    was_avoided_g: Named[float | None] = Column(Double())
    was_intensity_method: Named[str | None] = Column(Text())
    now_signal: Named[str | None] = Column(Text())
    now_simulated: Named[bool | None] = Column(Boolean())
    now_energy_kwh: Named[float | None] = Column(Double())
    now_wasted_kwh: Named[float | None] = Column(Double())
    now_emissions_g: Named[float | None] = Column(Double())
    now_baseline_g: Named[float | None] = Column(Double())
    now_avoided_g: Named[float | None] = Column(Double())
    now_intensity_method: Named[str | None] = Column(Text())
