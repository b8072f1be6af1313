"""Settings of the step that makes the credentials."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.settings import Settings


class CredentialsSettings(Settings):
    """Where the credentials go, and where the servers are that they are for."""

    credentials_dir: Path = Field(
        Path("/secrets"), description="folder with a folder for the secrets of each service"
    )
    namespace: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]*$", description="prefix of every exchange and queue"
    )
    broker_scheme: Literal["amqp", "amqps"] = Field(
        "amqp", description="how RabbitMQ is reached: amqps by TLS"
    )
    broker_address: str = Field("rabbitmq:5672", description="RabbitMQ, as the services reach it")
    published_broker_address: str = Field(
        "127.0.0.1:5672", description="RabbitMQ, as programs outside of the containers reach it"
    )
    database_address: str = Field(
        "postgres:5432", description="PostgreSQL, as the services reach it"
    )
    emulator_address: str = Field(
        "emulator:8077", description="WattTime's emulator, as the publisher reaches it"
    )
