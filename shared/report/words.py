"""Figures as people read them; what is not known is said to be unknown, never shown as 0."""

from datetime import UTC, datetime

UNKNOWN = "unknown"
_SOURCES = {
    "watttime": "WattTime",
    "electricity_maps": "Electricity Maps",
    "uk_carbon_intensity": "UK Carbon Intensity",
}
_STEPS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"))


def grams(value: float | None, *, signed: bool = False) -> str:
    """Emissions: milligrams to tonnes, with three digits or so."""
    if value is None:
        return UNKNOWN
    if round(value * 1_000, 1) == 0:
        return "0 g"
    size, sign = abs(value), "+" if signed else ""
    if size >= 1_000_000:
        return f"{value / 1_000_000:{sign}.2f} t"
    if size >= 1_000:
        return f"{value / 1_000:{sign}.2f} kg"
    if size < 0.1:
        return f"{value * 1_000:{sign}.1f} mg"
    return f"{value:{sign}.2f} g" if size < 10 else f"{value:{sign}.1f} g"


def energy(kwh: float | None) -> str:
    """Energy in mWh, Wh or kWh."""
    if kwh is None:
        return UNKNOWN
    if kwh >= 1:
        return f"{kwh:.2f} kWh"
    return f"{kwh * 1e6:.1f} mWh" if 0 < kwh < 1e-5 else f"{kwh * 1e3:.2f} Wh"


def duration(seconds: float) -> str:
    """A time span in its two largest units: `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s".replace(".0 ", " ")
    rest, parts = float(round(seconds)), []
    for size, unit in _STEPS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count:.0f} {unit}")
    if rest and len(parts) < 2 and seconds < 3_600:
        parts.append(f"{rest:.0f} s")
    return " ".join(parts[:2])


def percent_of(part: float | None, whole: float | None) -> str | None:
    """A signed share; None where there is nothing to compare with."""
    if part is None or not whole:
        return None
    return f"{100 * part / whole:+.1f} %"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 job`, `2,000 jobs`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def instant(at: datetime) -> str:
    """An instant to the minute, with its zone: a report is read on another day."""
    # Not strftime, which writes the year 1 with one digit.
    return f"{at.astimezone(UTC).isoformat(' ')[:16]} UTC"


def sentence(remark: str) -> str:
    """A remark as a sentence of its own."""
    return f"{remark[0].upper()}{remark[1:]}."


def source(name: str) -> str:
    """The name that a source of carbon intensities is known by."""
    return _SOURCES.get(name, name)
