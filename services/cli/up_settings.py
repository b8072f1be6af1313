"""What `carbon-aware up` itself reads from the environment or `.env`."""

from typing import Self

from pydantic import Field, model_validator

from shared.settings import TlsFiles


class UpSettings(TlsFiles):
    """What decides which programs `up` needs; the programs read the rest themselves."""

    amqp_url: str | None = Field(None, description="a RabbitMQ to use", repr=False)
    watttime_username: str | None = Field(None, description="WattTime account", repr=False)
    watttime_password: str | None = Field(None, description="its password", repr=False)
    ledger_url: str | None = Field(None, description="a database for the ledger", repr=False)
    emulator_speed: int | None = Field(None, ge=1, description="for the emulator that it starts")
    handlers: str = Field("", description="module with the job handlers, such as myjobs.handlers")

    @model_validator(mode="after")
    def _with_tls(self) -> Self:
        # A private RabbitMQ has no TLS, so files without an address are a mistake as well.
        secured = self.secured(self.amqp_url or "")
        object.__setattr__(self, "amqp_url", secured or None)
        return self

    @property
    def has_watttime(self) -> bool:
        """Whether real grid data can be fetched."""
        return bool(self.watttime_username and self.watttime_password)
