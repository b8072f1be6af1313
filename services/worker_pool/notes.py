"""What a handler tells while it runs: progress, checkpoints, energy."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog

from shared.domain.energy import Energy
from shared.domain.savings import EnergyMethod
from shared.errors import PublishFailed
from shared.runtime import wait_or_stop

PROGRESS_SECONDS = 0.5

Said = tuple[float | None, str | None]
Tell = Callable[[float | None, str | None], Awaitable[None]]

log = structlog.get_logger()


class Notes:
    """Keeps what one run tells; a handler's threads may call the port's methods.

    Attributes:
        checkpoint: the last one, of this run or an earlier one; None if there is none.
        kept_at: when this run last kept one; None if it has kept none.
        recorded: energies that the handler told, in order.
    """

    def __init__(
        self,
        restored: Any,  # noqa: ANN401 - users' states
        tell: Tell,
        clock: Callable[[], datetime],
    ) -> None:
        """Start with the checkpoint of an earlier run, a way to send progress on, and the time."""
        self.checkpoint = restored
        self.kept_at: datetime | None = None
        self._clock = clock
        self.recorded: list[Energy] = []
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._latest: Said | None = None
        self._sending: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def progressed(self, fraction: float | None, message: str | None) -> None:
        """Note how far the handler is; what comes faster than two a second is passed over."""
        self._loop.call_soon_threadsafe(self._note, (fraction, message))

    def kept(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Note a checkpoint."""
        self.checkpoint = state
        self.kept_at = self._clock()

    def used(self, energy_kwh: float, method: EnergyMethod) -> None:
        """Note energy that the handler knows of."""
        self.recorded.append(Energy(energy_kwh, method))

    async def close(self) -> None:
        """Send the last progress, if it was passed over so far."""
        await asyncio.sleep(0)  # what a thread said last may still wait in the loop
        self._closing.set()
        if self._sending is not None:
            await self._sending

    def drop(self) -> None:
        """Send nothing more."""
        self._latest = None
        self._closing.set()

    def _note(self, said: Said) -> None:
        self._latest = said
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send_now_and_then())

    async def _send_now_and_then(self) -> None:
        while self._latest is not None:
            await self._send()
            await wait_or_stop(self._closing, PROGRESS_SECONDS)

    async def _send(self) -> None:
        said, self._latest = self._latest, None
        if said is None:
            return
        try:
            await self._tell(*said)
        except PublishFailed as error:  # the next one tells as much
            log.warning("progress not sent", error=str(error))
