"""The one step that needs the right to create things: the ledger's tables and the queues."""

from sqlalchemy.engine import make_url

from services.cli.process_plan import PlanFacts
from services.cli.settings import CliSettings
from shared.broker.connection import connect, without_password
from shared.broker.topology import Topology, declare
from shared.ledger.readers import let_read
from shared.ledger.schema import HEAD, migrate


async def set_up(settings: CliSettings, amqp_url: str, ledger_url: str) -> list[str]:
    """Bring the ledger's tables up to date and declare everything on the broker.

    Returns:
        What there is now, in words.
    """
    migrate(ledger_url)
    if settings.ledger_reader_url:
        let_read(ledger_url, settings.ledger_reader_url)
    ledger = make_url(ledger_url).render_as_string(hide_password=True)
    topology = Topology(settings.regions, settings.wheel_slots, settings.namespace)
    connection = await connect(amqp_url, "carbon-aware setup")
    async with connection:
        await declare(connection, topology)
    prefix = f" with the prefix {topology.namespace}" if topology.namespace else ""
    declared = f"{len(topology.exchanges())} exchanges and {len(topology.queues())} queues"
    return [
        f"ledger: tables of version {HEAD} in {ledger}",
        f"broker: {declared}{prefix} on {without_password(amqp_url)}",
    ]


async def set_up_local(facts: PlanFacts) -> None:
    """The same for what `up` is about to run."""
    await set_up(CliSettings.load(), facts.amqp_url, facts.ledger_url)
