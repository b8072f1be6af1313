"""Reading the control log, which a scheduler does before it decides anything."""

import asyncio
from uuid import UUID

from services.scheduler.control_log import ControlLog
from shared.messages import (
    CancelJob,
    PauseWork,
)


async def test_the_whole_history_is_read_before_anything_is_decided(deployment):
    for number in range(300):
        await deployment.ask(CancelJob, job_id=UUID(int=number))
    heard = []
    control_log = ControlLog(heard.append)
    await control_log.follow(deployment.connection, deployment.topology.control_log)
    assert [order.job_id.int for order in heard] == list(range(300))


async def test_a_history_that_cannot_be_read_in_time_keeps_nobody_waiting(deployment):
    await deployment.ask(PauseWork)
    control_log = ControlLog(lambda _: None)
    async with asyncio.timeout(5):
        await control_log.follow(
            deployment.connection, deployment.topology.control_log, most_seconds=0.0
        )
