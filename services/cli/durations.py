"""Durations as the options of commands take them."""

from shared.domain.durations import parse_duration

__all__ = ["parse_duration"]
