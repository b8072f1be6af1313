"""How every command ends: one line for an error, and an exit code that a script can rely on."""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer._click.exceptions import (  # typer offers no public names
    ClickException,
    NoArgsIsHelpError,
    UsageError,
)
from typer.core import TyperGroup

from shared.errors import CarbonAwareError

INTERRUPTED = 130
EXIT_CODES = (
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 the job failed (--wait), 4 not found, 69 broker or "
    "ledger unreachable, 75 temporary, 78 bad configuration, 124 wait timed out, 130 interrupted. "
    "Data goes to standard output, everything else to standard error."
)
_WRAPPING = re.compile(r"^Invalid value for '?([^':]+)'?: (?:Value error, )?")
"""What typer puts around a message about an option: the option's name is enough."""


class OneLineErrors(TyperGroup):
    """A command group whose errors are `error: cause; next step`, and tracebacks only on demand."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - the base class's signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Run, and end the process; wrong usage is one line too."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except NoArgsIsHelpError as error:
            error.show()
            code = error.exit_code
        except ClickException as error:
            if not standalone_mode:
                raise
            typer.echo(f"error: {_usage(error)}", err=True)
            code = error.exit_code
        except typer.Abort:
            code = INTERRUPTED
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's context has no public name
        """Run a command; what it raises becomes a line and a code."""
        try:
            return super().invoke(ctx)
        except CarbonAwareError as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"error: {one_line(str(error))}", err=True)
            raise typer.Exit(error.exit_code) from None
        except (ClickException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            _drop_what_cannot_be_written()
            what = one_line(str(error)) or "no details"
            line = f"error: {type(error).__name__}: {what}; run `carbon-aware --debug ...` for more"
            typer.echo(line, err=True)
            raise typer.Exit(1) from None


def one_line(text: str) -> str:
    """Text on a single line."""
    return " ".join(text.split())


def _drop_what_cannot_be_written() -> None:
    """Of what waits for a full standard output Python would complain once more at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: ClickException) -> str:
    context = error.ctx if isinstance(error, UsageError) else None
    path = context.command_path if context else "carbon-aware"
    text = _WRAPPING.sub(r"\1: ", one_line(error.format_message())).rstrip(".")
    return f"{text}; see `{path} --help`"
