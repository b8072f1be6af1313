"""Which renewals come late."""

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

from dashboard.renewals import is_late


def test_a_renewal_of_a_page_that_was_left_is_late() -> None:
    asked = RerunData(page_script_hash="old", fragment_id_queue=["f"], is_auto_rerun=True)
    assert is_late(asked, "new")


@pytest.mark.parametrize(
    "asked",
    [
        RerunData(page_script_hash="new", fragment_id_queue=["f"], is_auto_rerun=True),
        RerunData(page_script_hash="old", fragment_id_queue=["f"]),  # somebody clicked
        RerunData(page_script_hash="old"),  # somebody goes back
        RerunData(page_script_hash="old", is_auto_rerun=True),  # together with a renewal
    ],
)
def test_nothing_else_is(asked: RerunData) -> None:
    assert not is_late(asked, "new")
