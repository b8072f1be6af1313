import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import Result

from services.cli.broker_checks import numbers_of
from services.cli.doctor import check_ledger
from services.cli.endpoints import Endpoints
from services.cli.findings import Finding, Mark, of_error
from services.cli.settings import CliSettings, Places
from services.cli.source_checks import check_source
from shared.domain.bands import Band
from shared.errors import BrokerUnreachable
from shared.ledger.schema import open_engine, writing
from shared.ledger.writes import record
from shared.runtime import system_clock

Cli = Callable[..., Result]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EMULATED = Endpoints("amqp://x/", "sqlite:///x", None, "http://emulator", "demo", "secret")


def places(*, account: bool = False, endpoints: Endpoints | None = None) -> Places:
    password = SecretStr("secret" if account else "")
    settings = CliSettings(watttime_username="me" if account else "", watttime_password=password)
    return Places(settings, "amqp://x/", "sqlite:///x", "the defaults", endpoints)


def examine(where: Places, status: int = 200, date: datetime | None = NOW) -> dict[str, Finding]:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"].startswith("Basic ")
        headers = {"date": format_datetime(date)} if date else {}
        return httpx.Response(status, headers=headers)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        return {found.name: found for found in check_source(where, lambda: NOW, client)}


def test_no_account_is_no_failure_but_said() -> None:
    found = examine(places())
    assert list(found) == ["credentials"]
    assert found["credentials"].mark is Mark.WARNING
    assert "WATTTIME_USERNAME" in str(found["credentials"].fix)


def test_the_emulator_is_marked() -> None:
    found = examine(places(endpoints=EMULATED))
    assert "simulated" in found["credentials"].detail
    assert found["source"].detail == "http://emulator accepts the login"


def test_an_account_that_works() -> None:
    found = examine(places(account=True, endpoints=EMULATED))
    assert found["credentials"].detail == "me"
    assert {finding.mark for finding in found.values()} == {Mark.OK}


@pytest.mark.parametrize(("status", "said"), [(403, "refuses the login"), (503, "answers 503")])
def test_a_source_that_does_not_let_us_in(status: int, said: str) -> None:
    source = examine(places(account=True), status)["source"]
    assert source.mark is Mark.FAILED
    assert said in source.detail


def test_a_source_that_does_not_answer() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with httpx.Client(transport=httpx.MockTransport(refuse)) as client:
        *_, source = check_source(places(account=True), lambda: NOW, client)
    assert source.mark is Mark.FAILED
    assert "does not answer: refused" in source.detail


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-120, "2 min ahead of"), (120, "2 min behind"), (4, "agrees"), (-4, "agrees")],
)
def test_clocks_are_compared(seconds: float, said: str) -> None:
    found = examine(places(account=True), date=NOW + timedelta(seconds=seconds))
    assert said in found["clock"].detail


def test_without_a_date_nothing_is_said_of_clocks() -> None:
    assert "clock" not in examine(places(account=True), date=None)


def of_ledger(now: datetime) -> Iterator[Finding]:
    where = Places(CliSettings(), "amqp://x/", "sqlite:///.carbon-aware/ledger.db", "")
    return check_ledger(where, now)


def test_the_ledger_tells_of_the_grid_and_of_who_is_alive(filled_ledger: str) -> None:
    found = {finding.name: finding for finding in of_ledger(system_clock())}
    assert found["ledger tables"].mark is Mark.OK
    assert found["grid"].detail.startswith("CAISO_NORTH 200 g/kWh (low), live")
    assert found["grid"].detail.endswith("simulated")
    assert found["scheduler"].detail == "1 process alive (leader)"
    assert found["worker_pool"].mark is Mark.OK
    assert found["ledger"].mark is Mark.FAILED
    assert "services.ledger" in str(found["ledger"].fix)


def test_an_old_update_is_a_warning_and_an_unknown_grid_a_failure(filled_ledger: str) -> None:
    later = {f.name: f for f in of_ledger(system_clock() + timedelta(minutes=18))}
    assert later["grid"].mark is Mark.WARNING
    assert "overdue" in later["grid"].detail
    much_later = {f.name: f for f in of_ledger(system_clock() + timedelta(hours=2))}
    assert much_later["grid"].mark is Mark.FAILED


def test_standbys_without_a_leader_are_a_warning(filled_ledger: str, story: Any) -> None:
    beat = story.beat("scheduler")
    standby = beat.model_copy(
        update={"facts": {"role": "standby"}, "at": beat.at + timedelta(seconds=1)}
    )
    engine = open_engine(filled_ledger)
    with writing(engine) as connection:
        record(connection, [standby, story.update(story.now, 1, Band.LOW)])
    engine.dispose()
    found = {finding.name: finding for finding in of_ledger(system_clock())}
    assert found["scheduler"].mark is Mark.WARNING


def test_everything_broken_is_exit_1_and_every_line_has_a_fix(
    cli: Cli, empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMQP_URL", "amqp://127.0.0.1:1/")
    result = cli("doctor")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line[:1] for line in lines] == ["✗", "!", "✗"]
    assert all("; " in line for line in lines)
    told = json.loads(cli("doctor", "--json").stdout)
    assert told["ok"] is False
    assert [check["name"] for check in told["checks"]] == ["broker", "credentials", "ledger tables"]
    assert set(told["checks"][0]) == {"name", "mark", "detail", "fix"}


def test_the_fix_of_an_error_is_its_own_if_it_has_one() -> None:
    own = of_error("x", BrokerUnreachable("gone; start it"), "look")
    assert (own.detail, own.fix) == ("gone", "start it")
    none = of_error("x", BrokerUnreachable("gone"), "look")
    assert (none.detail, none.fix) == ("gone", "look")


@pytest.mark.parametrize(
    ("version", "numbers"),
    [("3.10.8", (3, 10)), ("4.0.5+1", (4, 0)), ("", ()), ("next", ()), ("4", (4,))],
)
def test_versions(version: str, numbers: tuple[int, ...]) -> None:
    assert numbers_of(version) == numbers
