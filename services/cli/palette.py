"""Colours of the five bands, told apart by colour-blind eyes too; the word is always printed."""

from collections.abc import Sequence

from rich.text import Text

from shared.domain.bands import Band
from shared.domain.jobs import State

BAND_STYLES = {
    Band.VERY_LOW: "bold #ffffff on #08519c",
    Band.LOW: "bold #111111 on #6baed6",
    Band.MEDIUM: "bold #111111 on #f7e8a4",
    Band.HIGH: "bold #111111 on #f28e2b",
    Band.VERY_HIGH: "bold #ffffff on #8c1c13",
    Band.UNKNOWN: "reverse",
}
_LINE_STYLES = {
    Band.VERY_LOW: "#4a90d9",  # the fill itself is too dark to read on black
    Band.LOW: "#6baed6",
    Band.MEDIUM: "#d9b93b",
    Band.HIGH: "#f28e2b",
    Band.VERY_HIGH: "#d6453a",
    Band.UNKNOWN: "dim",
}
STATE_STYLES = {
    State.DEFERRED: "#cc79a7",
    State.READY: "#56b4e9",
    State.RUNNING: "bold #56b4e9",
    State.RETRYING: "#e69f00",
    State.SUCCEEDED: "#009e73",
    State.DEAD: "bold #d55e00",
    State.EXPIRED: "#d55e00",
    State.CANCELLED: "dim",
}
GOOD, BAD, WARNING = "#009e73", "bold #d55e00", "#e69f00"
SIMULATED_STYLE = "bold #111111 on #e69f00"
_BARS = "▁▂▃▄▅▆▇█"


def band_badge(band: Band) -> Text:
    """The band's name on its colour."""
    return Text(f" {band.words} ", BAND_STYLES[band])


def simulated_badge(simulated: bool | None) -> Text:  # noqa: FBT001 - the one thing that it shows
    """Says so where the grid's data is replayed."""
    return Text(" SIMULATED ", SIMULATED_STYLE) if simulated else Text()


def grid_now(now: str, band: Band, *, simulated: bool | None) -> Text:
    """What holds on a grid, its band, and whether that is a replay."""
    line = Text(now, "bold").append("  ").append_text(band_badge(band))
    return line.append("  ").append_text(simulated_badge(simulated=True)) if simulated else line


def state_word(state: State) -> Text:
    """A job's state in its colour."""
    return Text(state.value, STATE_STYLES.get(state, ""))


def signed_style(value: float | None) -> str:
    """Green for what was saved, orange for what waiting cost."""
    if value is None or value == 0:
        return ""
    return GOOD if value > 0 else BAD


def sparkline(points: Sequence[tuple[float, Band]]) -> Text:
    """Values as bars, each in the colour of its band."""
    line = Text()
    if not points:
        return line
    values = [value for value, _ in points]
    low, span = min(values), (max(values) - min(values)) or 1.0
    for value, band in points:
        line.append(_BARS[round((value - low) / span * (len(_BARS) - 1))], _LINE_STYLES[band])
    return line


def bar(part: int, whole: int, width: int, style: str) -> Text:
    """A filled share of a bar."""
    filled = min(width, round(width * part / whole)) if whole else 0
    return Text.assemble(("━" * filled, style), ("╌" * (width - filled), "dim"))
