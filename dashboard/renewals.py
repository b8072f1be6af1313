"""Streamlit as it is, but for renewals that come after their page was left.

Parts of a page renew themselves: the browser asks for them again and again, until it hears that
another page was opened. Streamlit answers what still comes then for the page that was left, so the
browser clears the new page, and the window stays blank. Such a renewal is dropped here.
"""

from streamlit.runtime import app_session
from streamlit.runtime.scriptrunner import ScriptRunner
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData


class PromptRunner(ScriptRunner):
    """Runs what a browser asks for, but no renewal of a page that was left."""

    def _run_script(self, rerun_data: RerunData) -> None:
        if not is_late(rerun_data, self._pages_manager.current_page_script_hash):
            super()._run_script(rerun_data)


def is_late(asked: RerunData, page: str) -> bool:
    """Whether it is a renewal alone, and of another page than the one that is open."""
    renewal = asked.is_auto_rerun and bool(asked.fragment_id_queue)
    return renewal and asked.page_script_hash != page


def drop_late_ones() -> None:
    """For all visitors of this server, from now on."""
    app_session.ScriptRunner = PromptRunner  # type: ignore[attr-defined]  # no setting does it
