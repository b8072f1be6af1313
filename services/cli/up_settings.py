"""What `carbon-aware up` itself reads from the environment or `.env`."""

from pydantic import Field

from shared.settings import Settings


class UpSettings(Settings):
    """What decides which programs `up` needs; the programs read the rest themselves."""

    amqp_url: str | None = Field(None, description="a RabbitMQ to use", repr=False)
    watttime_username: str | None = Field(None, description="WattTime account", repr=False)
    watttime_password: str | None = Field(None, description="its password", repr=False)
    ledger_url: str | None = Field(None, description="a database for the ledger", repr=False)
    emulator_speed: int | None = Field(None, ge=1, description="for the emulator that it starts")
    handlers: str = Field("", description="module with the job handlers, such as myjobs.handlers")

    @property
    def has_watttime(self) -> bool:
        """Whether real grid data can be fetched."""
        return bool(self.watttime_username and self.watttime_password)
