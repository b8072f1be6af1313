"""Options that several commands share, and how they are read."""

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", help="Data folder of the `up` to talk to, if no URL is set."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on standard output.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who asks; by default user@host.")
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes", help="Delete without asking. Where the input is no terminal, nobody is asked."
    ),
]
JobId = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or 6 digits of it or more.")]
OptionalJobId = Annotated[
    str | None, typer.Argument(metavar="[ID]", help="A job's id, or 6 digits of it or more.")
]
BandChoice = Literal["very_low", "low", "medium", "high", "very_high"]
PriorityChoice = Literal["low", "normal", "high", "critical"]
OnDeadlineChoice = Literal["run", "expire"]
USUAL_DATA_DIR = Path(".carbon-aware")
T = TypeVar("T")


def read_option(option: str, parse: Callable[[str], T], text: str) -> T:
    """Parse what was typed.

    Raises:
        typer.BadParameter: it cannot be; the message names the option.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def with_options(
    **readers: Callable[..., Any],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that other functions read.

    Each reader stands for the command's parameter of that name: on the command line are the
    reader's own parameters in its place, and the command gets what the reader returns.
    """

    def add(command: Callable[..., None]) -> Callable[..., None]:
        taken = {name: inspect.signature(reader).parameters for name, reader in readers.items()}

        @functools.wraps(command)
        def whole(**given: Any) -> None:  # noqa: ANN401 - what the options hold
            for name, reader in readers.items():
                given[name] = reader(**{each: given.pop(each) for each in taken[name]})
            command(**given)

        def parameters() -> Iterator[inspect.Parameter]:
            for name, parameter in inspect.signature(command).parameters.items():
                yield from taken[name].values() if name in taken else (parameter,)

        options = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters()]
        vars(whole)["__signature__"] = inspect.Signature(options)
        whole.__annotations__ = {each.name: each.annotation for each in options}
        return whole

    return add
