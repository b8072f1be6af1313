"""Waiting for the end of one job."""

import asyncio
from collections.abc import Callable

from shared.client.results import JobResult, result_of
from shared.messages import JobEvent, JobProgressed

OnProgress = Callable[[JobProgressed], None]
OnEvent = Callable[[JobEvent], None]


class Ending:
    """Hears a job's events, tells its caller, and becomes its result."""

    def __init__(self, on_progress: OnProgress | None, on_event: OnEvent | None) -> None:
        """Take whom to tell."""
        self._on_progress = on_progress
        self._on_event = on_event
        self.result: asyncio.Future[JobResult] = asyncio.get_running_loop().create_future()

    def hear(self, event: JobEvent) -> None:
        """Take the next event; what a callback raises is raised where the result is awaited."""
        if self.result.done():
            return
        try:
            self._tell(event)
        except Exception as error:  # noqa: BLE001 - a callback of the caller's, who gets it back
            self.result.set_exception(error)
            return
        found = result_of(event)
        if found is not None:
            self.result.set_result(found)

    def _tell(self, event: JobEvent) -> None:
        if self._on_event is not None:
            self._on_event(event)
        if self._on_progress is not None and isinstance(event, JobProgressed):
            self._on_progress(event)
