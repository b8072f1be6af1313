"""What a handler may raise to say what shall become of its job."""

from typing import Any, Final


class _Unset:
    """Stands for a state that was not given; None is one."""


UNSET: Final = _Unset()


class Retry(Exception):
    """Try the job again later.

    It counts as an attempt, as Celery's and Temporal's do, so a job that always asks for more ends
    in `jobs.dead` after its retries. With `counts=False` the job only waits: the piece ends, no
    attempt is spent, and nothing but its deadline bounds how often it may do so.

    Args:
        after_seconds: how long to wait at least; by default the usual backoff.
        reason: kept with the attempt.
        counts: whether it spends an attempt.

    Raises:
        ValueError: the wait is negative or not finite.
    """

    def __init__(
        self, after_seconds: float | None = None, reason: str = "", *, counts: bool = True
    ) -> None:
        """Say when and why."""
        if after_seconds is not None and not 0 <= after_seconds <= 366 * 86_400:
            raise ValueError(f"Retry: after_seconds is {after_seconds}, not from 0 to a year")
        super().__init__(reason or "the handler asks for another try")
        self.after_seconds = after_seconds
        self.counts = counts


class Reject(Exception):
    """Give the job up at once: it goes to `jobs.dead` with this reason, whatever retries it has."""

    def __init__(self, reason: str) -> None:
        """Say why."""
        super().__init__(reason)


class Paused(Exception):
    """End this piece of the job here; the rest runs later, with the checkpoint as `restored`.

    Raise it only where `context.should_stop` is true: else it is an error like any other, since
    the rest would come back at once.

    Args:
        state: the checkpoint, small JSON; without one the last of `context.checkpoint` counts, and
            without any the job starts over.
    """

    def __init__(self, state: Any = UNSET) -> None:  # noqa: ANN401 - users' states
        """Keep the state."""
        super().__init__("the handler paused")
        self.state = state
