"""Settings of the ledger."""

from pydantic import Field

from shared.settings import BrokerSettings, LedgerAddress


class LedgerSettings(BrokerSettings, LedgerAddress):
    """What the ledger reads from the environment."""

    batch_events: int = Field(500, ge=1, le=10_000, description="most events of one transaction")
    batch_seconds: float = Field(
        0.05, ge=0, le=10, description="how long an event may wait for others to be written with"
    )
    prefetch_events: int = Field(
        1000, ge=1, le=65_535, description="events that the broker hands over ahead of their commit"
    )
