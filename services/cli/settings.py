"""What the commands read from the environment or `.env`, and where the system listens."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from services.cli.endpoints import Endpoints, read_endpoints
from shared.errors import ConfigurationError
from shared.settings import BrokerSettings, LedgerAddress, ServerSettings

USUAL_DATA_DIR = Path(".carbon-aware")


class CliSettings(BrokerSettings, LedgerAddress, ServerSettings):
    """The addresses and the shape of the deployment that the commands talk to."""

    ledger_reader_url: str | None = Field(
        None,
        description="the ledger's address for who only reads it: `carbon-aware setup` makes that "
        "login in PostgreSQL and lets it read",
        repr=False,
    )
    watttime_username: str = Field("", description="WattTime account; empty means the emulator")
    watttime_password: SecretStr = Field(SecretStr(""), description="its password")
    watttime_url: str = Field("https://api.watttime.org", description="WattTime's API")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the broker and the ledger of one system are.

    Attributes:
        origin: where that was learnt from, for messages.
        endpoints: of the `up` that runs here, if one does and its addresses are the ones used.
    """

    settings: CliSettings
    amqp_url: str
    ledger_url: str
    origin: str
    endpoints: Endpoints | None = None


def find_places(data_dir: Path = USUAL_DATA_DIR) -> Places:
    """The addresses from the environment, else of the `up` that runs here, else the defaults.

    Raises:
        ConfigurationError: a variable is wrong.
    """
    settings = CliSettings.load()
    given = settings.model_fields_set
    running = read_endpoints(data_dir)
    endpoints = running if not {"amqp_url", "ledger_url"} & given else None
    ledger_url = f"sqlite:///{data_dir / 'ledger.db'}"
    if "ledger_url" in given:
        ledger_url = settings.ledger_url
    elif running is not None:
        ledger_url = running.ledger_url
    amqp_url = settings.amqp_url
    if running is not None and "amqp_url" not in given:
        amqp_url = running.amqp_url
    _check_amqp_url(amqp_url)
    origin = "the environment" if {"amqp_url", "ledger_url"} <= given else "the defaults"
    if running is not None and origin == "the defaults":
        origin = f"the `carbon-aware up` that runs in {data_dir}"
    return Places(settings, amqp_url, ledger_url, origin, endpoints)


def _check_amqp_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"amqp", "amqps"} or not parts.hostname:
        raise ConfigurationError(
            "AMQP_URL is no address of a RabbitMQ; use one like amqp://user:password@host:5672/"
        )
