"""docs/method.md: every figure of its worked example is computed again."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.watttime_emulator.trace import BUNDLED, load_trace
from shared.domain.savings import Point, Run, Savings, account
from shared.domain.windows import Series

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "method.md").read_text(encoding="utf-8")
SLOT_COLUMNS = "| part | from | to | seconds | intensity g/kWh | energy kWh | emissions g |"
WATTS = 240.0
WORK = ("first piece", "second piece")
WASTED = ("failed attempt",)
Slot = dict[str, str]


def tables(header: str) -> list[list[Slot]]:
    """The tables under a header line, each row by its columns."""
    names = cells(header)
    found = []
    for rest in PAGE.split(header + "\n")[1:]:
        body = rest.splitlines()[1:]
        end = next(place for place, line in enumerate(body) if not line.startswith("|"))
        found.append([dict(zip(names, cells(line), strict=True)) for line in body[:end]])
    return found


def cells(line: str) -> list[str]:
    """What stands between the bars."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def printed(value: float | None, like: str) -> str:
    """A value with as many decimals as the page gives."""
    if value is None:
        return "null"
    return f"{value:.{len(like.partition('.')[2])}f}"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    """What the code block of the page leaves behind."""
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/method.md", "exec"), names)  # noqa: S102 - it is our own page
    return names


@pytest.fixture(scope="module")
def slots() -> list[Slot]:
    """The slots of both tables, what happened before the baseline."""
    happened, baseline = tables(SLOT_COLUMNS)
    assert {slot["part"] for slot in baseline} == {"baseline"}
    return happened + baseline


def parts(slots: list[Slot], *names: str) -> list[Slot]:
    """The slots of some parts."""
    return [slot for slot in slots if slot["part"] in names]


def grams(slots: list[Slot]) -> float:
    """Their emissions from intensity, power and time; not from the rounded last column."""
    return sum(
        float(slot["intensity g/kWh"]) * WATTS * float(slot["seconds"]) / 3_600_000
        for slot in slots
    )


def runs_of(slots: list[Slot], names: tuple[str, ...], example: dict[str, Any]) -> list[Run]:
    """The pieces, put together from their slots."""
    found = []
    for name in names:
        of_it = parts(slots, name)
        kwh = WATTS * sum(float(slot["seconds"]) for slot in of_it) / 3_600_000
        found.append(Run(example["at"](of_it[0]["from"]), example["at"](of_it[-1]["to"]), kwh))
    return found


def test_every_slot_has_the_recorded_intensity_and_its_own_arithmetic(
    slots: list[Slot], example: dict[str, Any]
) -> None:
    recorded = {point.at_s: point.intensity_g_per_kwh for point in example["points"]}
    assert len(slots) == 16
    for slot in slots:
        start_s, end_s = example["at"](slot["from"]), example["at"](slot["to"])
        point_s = start_s // 300 * 300
        assert end_s <= point_s + 300
        assert float(slot["seconds"]) == end_s - start_s
        assert slot["intensity g/kWh"] == f"{recorded[point_s]:.3f}"
        assert slot["energy kWh"] == f"{WATTS * (end_s - start_s) / 3_600_000:.3f}"
        assert slot["emissions g"] == f"{grams([slot]):.4f}"


@pytest.mark.parametrize("name", [*WASTED, *WORK, "baseline"])
def test_the_slots_of_a_part_leave_nothing_out(slots: list[Slot], name: str) -> None:
    of_it = parts(slots, name)
    assert of_it
    assert all(earlier["to"] == later["from"] for earlier, later in pairwise(of_it))


def test_the_code_of_the_page_accounts_for_the_pieces_of_its_tables(
    slots: list[Slot], example: dict[str, Any]
) -> None:
    submitted_s = example["at"](parts(slots, "baseline")[0]["from"])
    done, wasted = runs_of(slots, WORK, example), runs_of(slots, WASTED, example)
    found = account(done, submitted_s, example["points"], wasted=wasted)
    shown: Savings = example["savings"]
    assert found.emissions_g == pytest.approx(shown.emissions_g)
    assert found.baseline_g == pytest.approx(shown.baseline_g)
    assert found.energy_kwh == pytest.approx(shown.energy_kwh)


def test_the_slots_add_up_to_the_account(slots: list[Slot], example: dict[str, Any]) -> None:
    shown: Savings = example["savings"]
    assert shown.emissions_g == pytest.approx(grams(parts(slots, *WASTED, *WORK)))
    assert shown.baseline_g == pytest.approx(grams(parts(slots, "baseline")))


def test_every_figure_of_the_account(example: dict[str, Any]) -> None:
    (rows,) = tables("| figure | value |")
    now, then = forecast_means(example)
    savings: Savings = example["savings"]
    figures = {
        "energy_kwh": savings.energy_kwh,
        "emissions_g": savings.emissions_g,
        "baseline_g": savings.baseline_g,
        "avoided_g": savings.avoided_g,
        "promised_g": (now - then) * 0.120,
        "reference_g": savings.reference_g,
    }
    assert {row["figure"]: row["value"] for row in rows} == {
        name: printed(value, rows[0]["value"]) for name, value in figures.items()
    }


def forecast_means(example: dict[str, Any]) -> tuple[float, float]:
    """What was forecast at 12:30, for the work at submission and for its cleanest half hour."""
    trace, at = load_trace(BUNDLED), example["at"]
    place = round((at("12:30") - trace.start.timestamp()) / 300)
    assert len(trace.issues[place]) == 36
    curve = Series(at("12:30"), 300.0, [trace.values[place], *trace.issues[place]])
    starts = {
        minutes: float(curve.values[minutes // 5 :][:6].mean()) for minutes in range(5, 160, 5)
    }
    cleanest = min(starts, key=starts.__getitem__)
    assert at("12:30") + 60 * cleanest == at("15:05")
    area = curve.area(curve.start_s + 60.0 * Series(0, 1, [2.0, 32.0]).values)
    return float(area[1] - area[0]) / 1800, starts[cleanest]


def test_the_promise_in_words(example: dict[str, Any]) -> None:
    now, then = forecast_means(example)
    assert f"({now:.3f} - {then:.3f}) g/kWh x 0.120 kWh" in PAGE


def test_what_the_failed_attempt_cost(slots: list[Slot], example: dict[str, Any]) -> None:
    done = runs_of(slots, WORK, example)
    without = account(done, example["at"]("12:32"), example["points"])
    cost_g = without.avoided_g - example["savings"].avoided_g
    assert f"The failed attempt alone took {cost_g:.3f} g off the saving" in PAGE


def test_what_missing_points_would_have_made_of_it(
    slots: list[Slot], example: dict[str, Any]
) -> None:
    (rows,) = tables("| missing points | emissions_g | avoided_g | intensities |")
    for row in rows:
        points = [point for point in example["points"] if not is_missing(point, row, example)]
        found = account(
            runs_of(slots, WORK, example),
            example["at"]("12:32"),
            points,
            wasted=runs_of(slots, WASTED, example),
        )
        assert row["emissions_g"] == printed(found.emissions_g, row["emissions_g"])
        assert row["avoided_g"] == printed(found.avoided_g, row["avoided_g"])
        assert row["intensities"] == (found.method or "null")
    assert [row["intensities"] for row in rows] == ["observed", "carried", "null"]


def is_missing(point: Point, row: Slot, example: dict[str, Any]) -> bool:
    """Whether a row of the page leaves a point out."""
    first, _, last = row["missing points"].partition(" to ")
    if first == "none":
        return False
    end_s = float("inf") if last == "the end" else example["at"](last)
    return bool(example["at"](first) <= point.at_s < end_s)


def test_the_figure_for_france() -> None:
    said = re.findall(r"100 x \(1 - (\d+) / 450\) = ([\d.]+) %", PAGE)
    assert len(said) == 1
    mean, percent = said[0]
    assert f"yearly mean of {mean} g/kWh" in PAGE
    assert f"{100 * (1 - float(mean) / 450):.1f}" == percent
