"""How the account program is asked: what it is told, and what becomes of its answers."""

import json
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import Result

from services.cli import account_questions
from services.cli.account_questions import ask_password

Cli = Callable[..., Result]
SECRET = "Rain-and-snow-2"


def register(cli: Cli, *options: str) -> Result:
    words = ("--username", "eve", "--email", "eve@example.org", *options)
    return cli("watttime", "register", *words, input=f"{SECRET}\n")


def test_on_a_terminal_the_password_is_asked_twice_and_not_shown() -> None:
    asked: list[tuple[str, dict[str, Any]]] = []

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    def prompt(text: str, **options: Any) -> str:
        asked.append((text, options))
        return "typed-in-1"

    assert ask_password(Terminal("never read\n"), prompt) == "typed-in-1"
    assert asked == [("Password", {"hide_input": True, "confirmation_prompt": True, "err": True})]


def test_a_line_from_a_pipe_keeps_its_spaces() -> None:
    assert ask_password(StringIO(" a b c 1! \r\nmore\n")) == " a b c 1! "
    with pytest.raises(typer.BadParameter):
        ask_password(StringIO(""))


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Replace the program: `answered(code, stdout, stderr)`; gives what it was told."""

    def answer(code: int, stdout: str = "", stderr: str = "") -> list[Any]:
        calls: list[Any] = []

        def run(argv: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
            calls.append((argv, options))
            return subprocess.CompletedProcess(argv, code, stdout, stderr)

        monkeypatch.setattr(account_questions.subprocess, "run", run)
        return calls

    return answer


def test_the_password_goes_through_a_pipe_alone(
    cli: Cli, empty_folder: Path, answered: Callable[..., list[Any]]
) -> None:
    calls = answered(0, '{"username": "eve", "said": "hi Rain-and-snow-2"}')
    result = register(cli, "--json")
    ((argv, options),) = calls
    assert options["input"] == f"{SECRET}\n"
    assert SECRET not in " ".join(argv)
    assert SECRET not in " ".join(options["env"].values())
    assert json.loads(result.stdout) == {"username": "eve", "said": "hi ***"}


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "ours", "said"),
    [
        (69, "", "a log line\nerror: it is down\n", 69, "it is down"),
        (1, "", "Traceback\n  File x\nKeyError: 'Rain-and-snow-2'\n", 1, "KeyError: '***'"),
        (-15, "", "", 143, f"{account_questions.PROGRAM} failed without a word"),
        (0, "no json", "", 1, f"{account_questions.PROGRAM} gave no answer"),
        (0, "[]", "", 1, f"{account_questions.PROGRAM} gave no answer"),
    ],
)
def test_whatever_goes_wrong_is_one_line(
    cli: Cli,
    empty_folder: Path,
    answered: Callable[..., list[Any]],
    code: int,
    stdout: str,
    stderr: str,
    ours: int,
    said: str,
) -> None:
    answered(code, stdout, stderr)
    result = register(cli)
    assert (result.exit_code, result.stdout) == (ours, "")
    assert result.stderr == f"error: {said}\n"


def test_a_program_that_hangs_is_exit_69(
    cli: Cli, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_questions, "ANSWER_SECONDS", 0.001)
    result = cli("watttime", "access")
    assert result.exit_code == 69
    assert result.stderr.startswith("error: no answer from WattTime within")
