"""Settings of the ledger."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from services.ledger.retention import Retention
from shared.settings import BrokerSettings, LedgerAddress


class LedgerSettings(BrokerSettings, LedgerAddress):
    """What the ledger reads from the environment."""

    batch_events: int = Field(2000, ge=1, le=10_000, description="most events of one transaction")
    batch_seconds: float = Field(
        0.05, ge=0, le=10, description="how long an event may wait for others to be written with"
    )
    prefetch_events: int = Field(
        4000,  # while a batch is committed the next one arrives
        ge=1,
        le=65_535,
        description="events that the broker hands over ahead of their commit",
    )
    # Off: an audit needs the events, and nobody should lose them who did not ask for it.
    retention_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="finished jobs go so long after their end, with all that was told of them;"
        " none keeps them for ever",
    )
    retention_readings_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="grid readings go so long after their time, unless a kept job needs them;"
        " as RETENTION_DAYS if not set",
    )

    @model_validator(mode="after")
    def _readings_go_with_jobs(self) -> Self:
        if self.retention_readings_days is not None and self.retention_days is None:
            raise ValueError(
                "jobs that are kept for ever need their readings: to use RETENTION_READINGS_DAYS,"
                " set RETENTION_DAYS as well"
            )
        return self

    def retention(self) -> Retention | None:
        """How long things are kept; None where nothing ever goes."""
        if self.retention_days is None:
            return None
        readings_days = self.retention_readings_days or self.retention_days
        return Retention(timedelta(days=self.retention_days), timedelta(days=readings_days))
