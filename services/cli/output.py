"""Standard output for data: lines that wrap on a terminal and stay whole in a pipe."""

import json
import sys
from collections.abc import Iterable

from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.table import Table
from rich.text import Text

Rows = Iterable[tuple[str, str | Text]]


def console() -> Console:
    """Standard output; rich heeds NO_COLOR, TERM=dumb and pipes by itself."""
    return Console(highlight=False, emoji=False, markup=False)


def error_console() -> Console:
    """Standard error, for what is no data."""
    return Console(stderr=True, highlight=False, emoji=False, markup=False)


def print_json(value: object) -> None:
    """One JSON object: on one line in a pipe, readable on a terminal; times are UTC."""
    indent = 2 if sys.stdout.isatty() else None
    print(as_json(value, indent=indent), flush=True)  # noqa: T201 - data, not a log


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON of dataclasses, enums, instants and ids."""
    return json.dumps(to_jsonable_python(value), ensure_ascii=False, indent=indent)


def print_rows(out: Console, rows: Rows) -> None:
    """Labelled values, one below the other, without boxes."""
    listed = list(rows)
    width = max((len(label) for label, _ in listed), default=0)
    print_columns(out, [((label, width), (value, None)) for label, value in listed])


def print_columns(out: Console, lines: Iterable[tuple[tuple[str | Text, int | None], ...]]) -> None:
    """Lines of cells with widths, the last cell taking the rest.

    A terminal wraps the last cell below itself; in a pipe each line stays one line.
    """
    for cells in lines:
        if out.is_terminal and not out.is_dumb_terminal:
            out.print(_wrapped(cells))
        else:
            out.print(_whole(cells), soft_wrap=True)


def _wrapped(cells: tuple[tuple[str | Text, int | None], ...]) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for _, width in cells:
        table.add_column(width=width, ratio=None if width else 1, overflow="fold")
    table.add_row(*(cell for cell, _ in cells))
    return table


def _whole(cells: tuple[tuple[str | Text, int | None], ...]) -> Text:
    line = Text()
    for cell, width in cells:
        text = cell.copy() if isinstance(cell, Text) else Text(cell)
        line.append_text(text)
        if width is not None:
            line.append(" " * max(0, width - text.cell_len) + "  ")
    line.rstrip()
    return line
