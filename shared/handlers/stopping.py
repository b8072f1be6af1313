"""How a running handler is asked to stop."""

from collections.abc import Callable
from enum import StrEnum
from threading import Lock


class StopReason(StrEnum):
    """Why a handler should stop, weightiest first."""

    CANCEL = "cancel"  # somebody called the job off
    TIME_LIMIT = "time_limit"  # it runs longer than it may; only a thread is still there to read it
    DRAIN = "drain"  # its worker stops
    PAUSE = "pause"  # the grid got too dirty for an interruptible job


_WEIGHTS = {reason: weight for weight, reason in enumerate(reversed(StopReason))}


class StopSignal:
    """Whether a running handler is asked to stop, and why; any thread may ask and read.

    Asking again for the same or a lighter reason changes nothing; a weightier one takes over.
    """

    def __init__(self) -> None:
        """Start unasked."""
        self._lock = Lock()
        self._listeners: list[Callable[[StopReason], None]] = []
        self.reason: StopReason | None = None
        self.by: str | None = None
        self.why: str | None = None

    @property
    def asked(self) -> bool:
        """Whether somebody asked."""
        return self.reason is not None

    def ask(self, reason: StopReason, by: str | None = None, why: str | None = None) -> None:
        """Ask the handler to stop.

        Args:
            reason: what becomes of the job then.
            by: who asked, as they named themselves.
            why: the reason in words, for the events; by default those of the kind of reason.
        """
        with self._lock:
            if self.reason is not None and _WEIGHTS[reason] <= _WEIGHTS[self.reason]:
                return
            self.reason, self.by, self.why = reason, by, why
            listeners = list(self._listeners)
        for listener in listeners:
            listener(reason)

    def on_ask(self, listener: Callable[[StopReason], None]) -> None:
        """Call back with each reason from now on, and at once with one that is there already."""
        with self._lock:
            self._listeners.append(listener)
            reason = self.reason
        if reason is not None:
            listener(reason)
