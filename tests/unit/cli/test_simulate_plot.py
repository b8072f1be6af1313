"""`simulate --plot`: the picture, its labels, and what is said when it cannot be drawn."""

import importlib.util
from itertools import combinations

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from services.cli import simulate_plot
from services.cli.simulate_plot import CannotDraw, Titles, check_plot, draw
from shared.domain.replay import Policy, PolicyResult

TITLES = Titles("Carbon against wait: somewhere", "8 jobs, built-in forecast")


def result(wait_h, avoided, optimal=40.0):
    return PolicyResult(8, 60.0, 100.0, 40.0, avoided, optimal, 0.5, wait_h * 3600, 0.0, 0)


RESULTS = {
    "run_now": result(0.0, 0.0),
    "threshold": result(3.5, 17.5),
    "lowest_slot": result(6.3, 30.3),
    "lowest_window": result(6.3, 39.0),
    "interruptible": result(7.1, 41.4, 41.4),
    "carbon_time": result(4.4, 34.6),
    "adaptive": result(5.9, 38.7),
    "optimal": result(6.2, 40.0),
}


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    """Draws and returns the texts of the picture with their boxes."""
    figures = []
    write = Figure.savefig

    def keep(figure, path):
        figures.append(figure)
        write(figure, path)

    monkeypatch.setattr(Figure, "savefig", keep)

    def make(results, realised=None):
        draw(tmp_path / "out.png", TITLES, results, realised)
        axes = figures[-1].axes[0]
        labels = [text for text in axes.texts if hasattr(text, "update_positions")]
        return axes, {text.get_text(): simulate_plot._text_box(text) for text in labels}

    return make


def test_a_picture_is_written_and_says_what_it_shows(drawn, tmp_path):
    axes, boxes = drawn(RESULTS, result(5.0, 20.0))
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert axes.get_title(loc="left") == TITLES.title
    assert "wait" in axes.get_xlabel()
    assert "%" in axes.get_ylabel()
    for name in RESULTS:
        assert any(text.startswith(name.replace("_", " ") + "  ") for text in boxes)
    assert "really happened  20.0 %" in boxes
    assert "possible at all, with perfect knowledge: 40.0 %" in boxes
    assert "possible if every job could be paused, with perfect knowledge: 41.4 %" in boxes


def test_no_label_covers_another_and_none_leaves_the_frame(drawn):
    axes, boxes = drawn(RESULTS, result(5.0, 20.0))
    frame = axes.get_window_extent()
    for one, other in combinations(boxes.values(), 2):
        assert not one.overlaps(other)
    for box in boxes.values():
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
        assert frame.y0 <= box.y0
        assert box.y1 <= frame.y1


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.floats(0, 12), st.floats(-20, 40)), min_size=1, max_size=8))
def test_whatever_the_figures_a_picture_can_be_drawn(drawn, points):
    names = list(RESULTS)[: len(points)]
    pairs = zip(names, points, strict=True)
    _, boxes = drawn({name: result(wait, avoided) for name, (wait, avoided) in pairs})
    labels = "\n".join(boxes)
    assert all(name.replace("_", " ") in labels for name in names)


def test_policies_that_come_out_the_same_share_a_label(drawn):
    same = result(0.0, 0.0)
    _, boxes = drawn({"run_now": same, "lowest_slot": same, "adaptive": same})
    assert "adaptive,\nrun now,\nlowest slot  0.0 %" in boxes


@pytest.mark.parametrize(("wait_h", "unit"), [(3.0, "hours"), (0.2, "minutes"), (0.01, "seconds")])
def test_waits_are_drawn_in_a_unit_that_fits(drawn, wait_h, unit):
    axes, _ = drawn({"adaptive": result(wait_h, 10.0)})
    assert axes.get_xlabel() == f"mean wait, {unit}"
    assert axes.get_xlim()[1] > 1


def test_jobs_without_emissions_leave_nothing_to_draw(tmp_path):
    nothing = PolicyResult(1, 0.0, 0.0, 0.0, None, None, None, 0.0, 0.0, 0)
    with pytest.raises(CannotDraw, match="emit nothing"):
        draw(tmp_path / "out.png", TITLES, {Policy.RUN_NOW: nothing})


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CannotDraw, match=r"run `pip install 'matplotlib>=3.10,<4'`"):
        check_plot(tmp_path / "out.png")


def test_a_wrong_ending_or_folder_is_said_before_the_work(tmp_path):
    with pytest.raises(typer.BadParameter, match="must end in"):
        check_plot(tmp_path / "out.doc")
    with pytest.raises(CannotDraw, match="there is no folder"):
        check_plot(tmp_path / "nowhere" / "out.png")
    check_plot(tmp_path / "out.svg")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "out.png").mkdir()
    with pytest.raises(CannotDraw, match="cannot write"):
        draw(tmp_path / "out.png", TITLES, RESULTS)
