"""What all tests of the sources share."""

import pytest
import stamina


@pytest.fixture
def no_waiting():
    """Six tries without pauses between them."""
    with stamina.set_testing(True, attempts=6):
        yield
