"""Numbers as people read them; what is not known says so, and is never a zero."""

import re
from datetime import datetime, tzinfo

from shared.report import words as report_words

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
_MASSES = ((1e6, "t"), (1e3, "kg"), (1.0, "g"))
LEAST_GRAMS = 0.1
_ENERGIES = ((1e3, "MWh"), (1.0, "kWh"), (1e-3, "Wh"))
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$&\"'^=])")
_WORD_JOINER = "\N{WORD JOINER}"


def number(value: float) -> str:
    """Three significant digits, or all digits before the point."""
    size = abs(value)
    places = 0 if size >= 99.95 or size == 0 else 1 if size >= 9.995 else 2
    text = f"{size:,.{places}f}"
    is_zero = not text.strip("0.,")
    return f"{MINUS}{text}" if value < 0 and not is_zero else text


def mass(grams: float | None) -> tuple[str, str]:
    """Milligrams below 0.1 g, grams below 1 kg, kilograms below 1 t: the number and its unit."""
    if grams is not None and 0 < abs(grams) < LEAST_GRAMS:
        return number(grams * 1e3), "mg"
    return _scaled(grams, 1.0, _MASSES)


def energy(kwh: float | None) -> tuple[str, str]:
    """Watt-hours below 1 kWh: the number and its unit."""
    return _scaled(kwh, 1.0, _ENERGIES)


def with_unit(parts: tuple[str, str]) -> str:
    """Number and unit as one text; `unknown` has no unit."""
    return parts[0] if parts[0] == UNKNOWN else f"{parts[0]} {parts[1]}"


def _scaled(
    value: float | None, base: float, scales: tuple[tuple[float, str], ...]
) -> tuple[str, str]:
    if value is None:
        return UNKNOWN, next(unit for scale, unit in scales if scale == base)
    if value == 0:
        return "0", next(unit for scale, unit in scales if scale == base)
    scale, unit = next((pair for pair in scales if abs(value) >= pair[0] * 0.9995), scales[-1])
    return number(value / scale), unit


def whole(value: float | None) -> str:
    """A number without decimals, or `unknown`."""
    return UNKNOWN if value is None else f"{round(value):,}"


def share(part: float | None, base: float | None) -> float | None:
    """A signed share in percent; None where either is unknown or there is nothing to share."""
    return None if part is None or not base else 100 * part / base


def signed_percent(percent: float | None) -> str:
    """`-61 %`, with the plain hyphen that a metric card takes for its sign."""
    if percent is None:
        return UNKNOWN
    rounded = round(percent)
    return f"{rounded:+,d} %" if rounded else "0 %"


def duration(seconds: float) -> str:
    """A span in its two largest units: `35 s`, `12 min`, `3 h 10 min`, `2 d 4 h`."""
    left = round(max(seconds, 0.0))
    if left < 60:
        return f"{left} s"
    minutes = round(left / 60)
    if minutes < 60:
        return f"{left // 60} min {left % 60} s" if left < 300 and left % 60 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def clock(at: datetime, zone: tzinfo, *, seconds: bool = False) -> str:
    """A time of day in the viewer's zone."""
    return at.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def moment(at: datetime, beside: datetime, zone: tzinfo) -> str:
    """A time of day in the viewer's zone, with its date where `beside` is of another day.

    Seconds are told where the two are less than ten minutes apart.
    """
    here = at.astimezone(zone)
    close = abs((at - beside).total_seconds()) < 600
    time = clock(at, zone, seconds=close)
    return time if here.date() == beside.astimezone(zone).date() else f"{here:%-d %b} {time}"


def between(start: datetime, end: datetime, zone: tzinfo) -> str:
    """A window in the viewer's zone; seconds where it is shorter than ten minutes."""
    short = (end - start).total_seconds() < 600
    span = (clock(at, zone, seconds=short) for at in (start, end))
    return "\N{EN DASH}".join(span)


def source(name: str | None) -> str:
    """The name that a source is known by, or `unknown`."""
    return UNKNOWN if name is None else report_words.source(name)


def count(many: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def times(many: int) -> str:
    """`never`, `once`, `3 times`."""
    return {0: "never", 1: "once"}.get(many, f"{many:,} times")


def away(at: datetime, now: datetime) -> str:
    """How far off an instant is: `in 2 h 5 min`, `3 min ago`, `now`."""
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {duration(seconds)}" if seconds > 0 else f"{duration(-seconds)} ago"


def escape(text: str, *, in_badge: bool = False) -> str:
    """User text for a label that reads Markdown: shown as it is, on one line.

    `st.badge` escapes square brackets itself; twice would show the backslash.

    Backslashes do not keep `:name:` from becoming an emoji, an icon or a colour, so a character
    without width is put behind each colon.
    """
    flat = " ".join(text.split())
    escaped = _MARKDOWN.sub(r"\\\1", flat).replace(":", f":{_WORD_JOINER}")
    return escaped.replace("\\[", "[").replace("\\]", "]") if in_badge else escaped
