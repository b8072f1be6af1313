"""Asks a broker the only question that counts: may we log in?"""

import asyncio
import logging

from shared.broker.connection import connect
from shared.errors import BrokerUnreachable

_NOWHERE = logging.NullHandler()


async def login_failure(amqp_url: str, seconds: float = 3.0) -> str | None:
    """Log in and out again; None when that worked, else the cause in a few words."""
    # The library would print a refused connection, which is an expected answer here.
    logging.getLogger("aiormq").addHandler(_NOWHERE)
    try:
        async with asyncio.timeout(seconds):
            connection = await connect(amqp_url, "carbon-aware up: probe")
            await connection.close()
    except TimeoutError:
        return f"no answer within {seconds:g} s"
    except (BrokerUnreachable, ValueError, RuntimeError) as error:
        return str(error.__cause__ or error) or type(error).__name__
    return None
