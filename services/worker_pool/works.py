"""The three ways to run a handler: on the event loop, in a thread, in a child process."""

import asyncio
import contextvars
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any, Protocol

from services.worker_pool.calling import call, call_async
from services.worker_pool.child_messages import Assignment
from services.worker_pool.endings import Cut, Ending
from services.worker_pool.processes import Child, Processes
from shared.handlers import Handler, JobContext, StopReason
from shared.tasks import end

CUT_SECONDS = 1.0

Payload = Mapping[str, Any]


class Work(Protocol):
    """One run of a handler."""

    @property
    def cpu_seconds(self) -> float | None:
        """Its time on the CPU once it has ended; None where that cannot be told from others'."""

    async def run(self) -> Ending:
        """Run the handler to its end; a cancellation ends the handler too, where that is possible.

        Whatever the handler raises is in the ending.
        """

    def cut(self) -> bool:
        """End the handler; False where only itself can do that."""


class AsyncWork:
    """On the event loop. Its CPU time is unknown: it shares one thread with all the others."""

    cpu_seconds: float | None = None

    def __init__(self, handler: Handler, payload: Payload, context: JobContext) -> None:
        """Start it, in a task of its own that can be cancelled without ending the attempt."""
        self._task = asyncio.ensure_future(call_async(handler, payload, context))
        self._ending: asyncio.Future[None] | None = None

    async def run(self) -> Ending:
        """Wait for its end."""
        try:
            await asyncio.wait({self._task})
        except asyncio.CancelledError:
            self.cut()
            await asyncio.wait({self._task}, timeout=CUT_SECONDS)
            raise
        return Cut() if self._task.cancelled() else self._task.result()

    def cut(self) -> bool:
        """Cancel it, again and again if it swallows that."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(end(self._task))
        return True


class ThreadWork:
    """In a thread, which nobody can end from outside.

    Its CPU time is that of this one thread: what a library computes in threads of its own is not
    seen. A handler with such a library is better off with `process=True`.
    """

    def __init__(
        self, handler: Handler, payload: Payload, context: JobContext, threads: Executor | None
    ) -> None:
        """Prepare; `threads` None are the event loop's own."""
        self._call = (handler, payload, context)
        self._threads = threads
        self.cpu_seconds: float | None = None

    async def run(self) -> Ending:
        """Wait for its end; a cancellation stops the waiting alone."""
        bound = contextvars.copy_context().run
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, bound, self._timed)

    def cut(self) -> bool:
        """It has been asked by `should_stop`; there is nothing else."""
        return False

    def _timed(self) -> Ending:
        before = time.thread_time()
        try:
            return call(*self._call)
        finally:
            self.cpu_seconds = time.thread_time() - before


class ProcessWork:
    """In a child process."""

    def __init__(self, assignment: Assignment, context: JobContext, processes: Processes) -> None:
        """Prepare; a child is taken when it runs."""
        self._assignment = assignment
        self._context = context
        self._processes = processes
        self._child: Child | None = None
        self._was_cut = False
        self.cpu_seconds: float | None = None

    async def run(self) -> Ending:
        """Take a child, run the handler in it, and put the child back if it lives."""
        child, failed = await self._processes.take()
        if failed is not None:
            return failed
        self._child = child
        try:
            if self._was_cut:
                return Cut()
            loop = asyncio.get_running_loop()
            self._context.stop.on_ask(lambda why: _safely(loop, self._ask, why))
            return await child.run(self._assignment, self._context.port)
        except asyncio.CancelledError:
            child.kill()
            raise
        finally:
            self._child, self.cpu_seconds = None, child.cpu_seconds
            await self._processes.put_back(child)

    def cut(self) -> bool:
        """Kill the child with everything that it started."""
        self._was_cut = True
        if self._child is not None:
            self._child.kill()
        return True

    def _ask(self, reason: StopReason) -> None:
        if self._child is not None:  # else it runs something else by now
            self._child.ask(reason)


def _safely(loop: asyncio.AbstractEventLoop, ask: Any, reason: StopReason) -> None:  # noqa: ANN401 - a bound method
    """Ask from any thread; at once where this is the loop's own, so that no cut overtakes it."""
    try:
        here = asyncio.get_running_loop() is loop
    except RuntimeError:
        here = False
    if here:
        ask(reason)
    else:
        loop.call_soon_threadsafe(ask, reason)
