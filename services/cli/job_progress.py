"""A job on its way: a bar on a terminal, a line for each event elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from services.cli.event_words import event_line
from services.cli.output import error_console
from shared.messages import JobEvent, JobProgressed

Show = Callable[[JobEvent], None]


@contextmanager
def progress_shown() -> Iterator[Show]:
    """Show events on standard error while the block runs."""
    out = error_console()
    if not out.is_terminal or out.is_dumb_terminal:
        yield lambda event: typer.echo(_line(event), err=True)
        return
    columns = (SpinnerColumn(), BarColumn(bar_width=24), TextColumn("{task.description}"))
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("submitted", total=None)

        def show(event: JobEvent) -> None:
            done = event.fraction if isinstance(event, JobProgressed) else None
            progress.update(
                task, description=_line(event), total=None if done is None else 1.0, completed=done
            )

        yield show


def _line(event: JobEvent) -> str:
    line = event_line(event)
    return f"{line.word.plain} {line.text.plain}".rstrip()
