from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from services.cli.options import with_options

Wanted = tuple[int, str]


def wanted(
    *,
    number: Annotated[int, typer.Option("--number", help="How many.")] = 1,
    word: Annotated[str, typer.Option("--word", help="Which.")] = "a",
) -> Wanted:
    if not word:
        raise typer.BadParameter("give a word", param_hint="--word")
    return number, word


@pytest.fixture
def app() -> typer.Typer:
    made = typer.Typer(rich_markup_mode=None)

    @made.command()
    @with_options(them=wanted)
    def show(
        name: Annotated[str, typer.Argument(metavar="NAME")],
        *,
        before: Annotated[bool, typer.Option("--before")] = False,
        them: Wanted,
        after: Annotated[bool, typer.Option("--after")] = False,
    ) -> None:
        """What was read."""
        typer.echo(f"{name} {before} {them} {after}")

    return made


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["x"], "x False (1, 'a') False"),
        (["x", "--word", "b", "--after", "--number", "3"], "x False (3, 'b') True"),
    ],
)
def test_a_command_gets_what_a_reader_returns(
    app: typer.Typer, arguments: list[str], shown: str
) -> None:
    assert CliRunner().invoke(app, arguments).stdout == f"{shown}\n"


def test_the_readers_options_stand_in_the_parameters_place(app: typer.Typer) -> None:
    shown = CliRunner().invoke(app, ["--help"]).stdout
    places = [shown.index(each) for each in ("What was read.", "--before", "--number", "--word")]
    assert [*places, shown.index("--after")] == sorted([*places, shown.index("--after")])
    assert "--them" not in shown


def test_a_reader_may_refuse_its_options(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["x", "--word", ""])
    assert result.exit_code == 2
    assert "give a word" in result.stderr


def test_two_commands_with_one_reader_do_not_mix_their_options() -> None:
    both = typer.Typer()
    seen: list[tuple[str, Wanted]] = []

    @both.command()
    @with_options(them=wanted)
    def one(*, them: Wanted) -> None:
        seen.append(("one", them))

    @both.command()
    @with_options(them=wanted)
    def two(*, them: Wanted) -> None:
        seen.append(("two", them))

    for command in (["one", "--number", "1"], ["two", "--number", "2"]):
        assert CliRunner().invoke(both, command).exit_code == 0
    assert seen == [("one", (1, "a")), ("two", (2, "a"))]
