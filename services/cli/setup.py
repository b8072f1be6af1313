"""`carbon-aware setup`: the one step that needs the right to create things."""

from sqlalchemy.engine import make_url

from services.cli.broker_session import connected, topology_of
from services.cli.settings import Places
from shared.broker.connection import without_password
from shared.broker.topology import declare
from shared.ledger.schema import HEAD, migrate


async def set_up_places(places: Places) -> list[str]:
    """Bring the ledger's tables up to date and declare everything on the broker.

    Returns:
        What there is now, in words.
    """
    migrate(places.ledger_url)
    ledger = make_url(places.ledger_url).render_as_string(hide_password=True)
    topology = topology_of(places)
    async with connected(places, "setup") as connection:
        await declare(connection, topology)
    prefix = f" with the prefix {topology.namespace}" if topology.namespace else ""
    declared = f"{len(topology.exchanges())} exchanges and {len(topology.queues())} queues"
    return [
        f"ledger: tables of version {HEAD} in {ledger}",
        f"broker: {declared}{prefix} on {without_password(places.amqp_url)}",
    ]
