"""What a handler may know of the run that it is in, and tell about it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog

from shared.domain.energy import MOST_KWH
from shared.domain.savings import EnergyMethod
from shared.handlers.small_json import small_json
from shared.handlers.stopping import StopSignal
from shared.messages import LARGEST_CHECKPOINT_BYTES

LONGEST_MESSAGE = 500


class Port(Protocol):
    """Where a handler's reports go; each may be called from any thread."""

    def progressed(self, fraction: float | None, message: str | None) -> None:
        """Take how far the handler is."""

    def kept(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Take a checkpoint."""

    def used(self, energy_kwh: float, method: EnergyMethod) -> None:
        """Take energy that the handler knows of."""


class Nowhere:
    """A port for contexts that nobody listens to."""

    def progressed(self, fraction: float | None, message: str | None) -> None:
        """Forget it."""

    def kept(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Forget it."""

    def used(self, energy_kwh: float, method: EnergyMethod) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a handler may know of the run that it is in, and its ways to report.

    Attributes:
        attempt: 1 for the first run.
        piece: 1 until the attempt is interrupted; each continuation counts one more.
        deadline: when the job should be finished.
        log: a structlog logger with the job's id, type, attempt and piece bound.
        restored: the last checkpoint of an earlier piece or attempt; None if there is none.
    """

    job_id: UUID
    type: str
    attempt: int
    region: str
    deadline: datetime
    log: structlog.typing.FilteringBoundLogger
    piece: int = 1
    restored: Any = None
    stop: StopSignal = field(default_factory=StopSignal, repr=False)
    port: Port = field(default_factory=Nowhere, repr=False)

    @property
    def should_stop(self) -> bool:
        """Whether to end soon: the job was cancelled, has to pause, or its worker stops.

        Raise `Paused(state)` to go on later from there; what you return counts as the result.
        """
        return self.stop.asked

    def progress(self, fraction: float | None = None, message: str | None = None) -> None:
        """Say how far the whole job is; call it as often as you like, two a second are sent.

        Args:
            fraction: of the whole job that is done, 0 to 1.
            message: a few words: "epoch 4".

        Raises:
            ValueError: the fraction is outside 0 to 1.
        """
        if fraction is not None and not 0 <= fraction <= 1:
            raise ValueError(f"progress: the fraction is {fraction}, not from 0 to 1")
        text = None if message is None else str(message)[:LONGEST_MESSAGE]
        if text is not None:
            text = text.encode(errors="replace").decode()  # file names bring halves of characters
        self.port.progressed(None if fraction is None else float(fraction), text)

    def checkpoint(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Keep a state with the job: the next piece or attempt finds it in `restored`.

        It is sent on when this piece ends. A worker that is killed loses it, and the job goes on
        from the one before.

        Args:
            state: JSON of at most 64 KiB; each call replaces the last.

        Raises:
            ValueError: it is no JSON, or too much.
        """
        self.port.kept(small_json(state, "checkpoint", LARGEST_CHECKPOINT_BYTES))

    def record_energy_kwh(
        self, energy_kwh: float, method: EnergyMethod | str = EnergyMethod.MEASURED
    ) -> None:
        """Tell what this run used, from a meter of your own; it outranks every other figure.

        Several calls add up, and the sum is known as well as its weakest part.

        Args:
            energy_kwh: energy since the start of the run or since the last call.
            method: `measured`, `modelled` or `declared`.

        Raises:
            ValueError: it is no energy, or no method.
        """
        if not 0 <= energy_kwh <= MOST_KWH:
            raise ValueError(
                f"record_energy_kwh: {energy_kwh} kWh is not an energy that a run can have used; "
                f"give one from 0 to {MOST_KWH:,.0f} kWh"
            )
        self.port.used(float(energy_kwh), EnergyMethod(method))
