"""Revised readings give the account that they would have given, had they been known at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.revisions import COMPARED, is_revised
from shared.ledger import reads

PERIOD_SECONDS = 300
FIGURES = (*COMPARED, "avoided_g", "reference_g", "intensity_method", "energy_method")
intensities = st.none() | st.integers(0, 900).map(float)


@dataclass(frozen=True)
class Slot:
    """A point of the grid: told live, or missed, and then revised any number of times."""

    live: float | None
    revised: tuple[float, ...]

    @property
    def last(self) -> float | None:
        """What is known of it in the end."""
        return self.revised[-1] if self.revised else self.live


@dataclass(frozen=True)
class Life:
    """A job of 1 kWh on a grid whose points begin with its submission."""

    slots: tuple[Slot, ...]
    waited_seconds: int
    ran_seconds: int

    def tell(self, story: Any) -> list[Any]:
        """The job's events."""
        ended = self.waited_seconds + self.ran_seconds
        return [story.accepted(1, 0), story.succeeded(1, self.waited_seconds, ended)]

    def revisions(self, story: Any) -> list[Any]:
        """Every revision in the order of its telling, a point at a time."""
        rounds = max((len(slot.revised) for slot in self.slots), default=0)
        return [
            story.revised(50_000 + number, PERIOD_SECONDS * place, [slot.revised[number]])
            for number in range(rounds)
            for place, slot in enumerate(self.slots)
            if number < len(slot.revised)
        ]


def live(story: Any, values: Sequence[float | None]) -> list[Any]:
    """A grid that is told as it happens; what is None is never told."""
    return [
        story.intensity(PERIOD_SECONDS * place, value)
        for place, value in enumerate(values)
        if value is not None
    ]


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Up to ten points, so that none is too old to be carried; some are never known."""
    values = st.integers(0, 900).map(float)
    slots = st.builds(Slot, intensities, st.lists(values, max_size=2).map(tuple))
    grid = draw(st.lists(slots, min_size=1, max_size=10))
    return Life(tuple(grid), draw(st.integers(0, 1500)), draw(st.integers(1, 1500)))


def grams(values: Sequence[float | None], first: int, seconds: int) -> float | None:
    """1 kWh spread evenly over some seconds, each at the newest intensity that has begun."""
    total = 0.0
    for second in range(first, first + seconds):
        begun = values[: second // PERIOD_SECONDS + 1]
        known = [value for value in begun if value is not None]
        if not known:
            return None
        total += known[-1]
    return total / seconds


def close(value: float | None) -> object:
    """The same but for the rounding of sums, or the very None."""
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


def account(ledger: Any, story: Any) -> dict[str, Any]:
    ledger.settle()
    job = reads.job_status(ledger.engine, story.job_id(1))
    return {name: getattr(job, name) for name in FIGURES} | {"version": job.account_version}


@pytest.mark.parametrize("new_ledger", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None)
@given(life=lives(), data=st.data())
def test_a_revised_account_is_that_of_a_grid_known_from_the_start(
    new_ledger: Callable[[], Any], new_story: Callable[[], Any], life: Life, data: st.DataObject
) -> None:
    story = new_story()
    revised = new_ledger()
    revised.record(*live(story, [slot.live for slot in life.slots]), *life.tell(story))
    before = account(revised, story)
    for event in data.draw(st.permutations(life.revisions(story))):
        revised.record(event)
    after = account(revised, story)

    values = [slot.last for slot in life.slots]
    known = new_ledger()
    known.record(*live(story, values), *life.tell(story))
    expected = account(known, story)
    assert {**after, "version": 1} == expected
    assert expected["version"] == 1

    assert after["emissions_g"] == close(grams(values, life.waited_seconds, life.ran_seconds))
    assert after["baseline_g"] == close(grams(values, 0, life.ran_seconds))
    if is_revised(before, after):
        assert after["version"] > 1
    if not any(slot.revised for slot in life.slots):
        assert after["version"] == 1
