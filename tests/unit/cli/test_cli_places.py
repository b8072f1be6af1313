from pathlib import Path

import pytest

from services.cli.endpoints import Endpoints
from services.cli.settings import find_places
from shared.errors import ConfigurationError

RUNNING = Endpoints("amqp://guest:guest@127.0.0.1:1111/", "sqlite:////there/ledger.db")


def test_without_anything_the_usual_places(empty_folder: Path) -> None:
    places = find_places()
    assert places.amqp_url == "amqp://guest:guest@127.0.0.1:5672/"
    assert places.ledger_url == "sqlite:///.carbon-aware/ledger.db"
    assert (places.origin, places.endpoints) == ("the defaults", None)


def test_a_running_up_tells_where_it_is(empty_folder: Path) -> None:
    folder = empty_folder / "data"
    folder.mkdir()
    RUNNING.write(folder)
    places = find_places(folder)
    assert (places.amqp_url, places.ledger_url) == (RUNNING.amqp_url, RUNNING.ledger_url)
    assert places.endpoints is not None
    assert "up" in places.origin


def test_after_an_up_its_ledger_is_still_read(empty_folder: Path) -> None:
    assert find_places(Path("data")).ledger_url == "sqlite:///data/ledger.db"


def test_the_environment_comes_first_and_env_files_count(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / ".carbon-aware").mkdir()
    RUNNING.write(empty_folder / ".carbon-aware")
    monkeypatch.setenv("AMQP_URL", "amqps://elsewhere/")
    places = find_places()
    assert (places.amqp_url, places.ledger_url) == ("amqps://elsewhere/", RUNNING.ledger_url)
    assert places.endpoints is None  # they describe another broker
    (empty_folder / ".env").write_text("LEDGER_URL=sqlite:///other.db\n")
    assert find_places().ledger_url == "sqlite:///other.db"
    assert find_places().origin == "the environment"


@pytest.mark.parametrize("url", ["x:y", "http://host/", "amqp://", "nonsense"])
def test_what_is_no_address_of_a_broker(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("AMQP_URL", url)
    with pytest.raises(ConfigurationError, match="amqp://user:password@host"):
        find_places()
