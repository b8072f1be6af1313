"""What the scheduler answers to who submits."""

import json
from contextlib import asynccontextmanager


@asynccontextmanager
async def answers(deployment):
    """Replies as they come, and the name of the queue that they go to."""
    found = []
    channel = await deployment.connection.channel()
    queue = await channel.declare_queue(exclusive=True)

    async def keep(message):
        found.append(json.loads(message.body))

    await queue.consume(keep, no_ack=True)
    yield queue.name, found
    await channel.close()
