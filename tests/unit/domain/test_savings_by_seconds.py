"""The account of a whole job's life, against its power and its grid second by second.

The integrator here knows nothing of windows or means: it walks the seconds, asks how much power was
drawn in each and how dirty the grid was, and adds up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from shared.domain.savings import (
    IntensityMethod,
    Point,
    Run,
    Savings,
    account,
    energy_kwh,
)

CARRIED_PERIODS = 12
JOULES_PER_KWH = 3_600_000


@dataclass(frozen=True)
class Piece:
    """Work of whole seconds at a constant power."""

    started_s: int
    seconds: int
    watts: int
    failed: bool

    @property
    def run(self) -> Run:
        """As the account takes it."""
        end_s = self.started_s + self.seconds
        return Run(self.started_s, end_s, energy_kwh(self.watts, self.seconds))


@dataclass(frozen=True)
class Life:
    """A job from its submission to its end, on one grid."""

    submitted_s: int
    pieces: tuple[Piece, ...]
    points: tuple[Point, ...]

    @property
    def done(self) -> list[Piece]:
        """The pieces that did the work."""
        return [piece for piece in self.pieces if not piece.failed]

    @property
    def account(self) -> Savings:
        """What is tested."""
        wasted = [piece.run for piece in self.pieces if piece.failed]
        done = [piece.run for piece in self.done]
        return account(done, self.submitted_s, self.points, wasted=wasted)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """Submitted, then pieces with pauses between them, at least one of which does the work."""
    submitted_s = at_s = draw(st.integers(10, 60))
    pieces = []
    failures = draw(st.lists(st.booleans(), max_size=3))
    for failed in draw(st.permutations([False, *failures])):
        at_s += draw(st.integers(0, 30))
        seconds = draw(st.integers(1, 30))
        pieces.append(Piece(at_s, seconds, draw(st.integers(0, 3000)), failed))
        at_s += seconds
    return Life(submitted_s, tuple(pieces), draw(grids()))


@st.composite
def grids(draw: st.DrawFn) -> tuple[Point, ...]:
    """Points of several spacings; some late, some lost, some so long lost that nothing is known."""
    points, at_s = [], draw(st.integers(0, 30))
    for _ in range(draw(st.integers(0, 20))):
        period_s = draw(st.sampled_from((5, 15, 30)))
        points.append(Point(at_s, period_s, draw(st.integers(0, 900))))
        on_time = (period_s,) * 6
        at_s += draw(st.sampled_from((*on_time, 1, 2 * period_s, 3 * period_s, 13 * period_s + 2)))
    return tuple(points)


@dataclass(frozen=True)
class Second:
    """The grid in one second."""

    intensity_g_per_kwh: float
    carried: bool


def grid_in(points: Sequence[Point], second: int) -> Second | None:
    """The newest point that has begun, unless it is too old to be carried."""
    newest = None
    for point in points:
        if point.at_s <= second:
            newest = point
    if newest is None or second >= newest.at_s + newest.period_s * (1 + CARRIED_PERIODS):
        return None
    return Second(newest.intensity_g_per_kwh, second >= newest.at_s + newest.period_s)


def walk(life: Life) -> list[tuple[Second | None, int]]:
    """Each second that it ran: the grid and the watts."""
    return [
        (grid_in(life.points, second), piece.watts)
        for piece in life.pieces
        for second in range(piece.started_s, piece.started_s + piece.seconds)
    ]


def walk_at_submission(life: Life) -> list[tuple[Second | None, float]]:
    """Each second of the same work at submission, at the mean power of the work."""
    seconds = sum(piece.seconds for piece in life.done)
    watts = sum(piece.watts * piece.seconds for piece in life.done) / seconds
    return [(grid_in(life.points, life.submitted_s + offset), watts) for offset in range(seconds)]


def grams(seconds: Sequence[tuple[Second | None, float]]) -> float | None:
    """Watts times intensity, added up; None where the grid of one second is unknown."""
    total = 0.0
    for grid, watts in seconds:
        if grid is None:
            return None
        total += watts * grid.intensity_g_per_kwh
    return total / JOULES_PER_KWH


def close(value: float | None) -> object:
    """The same but for the rounding of sums, or the very None."""
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-12)


@given(life=lives())
def test_grams_are_those_of_every_second(life: Life) -> None:
    emissions, baseline = grams(walk(life)), grams(walk_at_submission(life))
    found = life.account
    assert found.emissions_g == close(emissions)
    assert found.baseline_g == close(baseline)
    if emissions is None or baseline is None:
        assert found.avoided_g is None
    else:
        assert found.avoided_g == pytest.approx(baseline - emissions, rel=1e-9, abs=1e-9)


@given(life=lives())
def test_energy_and_reference_count_every_second_known_or_not(life: Life) -> None:
    joules = sum(watts for _, watts in walk(life))
    assert life.account.energy_kwh == close(joules / JOULES_PER_KWH)
    assert life.account.reference_g == close(450 * joules / JOULES_PER_KWH)


@settings(max_examples=400)
@given(life=lives())
def test_the_method_is_that_of_the_weakest_second(life: Life) -> None:
    ran = [grid for grid, _ in walk(life)]
    compared = [grid for grid, _ in walk_at_submission(life)]
    if None in ran:
        assert life.account.method is None
        return
    seconds = ran if None in compared else ran + compared
    carried = any(grid is not None and grid.carried for grid in seconds)
    expected = IntensityMethod.CARRIED if carried else IntensityMethod.OBSERVED
    assert life.account.method is expected


@given(life=lives(), later_s=st.integers(1, 10_000))
def test_only_distances_in_time_matter(life: Life, later_s: int) -> None:
    """Moved as a whole, submission, work and grid, the account stays what it was."""
    moved = Life(
        life.submitted_s + later_s,
        tuple(Piece(p.started_s + later_s, p.seconds, p.watts, p.failed) for p in life.pieces),
        tuple(Point(p.at_s + later_s, p.period_s, p.intensity_g_per_kwh) for p in life.points),
    )
    assert moved.account == life.account


CASES: dict[str, Callable[[Life], bool]] = {
    "known, several pieces and a failed one": lambda life: (
        life.account.avoided_g is not None and len(life.done) > 1 and len(life.pieces) > 2
    ),
    "carried at submission alone": lambda life: (
        life.account.method is IntensityMethod.CARRIED
        and not any(grid is None or grid.carried for grid, _ in walk(life))
        and None not in [grid for grid, _ in walk_at_submission(life)]
    ),
    "carried while it ran alone": lambda life: (
        life.account.method is IntensityMethod.CARRIED
        and not any(grid is None or grid.carried for grid, _ in walk_at_submission(life))
    ),
    "emissions unknown, baseline known": lambda life: (
        life.account.emissions_g is None and life.account.baseline_g is not None
    ),
    "baseline unknown, emissions known": lambda life: (
        life.account.baseline_g is None and life.account.emissions_g is not None
    ),
    "made worse": lambda life: (life.account.avoided_g or 0.0) < 0,
}


@pytest.mark.parametrize("case", CASES)
def test_the_lives_reach_every_case(case: str) -> None:
    """A property that never meets a gap would hold for the wrong reason."""
    looks = settings(max_examples=5000, derandomize=True, database=None)
    assert find(lives(), CASES[case], settings=looks)
