"""`jobs.toml`: its text, and the periodic jobs in it; the catalogue is the scheduler's own."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError
from shared.schedules import Schedule, parse_schedules


def read_jobs_file(path: Path) -> Mapping[str, Any]:
    """Read the file; one that is absent is empty.

    Raises:
        ConfigurationError: it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError(f"JOBS_FILE: {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"JOBS_FILE: {path} is not TOML: {error}") from error


def load_schedules(path: Path) -> tuple[Schedule, ...]:
    """The periodic jobs of `jobs.toml`, in the file's order.

    Raises:
        ConfigurationError: one is wrong; the line names the schedule and the field.
    """
    entries = read_jobs_file(path).get("schedule", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ConfigurationError(
            f"JOBS_FILE: {path}: schedule: write [[schedule]], in two brackets"
        )
    try:
        return parse_schedules(entries)
    except ConfigurationError as error:
        raise ConfigurationError(f"JOBS_FILE: {path}: {error}") from error
