"""Durations as people type them: `60s`, `5m`, `2h`, `1h30m`, or plain seconds."""

import re

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_NUMBER = r"(\d+(?:\.\d+)?)"
_PLAIN = re.compile(_NUMBER)
_PART = re.compile(_NUMBER + "([dhms])")
_WHOLE = re.compile(f"(?:{_NUMBER}[dhms])+")


def parse_duration(text: str, *, needs_unit: bool = False) -> float:
    """Turn a duration into seconds.

    Args:
        text: what was typed.
        needs_unit: whether a plain number is none, as where it might be meant as a year.

    Raises:
        ValueError: The text is no duration, or is not longer than nothing.
    """
    compact = text.strip().lower().replace(" ", "")
    if _PLAIN.fullmatch(compact):
        if needs_unit:
            raise ValueError(f"{text!r} has no unit; write 60s, 5m or 2h")
        seconds = float(compact)
    elif _WHOLE.fullmatch(compact):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    else:
        raise ValueError(f"{text!r} is no duration; write 60s, 5m, 2h or plain seconds")
    if seconds <= 0:
        raise ValueError(f"{text!r} is not longer than nothing")
    return seconds
