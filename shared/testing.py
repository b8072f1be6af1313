"""For the tests of your handlers: run one here and now, without a broker.

from shared.testing import Recorder, run_now

def test_training_reports_each_epoch():
    seen = Recorder()
    assert run_now(train, {"dataset": "q3", "epochs": 2}, seen=seen) == {"epochs": 2}
    assert seen.progress == [(0.5, "epoch 1"), (1.0, "epoch 2")]

def test_training_goes_on_where_it_paused():
    with pytest.raises(Paused) as paused:
        run_now(train, {"dataset": "q3"}, stop=StopReason.PAUSE)
    run_now(train, {"dataset": "q3"}, restored=paused.value.state, piece=2)
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from shared.domain.savings import EnergyMethod
from shared.handlers import Handler, JobContext, StopReason, StopSignal, load_handlers, small_json
from shared.handlers.registry import as_handler

JOB_ID = UUID("00000000-0000-4000-8000-000000000001")
DEADLINE = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Recorder:
    """What a handler told, in order.

    Attributes:
        progress: (fraction, message) of each call, none passed over.
        checkpoints: states as JSON gives them back.
        energies: (kWh, method) of each call.
        stop_when: asked after each report; once it says True, `should_stop` is true.
    """

    stop_when: Callable[["Recorder"], bool] | None = None
    progress: list[tuple[float | None, str | None]] = field(default_factory=list)
    checkpoints: list[Any] = field(default_factory=list)
    energies: list[tuple[float, EnergyMethod]] = field(default_factory=list)
    stop: StopSignal = field(default_factory=StopSignal, repr=False)

    def progressed(self, fraction: float | None, message: str | None) -> None:
        """Note progress."""
        self.progress.append((fraction, message))
        self._consider()

    def kept(self, state: Any) -> None:  # noqa: ANN401 - users' states
        """Note a checkpoint."""
        self.checkpoints.append(state)
        self._consider()

    def used(self, energy_kwh: float, method: EnergyMethod) -> None:
        """Note energy."""
        self.energies.append((energy_kwh, method))
        self._consider()

    def _consider(self) -> None:
        if self.stop_when is not None and self.stop_when(self):
            self.stop.ask(StopReason.PAUSE)


def run_now(
    work: Callable[..., Any] | str,
    payload: Mapping[str, Any] | None = None,
    *,
    module: str = "",
    seen: Recorder | None = None,
    stop: StopReason | None = None,
    **context: Any,  # noqa: ANN401 - fields of a JobContext
) -> Any:  # noqa: ANN401 - users' results
    """Run a handler as a worker would, but in this thread, and give its result as JSON gives it.

    Args:
        work: a function marked with `@handler`, or a job type together with `module`.
        payload: the job's JSON object; a typed handler gets it validated.
        module: where to look for the handler of a type.
        seen: records what the handler tells.
        stop: makes `should_stop` true from the start.
        context: fields of its context: `attempt`, `piece`, `restored`, `region`, `deadline`,
            `job_id`.

    Raises:
        PayloadError: the payload does not fit; the line names the field.
        ConfigurationError: the function is not marked, or the module cannot be loaded.
        LookupError: the module has no handler of that type.
        ValueError: the result or a checkpoint is no small JSON.
    """
    chosen = _find(work, module)
    arguments = chosen.arguments(payload or {}, _context(chosen, seen, stop, context))
    result = chosen.function(*arguments)
    return small_json(asyncio.run(result) if chosen.is_async else result, "result")


async def run_now_async(
    work: Callable[..., Any] | str,
    payload: Mapping[str, Any] | None = None,
    *,
    module: str = "",
    seen: Recorder | None = None,
    stop: StopReason | None = None,
    **context: Any,  # noqa: ANN401 - fields of a JobContext
) -> Any:  # noqa: ANN401 - users' results
    """The same within an event loop; a plain handler runs in a thread."""
    chosen = _find(work, module)
    arguments = chosen.arguments(payload or {}, _context(chosen, seen, stop, context))
    if chosen.is_async:
        return small_json(await chosen.function(*arguments), "result")
    return small_json(await asyncio.to_thread(chosen.function, *arguments), "result")


def _find(work: Callable[..., Any] | str, module: str) -> Handler:
    if not isinstance(work, str):
        return as_handler(work)
    known = load_handlers(module)
    if work not in known:
        raise LookupError(f"{module} has no handler for {work!r}; it has {', '.join(known)}")
    return known[work]


def _context(
    chosen: Handler, seen: Recorder | None, stop: StopReason | None, fields: Mapping[str, Any]
) -> JobContext:
    recorder = seen or Recorder()
    if stop is not None:
        recorder.stop.ask(stop)
    usual: dict[str, Any] = {
        "job_id": JOB_ID,
        "type": chosen.type,
        "attempt": 1,
        "region": "TEST",
        "deadline": DEADLINE,
        "log": structlog.get_logger().bind(type=chosen.type),
    }
    return JobContext(**{**usual, **fields}, stop=recorder.stop, port=recorder)
