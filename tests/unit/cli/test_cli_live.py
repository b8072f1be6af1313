import io
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest
from rich.console import Console
from rich.text import Text

from services.cli.endpoints import Endpoints
from services.cli.live import views
from services.cli.live_view import draw, footer_of, take_picture
from services.cli.up import Running
from shared.domain.bands import absolute_cuts
from shared.ledger.schema import migrate, open_engine
from shared.runtime import system_clock

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUTS = absolute_cuts()


class FakeRun:
    """What the views need of a run."""

    elapsed = 42.0
    seconds = 60.0

    def __init__(self, ledger_url: str) -> None:
        self.endpoints = Endpoints("amqp://x/", ledger_url, "http://127.0.0.1:8501")


def running(ledger_url: str) -> Running:
    return cast("Running", FakeRun(ledger_url))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (60, 12), (20, 8)])
def test_the_picture_fits_the_terminal(filled_ledger: str, width: int, height: int) -> None:
    engine = open_engine(filled_ledger)
    picture = take_picture(engine, system_clock())
    engine.dispose()
    out = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    footer = footer_of("http://127.0.0.1:8501", 42.0, 60.0)
    lines = out.render_lines(draw(picture, width, height, footer), pad=False)
    assert len(lines) <= max(height, 8)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert all(len(text) <= width for text in texts)
    if width >= 80:
        assert "CAISO_NORTH  200 g/kWh   low   SIMULATED " in texts[0]
        assert "cleanest window" in texts[1]
        assert any("6/8 consumers, prefetch 2  low band: 1.5 x the base" in t for t in texts)
        assert any(text.startswith("saved +3.13 g") for text in texts)
        assert texts[-1].rstrip().endswith("up 42 s of 1 min · Ctrl-C stops everything")


def test_an_empty_ledger_can_be_drawn(empty_folder: Path) -> None:
    migrate("sqlite:///l.db")
    engine = open_engine("sqlite:///l.db")
    picture = take_picture(engine, system_clock())
    engine.dispose()
    out = Console(file=io.StringIO(), width=80, height=24)
    out.print(draw(picture, 80, 24, footer_of(None, 1.0, None)))
    text = cast("io.StringIO", out.file).getvalue()
    assert "no grid data yet" in text
    assert "pools none alive yet" in text


async def test_without_a_terminal_there_are_plain_lines_and_figures_at_the_end(
    filled_ledger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = views(system_clock)
    assert shown.live is None
    line = shown.plain_line(running(filled_ledger))
    assert line.startswith("42 s: 200 g/kWh low (simulated), 1 deferred, 0 in queue")
    assert "2 processed, +3.13 g saved, 1 worker with 6 consumers" in line
    assert shown.final_statistics is not None
    await shown.final_statistics(running(filled_ledger))
    assert "Carbon saved      +3.13 g" in capsys.readouterr().out


async def test_a_ledger_that_is_not_there_ends_nothing(
    empty_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = views(system_clock)
    assert "there is no ledger" in shown.plain_line(running("sqlite:///nowhere.db"))
    assert shown.final_statistics is not None
    await shown.final_statistics(running("sqlite:///nowhere.db"))
    assert "no statistics: there is no ledger" in capsys.readouterr().out


def test_the_footer_says_how_to_end_it() -> None:
    assert isinstance(footer_of(None, 0.0, None), Text)
    assert footer_of(None, 0.0, None).plain == "up 0 s · Ctrl-C stops everything"
