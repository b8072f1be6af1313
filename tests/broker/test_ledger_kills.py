"""A few of the kills that `benchmarks/ledger_kills.py` makes a thousand of."""

import importlib
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
KILLS = 12


@pytest.fixture
def kills(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("ledger_kills")


async def test_a_ledger_that_is_killed_again_and_again_ends_like_an_undisturbed_one(
    kills: Any, amqp_url: str, tmp_path: Path
) -> None:
    said: list[str] = []
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    outcome = await kills.kill_again_and_again(amqp_url, url, KILLS, 7, said.append)
    assert outcome.kills == KILLS
    assert outcome.told == (KILLS + 1) * kills.JOBS_A_KILL * len(kills.life(0))
    assert outcome.differing == []
