"""Cached reads: however many tabs are open, the ledger is asked once in a while.

Where it does not answer, the last known values stay, with the reason beside them.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st
from sqlalchemy import Engine

from shared.errors import CarbonAwareError
from shared.ledger.schema import open_engine
from shared.runtime import system_clock

T = TypeVar("T")


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
        memory[key] = now = Known(read(url, *about), None, system_clock())
    except CarbonAwareError as error:
        last: Known[T] = memory.get(key) or Known(None)
        return Known(last.value, str(error), last.at)
    return now


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
