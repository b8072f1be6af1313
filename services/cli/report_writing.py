"""Files that a report is written to: their endings, and one clear line where one cannot be."""

import os
from pathlib import Path

from shared.errors import CarbonAwareError

ENDINGS = {
    "--html": (".html", ".htm"),
    "--parquet": (".parquet",),
    "--impact-framework": (".yaml", ".yml"),
}
"""What a file's name may end in, by its option; other programs go by the ending."""


class CannotWrite(CarbonAwareError):
    """A file cannot be written where it should be."""


def wrong_ending(option: str, path: Path) -> str | None:
    """What is wrong with a file's name; None where nothing is."""
    endings = ENDINGS[option]
    if path.suffix.lower() in endings:
        return None
    return f"{str(path)!r} has to end in {' or '.join(endings)}"


def check_place(option: str, path: Path) -> None:
    """Say before anything is read that a file cannot be written where it should be.

    Raises:
        CannotWrite: there is no such folder, or it or the file may not be written.
    """
    folder = path.parent
    if not folder.is_dir():
        raise CannotWrite(f"{option}: {path} cannot be written (there is no folder {folder})")
    if path.is_dir():
        raise CannotWrite(f"{option}: {path} cannot be written (it is a folder)")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise CannotWrite(f"{option}: {path} cannot be written (no permission)")


def write_file(option: str, path: Path, content: bytes) -> None:
    """Write a file whole.

    Raises:
        CannotWrite: the file cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise CannotWrite(f"{option}: {path} cannot be written ({error.strerror})") from error
