from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from services.cli.broker_choice import LOCAL_URL, Broker, Tools, ensure_broker
from services.cli.rabbitmq_install import Installer
from shared.errors import BrokerUnreachable

PRIVATE_URL = "amqp://u:p@127.0.0.1:20001/"
SERVER = Path("/opt/rabbitmq-server")


class World:
    """A machine on which things are there or not; keeps what was done to it."""

    def __init__(
        self,
        *,
        answering: tuple[str, ...] = (),
        server: Path | None = None,
        manager: str | None = "sudo apt-get install rabbitmq-server",
    ) -> None:
        self.answering = answering
        self.server = server
        self.manager = manager
        self.done: list[str] = []
        self.said: list[str] = []

    async def login_failure(self, url: str) -> str | None:
        return None if url in self.answering else "refused"

    async def start_private(self, folder: Path, server: Path, _: Mapping[str, str]) -> Any:
        self.done.append(f"start {server} in {folder.name}")
        return SimpleNamespace(amqp_url=PRIVATE_URL)

    def install(self, installer: Installer, _: Path) -> Path:
        self.done.append(f"install: {installer.command}")
        return SERVER

    async def choose(self, amqp_url: str | None = None, *, no_install: bool = False) -> Broker:
        manager = self.manager
        tools = Tools(
            login_failure=self.login_failure,
            find_server=lambda: self.server,
            find_installer=lambda: None if manager is None else Installer(manager, ()),
            install=self.install,
            start_private=self.start_private,
        )
        return await ensure_broker(
            Path("data"), amqp_url, {}, say=self.said.append, no_install=no_install, tools=tools
        )


async def test_a_given_address_comes_first() -> None:
    world = World(answering=("amqp://elsewhere/", LOCAL_URL), server=SERVER)
    broker = await world.choose("amqp://elsewhere/")
    assert (broker.amqp_url, broker.node, world.done) == ("amqp://elsewhere/", None, [])


async def test_a_given_address_that_does_not_answer_is_an_error_and_not_a_reason_to_guess() -> None:
    world = World(answering=(LOCAL_URL,), server=SERVER)
    with pytest.raises(BrokerUnreachable) as raised:
        await world.choose("amqp://me:secret@elsewhere:5672/")
    assert raised.value.exit_code == 69
    assert "elsewhere:5672" in str(raised.value)
    assert "refused" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert world.done == []


async def test_then_one_that_runs_on_this_machine() -> None:
    world = World(answering=(LOCAL_URL,), server=SERVER)
    assert (await world.choose()).amqp_url == LOCAL_URL
    assert world.done == []


async def test_then_a_private_node_of_the_installed_server() -> None:
    world = World(server=SERVER)
    assert (await world.choose()).amqp_url == PRIVATE_URL
    assert world.done == [f"start {SERVER} in rabbitmq"]


async def test_else_it_is_installed_after_one_line_that_says_so() -> None:
    world = World()
    assert (await world.choose()).amqp_url == PRIVATE_URL
    assert world.done == [f"install: {world.manager}", f"start {SERVER} in rabbitmq"]
    assert [line for line in world.said if str(world.manager) in line] == world.said[:1]


async def test_no_install_only_prints_the_command() -> None:
    world = World()
    with pytest.raises(BrokerUnreachable, match="sudo apt-get install rabbitmq-server") as raised:
        await world.choose(no_install=True)
    assert raised.value.exit_code == 69
    assert world.done == []


async def test_no_known_package_manager_is_said() -> None:
    with pytest.raises(BrokerUnreachable, match="set AMQP_URL"):
        await World(manager=None).choose()
