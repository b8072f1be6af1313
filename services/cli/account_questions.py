"""Asks the program that knows WattTime's accounts; a password goes to it through a pipe."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

import typer

from services.cli.command_group import one_line
from shared.errors import CarbonAwareError, SourceUnreachable

PROGRAM = "services.intensity_publisher.account"
ANSWER_SECONDS = 120.0
"""Longer than the program itself goes on trying."""
SHORTEST_PASSWORD = 8
"""WattTime refuses shorter ones; and so short a text may be a part of any message."""

Answer = Mapping[str, object]


class QuestionFailed(CarbonAwareError):
    """The program ended with an error; its line and its exit code are ours."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def ask(
    words: Sequence[str],
    environ: Mapping[str, str],
    url: str | None = None,
    password: str | None = None,
) -> Answer:
    """One question; the answer is the program's JSON object.

    Raises:
        QuestionFailed: the program said why not.
        SourceUnreachable: it said nothing in time.
    """
    told = {"WATTTIME_URL": url} if url else {}
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM, *words],
            env={**environ, **told, "PYTHONIOENCODING": "utf-8"},
            input="" if password is None else f"{password}\n",
            capture_output=True,
            encoding="utf-8",
            timeout=ANSWER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SourceUnreachable(
            f"no answer from WattTime within {ANSWER_SECONDS:.0f} s; try again later"
        ) from None
    said, complaint = _without(password, done.stdout), _without(password, done.stderr)
    if done.returncode != 0:
        raise QuestionFailed(_last_line(complaint), _exit_code(done.returncode))
    return _read(said)


def ask_password(stdin: TextIO, prompt: Callable[..., str] = typer.prompt) -> str:
    """Asked twice and not shown on a terminal, else one line of standard input.

    Raises:
        typer.BadParameter: there is none.
    """
    if stdin.isatty():
        return prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    password = stdin.readline().rstrip("\r\n")
    if not password:
        raise typer.BadParameter("write it to standard input", param_hint="password")
    return password


def _read(text: str) -> Answer:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise QuestionFailed(f"{PROGRAM} gave no answer", 1)
    return answer


def _without(password: str | None, text: str) -> str:
    """The text, should a server repeat the password in what it says."""
    if password is None or len(password) < SHORTEST_PASSWORD:
        return text
    return text.replace(password, "***")


def _last_line(text: str) -> str:
    lines = [one_line(line) for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"{PROGRAM} failed without a word"


def _exit_code(returned: int) -> int:
    return returned if returned > 0 else 128 - returned
