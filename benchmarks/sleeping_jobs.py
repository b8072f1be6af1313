"""The handler of a made-up day of jobs: it waits, so that no machine is too slow for it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from shared.handlers import handler

JOB_TYPE = "sleeping"


@handler(JOB_TYPE)
async def sleeping(payload: Mapping[str, Any]) -> None:
    """Last for as long as the payload says."""
    await asyncio.sleep(float(payload["seconds"]))
