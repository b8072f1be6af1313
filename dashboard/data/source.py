"""Cached reads: however many tabs are open, the ledger is asked once in a while.

Where it does not answer, the last known values stay, with the reason beside them.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st
from sqlalchemy import Engine

from shared.errors import CarbonAwareError
from shared.ledger.schema import open_engine
from shared.runtime import system_clock

T = TypeVar("T")
P = ParamSpec("P")
MOST_KNOWN = 500
"""Last known values that are kept, over all tabs; those that were asked for longest ago go."""


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """A value, or the last one that was known with what is wrong now.

    Attributes:
        at: when the value was last read well; None where it never was.
    """

    value: T | None
    problem: str | None = None
    at: datetime | None = None


def known(name: str, read: Callable[..., T], url: str, *about: Hashable) -> Known[T]:
    """What `read(url, *about)` gives, or what it gave last where the ledger does not answer."""
    memory = _memory()
    key = (name, url, *about)
    try:
        value = read(url, *about)
        memory.pop(key, None)
        memory[key] = now = Known(value, None, system_clock())
        while len(memory) > MOST_KNOWN:
            memory.pop(next(iter(memory)), None)
    except CarbonAwareError as error:
        last: Known[T] = memory.get(key) or Known(None)
        return Known(last.value, str(error), last.at)
    return now


def kept(
    seconds: float, *, entries: int = 100, behind: bool = False
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Cache a read for all tabs.

    Every tab gets the same object, for copies would cost more than most reads: what a read gives
    is frozen, or never changed.

    Args:
        seconds: how old it may be.
        entries: for how many different arguments it is kept.
        behind: the last value is given until twice that age, while a newer one is read.
    """

    def wrapped(read: Callable[P, T]) -> Callable[P, T]:
        cached: Any = st.cache_resource(
            ttl=seconds,
            max_entries=entries,
            show_spinner=False,
            refresh_mode="background" if behind else "foreground",
        )(read)
        _READS.append(cached)
        found: Callable[P, T] = cached
        return found

    return wrapped


_READS: list[Any] = []


def forget() -> None:
    """Read everything anew; the last known values stay for a ledger that is away."""
    for read in _READS:
        read.clear()


@st.cache_resource
def _memory() -> dict[tuple[Hashable, ...], Known[Any]]:
    return {}


def ledger(url: str) -> Engine:
    """The opened ledger, shared by all tabs; opened anew when its file has been replaced.

    Raises:
        ConfigurationError: the address is none.
        LedgerUnreachable: it cannot be opened.
    """
    return _opened(url).engine


@dataclass(frozen=True, slots=True)
class _Opened:
    engine: Engine
    file: int | None

    def is_current(self) -> bool:
        """Whether the file that was opened is still the one at its place."""
        return self.file is None or self.file == _file_of(self.engine)


def _file_of(engine: Engine) -> int | None:
    path = engine.url.database
    if engine.url.get_backend_name() != "sqlite" or not path:
        return None
    try:
        return Path(path).stat().st_ino
    except OSError:
        return None


@st.cache_resource(
    show_spinner=False,
    max_entries=4,
    validate=_Opened.is_current,
    on_release=lambda opened: opened.engine.dispose(),
)
def _opened(url: str) -> _Opened:
    engine = open_engine(url)
    return _Opened(engine, _file_of(engine))
