"""Where the broker is, and the ledger if there is one to ask; read only when a user asks."""

from typing import TypedDict

from shared.settings import BrokerSettings, LedgerAddress


class ClientOptions(TypedDict):
    """What a client is made with."""

    amqp_url: str
    namespace: str
    ledger_url: str | None


class ClientSettings(BrokerSettings, LedgerAddress):
    """What `from_environment` reads: AMQP_URL and NAMESPACE, and LEDGER_URL if it is set."""

    def options(self) -> ClientOptions:
        """What was set, as a client's arguments.

        The ledger's address only if somebody set it: the default is a guess about this machine.
        """
        known = "ledger_url" in self.model_fields_set
        return {
            "amqp_url": self.amqp_url,
            "namespace": self.namespace,
            "ledger_url": self.ledger_url if known else None,
        }
