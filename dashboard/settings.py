"""Settings of the dashboard."""

from pydantic import Field

from shared.settings import JobsSettings, LedgerAddress, ServerSettings


class DashboardSettings(JobsSettings, LedgerAddress, ServerSettings):
    """What the dashboard reads from the environment.

    It foresees decisions by what a submission gets by default, so it reads those settings of the
    scheduler too. The server is that of the reports which it gives away.
    """

    dashboard_actions: bool = Field(
        False, description="whether the dashboard may submit, cancel, run now and replay jobs"
    )

    def secured(self, url: str) -> str:
        """The broker's address with the files of TLS; without actions it is not used at all.

        Raises:
            ValueError: it is used, and they do not go together.
        """
        return super().secured(url) if self.dashboard_actions else url
