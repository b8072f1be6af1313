"""`simulate --plot`: what each policy saves against how long it makes jobs wait."""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from services.cli.simulate_view import REALISED
from shared.domain.replay import Policy, PolicyResult
from shared.errors import CarbonAwareError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox

FORMATS = (".png", ".svg", ".pdf")
OURS, OTHERS, BOUND, INK, FAINT = "#08519c", "#6baed6", "#d95f02", "#222222", "#8a8a8a"
LABEL_STEPS_POINTS = (9.0, 20.0, 34.0, 50.0, 70.0, 95.0, 125.0)
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
MARK_POINTS = 6.0


class CannotDraw(CarbonAwareError):
    """The picture cannot be drawn."""


@dataclass(frozen=True, slots=True)
class Titles:
    """The title of a picture, and a smaller line with what it rests on."""

    title: str
    about: str


@dataclass(frozen=True, slots=True)
class Place:
    """One point of the picture, with the policies that come out there, the product's own first.

    Attributes:
        wait: the mean wait, in the unit of the axis.
    """

    names: tuple[str, ...]
    wait: float
    avoided_percent: float

    @property
    def label(self) -> str:
        """The names and the figure; several names below each other."""
        return ",\n".join(name.replace("_", " ") for name in self.names) + (
            f"  {self.avoided_percent:.1f} %"
        )

    def is_of(self, *names: str) -> bool:
        """Whether one of these policies came out here."""
        return not set(names).isdisjoint(self.names)


def check_plot(path: Path) -> None:
    """Say before the work begins that a picture could not be drawn.

    Raises:
        BadParameter: the file's ending is none that can be drawn.
        CannotDraw: matplotlib is not installed, or there is no such folder.
    """
    if path.suffix.lower() not in FORMATS:
        raise typer.BadParameter(
            f"must end in {', '.join(FORMATS)} (given {str(path)!r})", param_hint="--plot"
        )
    if importlib.util.find_spec("matplotlib") is None:
        raise CannotDraw("--plot needs matplotlib; run `pip install 'matplotlib>=3.10,<4'`")
    if not path.absolute().parent.is_dir():
        raise CannotDraw(f"--plot: there is no folder {path.absolute().parent}")


def draw(
    path: Path,
    titles: Titles,
    results: Mapping[str, PolicyResult],
    realised: PolicyResult | None = None,
) -> None:
    """Draw the frontier into a file.

    Raises:
        CannotDraw: nothing was emitted, so that there is no share to show; or the file cannot
            be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only when asked
    from matplotlib.figure import Figure  # noqa: PLC0415 - only when asked

    everything = dict(results) | ({} if realised is None else {REALISED: realised})
    unit = Unit.of(everything.values())
    places = _places(everything, unit)
    if not places:
        raise CannotDraw("--plot: these jobs emit nothing, so there is no saving to draw")
    figure = Figure(figsize=(9.0, 5.6), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)  # a canvas knows how large the labels are
    axes = figure.subplots()
    _frame(axes, titles, places, results)
    axes.set_xlabel(f"mean wait, {unit.name}", color=INK, fontsize=11)
    bounds = _bounds(results)
    lines = [_bound(axes, level, text, bounds) for level, text in bounds.items()]
    _frontier(axes, places)
    for place in places:
        _mark(axes, place)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the frame stays where the labels were placed in it
    _label(axes, places, lines)
    try:
        figure.savefig(path)
    except OSError as error:
        raise CannotDraw(f"--plot: cannot write {path}: {error.strerror or error}") from error


def _places(results: Mapping[str, PolicyResult], unit: "Unit") -> list[Place]:
    """The points; policies that come out the same share one."""
    shared: dict[tuple[float, float], list[str]] = {}
    for name in sorted(results, key=lambda name: name != Policy.ADAPTIVE):
        result = results[name]
        if result.avoided_percent is not None:
            at = round(result.mean_wait_seconds / unit.seconds, 3), round(result.avoided_percent, 2)
            shared.setdefault(at, []).append(name)
    return [Place(tuple(names), *at) for at, names in shared.items()]


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of time for the axis."""

    name: str
    seconds: float

    @classmethod
    def of(cls, results: Iterable[PolicyResult]) -> "Unit":
        """The largest in which the longest mean wait is 1 or more."""
        longest_s = max((result.mean_wait_seconds for result in results), default=0.0)
        for name, seconds in (("hours", 3600.0), ("minutes", 60.0)):
            if longest_s >= seconds:
                return cls(name, seconds)
        return cls("seconds", 1.0)


def _frame(
    axes: "Axes", titles: Titles, places: Sequence[Place], results: Mapping[str, PolicyResult]
) -> None:
    heights = [place.avoided_percent for place in places]
    heights += [result.optimal_percent or 0.0 for result in results.values()]
    low, high = min(0.0, *heights), max(0.0, *heights)
    longest = max(place.wait for place in places) or 1.0
    room = (high - low) or 1.0
    axes.set_xlim(-0.06 * longest, 1.16 * longest)
    axes.set_ylim(low - 0.09 * room, high + 0.17 * room)
    axes.set_ylabel("emissions avoided against running at once, %", color=INK, fontsize=11)
    axes.set_title(titles.title, loc="left", fontsize=14, fontweight="bold", color=INK, pad=26)
    axes.text(0, 1.025, titles.about, transform=axes.transAxes, fontsize=10.5, color="#555555")
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#b0b0b0")
    axes.tick_params(colors="#555555", labelsize=10)
    axes.axhline(0, color="#b0b0b0", linewidth=1)


def _bounds(results: Mapping[str, PolicyResult]) -> dict[float, str]:
    """What a clairvoyant saves; jobs that may be paused at will have a bound of their own."""
    bounds: dict[float, str] = {}
    for name, result in results.items():
        if result.optimal_percent is not None:
            paused = name == Policy.INTERRUPTIBLE
            text = "possible if every job could be paused" if paused else "possible at all"
            level = round(result.optimal_percent, 2)
            bounds[level] = min(text, bounds.get(level, text), key=len)
    return bounds


def _bound(axes: "Axes", level: float, text: str, all_bounds: Iterable[float]) -> "Annotation":
    levels = list(all_bounds)
    below = len(levels) > 1 and level == min(levels)  # the two may be close to each other
    axes.axhline(level, color=BOUND, linewidth=1.4, linestyle=(0, (5, 3)))
    return axes.annotate(
        f"{text}, with perfect knowledge: {level:.1f} %",
        (0.0, level),
        xycoords=("axes fraction", "data"),
        xytext=(8, -5 if below else 5),
        textcoords="offset points",
        va="top" if below else "bottom",
        color=BOUND,
        fontsize=9.5,
    )


def _frontier(axes: "Axes", places: Sequence[Place]) -> None:
    """Through the policies of which none saves more at no longer a wait; a bound is no policy."""
    best: list[Place] = []
    causal = [place for place in places if set(place.names) - {Policy.OPTIMAL, REALISED}]
    for place in sorted(causal, key=lambda place: (place.wait, -place.avoided_percent)):
        if not best or place.avoided_percent > best[-1].avoided_percent:
            best.append(place)
    waits, heights = [p.wait for p in best], [p.avoided_percent for p in best]
    axes.plot(waits, heights, color="#c4d7ea", linewidth=2.2, zorder=1.5)


def _mark(axes: "Axes", place: Place) -> None:
    ours = place.is_of(Policy.ADAPTIVE)
    hollow = place.is_of(REALISED)
    colour = OURS if ours else BOUND if place.is_of(Policy.OPTIMAL) else OTHERS
    axes.plot(
        place.wait,
        place.avoided_percent,
        marker="D" if hollow else "o",
        markersize=MARK_POINTS * (1.5 if ours else 1.2),
        markerfacecolor="white" if hollow else colour,
        markeredgecolor=INK if hollow else "white",
        markeredgewidth=1.4,
        zorder=3,
    )


def _label(axes: "Axes", places: Sequence[Place], lines: Sequence["Annotation"]) -> None:
    """Put each name beside its point where it covers no other name, point or line's text."""
    taken = [_text_box(line) for line in lines]
    taken += [_around(axes, place.wait, place.avoided_percent) for place in places]
    taken += [_along(axes, level) for level in (0.0, *(float(line.xy[1]) for line in lines))]
    for place in sorted(places, key=lambda place: not place.is_of(Policy.ADAPTIVE)):
        label = _free_label(axes, place, taken)
        taken.append(_text_box(label))


def _text_box(label: "Annotation") -> "Bbox":
    """The pixels of a label's text; its own extent would take the line to its point in."""
    from matplotlib.text import Text  # noqa: PLC0415 - only when asked

    canvas = cast("FigureCanvasAgg", label.figure.canvas)
    label.update_positions(canvas.get_renderer())  # type: ignore[no-untyped-call] # has no types
    return Text.get_window_extent(label)


def _around(axes: "Axes", wait: float, percent: float) -> "Bbox":
    """The pixels of a point's mark."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - only when asked

    at = axes.transData.transform((wait, percent))
    half = MARK_POINTS * axes.figure.dpi / 72
    return Bbox([at - half, at + half])


def _along(axes: "Axes", percent: float) -> "Bbox":
    """The pixels of a line across the whole picture."""
    from matplotlib.transforms import Bbox  # noqa: PLC0415 - only when asked

    frame, (_, level) = axes.get_window_extent(), axes.transData.transform((0.0, percent))
    return Bbox([[frame.x0, level - 1], [frame.x1, level + 1]])


def _free_label(axes: "Axes", place: Place, taken: Sequence["Bbox"]) -> "Annotation":
    """The nearest label that covers nothing; the last one tried where none is free."""
    inside = axes.get_window_extent()
    tries = [(step, across, up) for step in LABEL_STEPS_POINTS for across, up in DIRECTIONS]
    label = None
    for step, across, up in tries:
        if label is not None:
            label.remove()
        label = _annotation(axes, place, step, across, up)
        box = _text_box(label)
        within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0
        if within and box.y1 <= inside.y1 and not any(box.overlaps(other) for other in taken):
            break
    assert label is not None  # noqa: S101 - there is always a try
    return label


def _annotation(axes: "Axes", place: Place, step: float, across: int, up: int) -> "Annotation":
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - only when asked

    far = step > LABEL_STEPS_POINTS[0]
    label = axes.annotate(
        place.label,
        (place.wait, place.avoided_percent),
        xytext=(across * step, up * step),
        textcoords="offset points",
        ha={1: "left", 0: "center", -1: "right"}[across],
        va={1: "bottom", 0: "center", -1: "top"}[up],
        fontsize=10.5,
        fontweight="bold" if place.is_of(Policy.ADAPTIVE, REALISED) else "normal",
        color=INK,
        arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.8} if far else None,
    )
    label.set_path_effects([withStroke(linewidth=3, foreground="white")])
    label.set_zorder(4)
    return label
