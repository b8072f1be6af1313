"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

import typer

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", help="Data folder of the `up` to talk to, if no URL is set."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or 6 digits of it or more.")]
OptionalJobId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="A job's id, or 6 digits of it or more.")
]
BandChoice = Literal["very_low", "low", "medium", "high", "very_high"]
PriorityChoice = Literal["low", "normal", "high", "critical"]
OnDeadlineChoice = Literal["run", "expire"]
USUAL_DATA_DIR = Path(".carbon-aware")
