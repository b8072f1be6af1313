from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from services.cli.command_group import OneLineErrors
from shared.errors import BrokerUnreachable, CarbonAwareError, JobFailed, PublishFailed

Cli = Callable[..., Result]


def run(error: BaseException, *arguments: str) -> Result:
    app = typer.Typer(cls=OneLineErrors, pretty_exceptions_enable=False)

    @app.callback()
    def group(*, debug: bool = False) -> None:
        """A group, so that there are commands."""

    @app.command()
    def fail() -> None:
        raise error

    return CliRunner().invoke(app, [*arguments, "fail"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CarbonAwareError("it failed;\n  do this"), 1),
        (BrokerUnreachable("it failed; do this"), 69),
        (PublishFailed("it failed; do this"), 75),
        (JobFailed("it failed; do this"), 3),
    ],
)
def test_an_error_is_one_line_and_a_code(error: CarbonAwareError, code: int) -> None:
    result = run(error)
    assert result.exit_code == code
    assert (result.stdout, result.stderr) == ("", "error: it failed; do this\n")


def test_an_unexpected_error_is_one_line_too() -> None:
    result = run(RuntimeError("no\nidea"))
    assert result.exit_code == 1
    assert result.stderr.startswith("error: RuntimeError: no idea; run `carbon-aware --debug")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("error", [RuntimeError("no idea"), BrokerUnreachable("gone")])
def test_debug_lets_the_traceback_through(error: Exception) -> None:
    assert run(error, "--debug").exception is error


def test_an_interruption_is_130() -> None:
    assert run(KeyboardInterrupt()).exit_code == 130
    assert run(typer.Abort()).exit_code == 130


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'"),
        (["submit"], "Missing argument 'TYPE'"),
        (["submit", "x", "--nope"], "No such option: --nope"),
        (["submit", "x", "--priority", "urgent"], "--priority: 'urgent' is not one of"),
        (["submit", "x", "--deadline", "soon"], "--deadline: 'soon' is no deadline"),
        (["submit", "x", "--wait-timeout", "soon"], "--wait-timeout: 'soon' is no duration"),
        (["submit", "two words"], "TYPE: string should match"),
        (["up", "--for", "soon"], "--for: 'soon' is no duration"),
        (["grid", "--region", "GB", "--regions"], "--regions: it compares all"),
        (["emulate", "--plan", "gold"], "--plan: 'gold' is not one of"),
        (["watttime", "region", "--lat", "91", "--lon", "0"], "--lat: "),
        (["watttime", "register", "--username", "me"], "Missing option '--email'"),
    ],
)
def test_wrong_usage_is_one_line_and_2(
    cli: Cli, empty_folder: None, arguments: list[str], said: str
) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {said}")
    assert result.stderr.count("\n") == 1


def test_help_is_plain_names_every_command_and_the_exit_codes(cli: Cli) -> None:
    result = cli("--help")
    assert result.exit_code == 0
    commands = ("up", "submit", "status", "watch", "why", "grid", "doctor", "setup", "emulate")
    assert all(f"\n  {command} " in result.stdout for command in commands)
    assert "124" in result.stdout
    assert "╭" not in result.stdout


def test_the_version(cli: Cli) -> None:
    result = cli("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("carbon-aware 0.")


def test_no_arguments_show_the_help_and_are_wrong_usage(cli: Cli) -> None:
    result = cli()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr
