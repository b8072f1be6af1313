"""Wiring of the step that makes the credentials: it ends when they are written."""

import asyncio
import secrets
import sys

import structlog

from services.credentials.secrets import write_credentials
from services.credentials.settings import CredentialsSettings
from shared.runtime import run_service

PASSWORD_BYTES = 24

log = structlog.get_logger()


async def main(settings: CredentialsSettings, stop: asyncio.Event) -> None:
    """Write them."""
    del stop  # it takes no time
    for line in write_credentials(
        settings, lambda: secrets.token_urlsafe(PASSWORD_BYTES), secrets.token_bytes
    ):
        log.info("credentials written", what=line)


if __name__ == "__main__":
    sys.exit(run_service("credentials", CredentialsSettings, main))
