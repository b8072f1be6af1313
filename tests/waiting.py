"""Waiting for what a test expects of other processes."""

import time
from collections.abc import Callable
from typing import Any

import pytest


def wait_until(condition: Callable[[], Any], seconds: float, every_seconds: float = 0.1) -> Any:
    """Wait for a condition, and give what it says; fail when it takes too long."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(every_seconds)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition with a time limit."""
    return wait_until
