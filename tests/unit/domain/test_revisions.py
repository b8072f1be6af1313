"""When an account says something else than before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.revisions import COMPARED, differs, is_revised

ACCOUNT = {
    "signal": "marginal",
    "simulated": False,
    "energy_kwh": 1.0,
    "wasted_kwh": 0.0,
    "emissions_g": 250.0,
    "baseline_g": 350.0,
}


def test_an_account_is_not_revised_by_itself_or_by_rounding():
    assert set(ACCOUNT) == set(COMPARED)
    assert not is_revised(ACCOUNT, dict(ACCOUNT))
    assert not is_revised(ACCOUNT, ACCOUNT | {"emissions_g": 250.0 * (1 + 1e-12), "wasted_kwh": 0})


@pytest.mark.parametrize(
    "change",
    [
        {"emissions_g": 250.0 * (1 + 1e-8)},
        {"baseline_g": None},
        {"energy_kwh": 1.5},
        {"wasted_kwh": 0.1},
        {"simulated": True},
        {"signal": "average"},
    ],
)
def test_any_other_figure_or_kind_is_a_revision(change):
    assert is_revised(ACCOUNT, ACCOUNT | change)
    assert is_revised(ACCOUNT | change, ACCOUNT)


@given(st.none() | st.floats(allow_nan=False), st.none() | st.floats(allow_nan=False))
def test_it_is_the_same_both_ways_and_nothing_differs_from_itself(one, other):
    assert differs(one, other) == differs(other, one)
    assert not differs(one, one)
    assert differs(None, 0.0)
