"""The one set-up step: the ledger's tables and everything the broker must have."""

from shared.ledger.schema import migrate

from services.cli.process_plan import PlanFacts
from shared.broker.connection import connect
from shared.broker.topology import Topology, declare
from shared.settings import BrokerSettings


async def set_up(facts: PlanFacts) -> None:
    """Create or upgrade the tables, and declare every exchange, queue and binding."""
    migrate(facts.ledger_url)
    settings = BrokerSettings.load()
    connection = await connect(facts.amqp_url, "carbon-aware up: set-up")
    try:
        await declare(
            connection, Topology(settings.regions, settings.wheel_slots, settings.namespace)
        )
    finally:
        await connection.close()
