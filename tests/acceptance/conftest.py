"""The benchmark scripts compute the figures; the tests say what has to hold for them."""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmark_script(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a script by its name; scripts import each other as they do when they are run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module
