"""Where the broker is, and the ledger if there is one to ask; read only when a user asks."""

from shared.settings import BrokerSettings, LedgerAddress


class ClientSettings(BrokerSettings, LedgerAddress):
    """What `from_environment` reads: AMQP_URL and NAMESPACE, and LEDGER_URL if it is set."""

    def known_ledger_url(self) -> str | None:
        """The ledger's address if somebody set it; the default is a guess about this machine."""
        return self.ledger_url if "ledger_url" in self.model_fields_set else None
