"""Which figure of a job's energy is believed, and the arithmetic of the counters."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.energy import (
    MOST_KWH,
    WATTS_PER_CORE,
    Energy,
    Evidence,
    best_energy,
    counter_step_uj,
    cpu_share_kwh,
    total,
)
from shared.domain.savings import EnergyMethod

MEASURED, MODELLED, DECLARED = EnergyMethod
ALL = Evidence(
    seconds=3600.0,
    recorded=(Energy(1.0, MEASURED),),
    measured_kwh=2.0,
    declared_kwh=3.0,
    handler_kwh=4.0,
    estimated_kwh=5.0,
    modelled_kwh=6.0,
    cpu_seconds=3600.0,
)
kwh = st.floats(0, 1e6)


def test_sources_are_believed_in_their_order():
    order = []
    evidence = ALL
    sources = ("recorded", "measured_kwh", "declared_kwh", "handler_kwh", "estimated_kwh")
    for spent in (*sources, "modelled_kwh"):
        order.append(best_energy(evidence))
        evidence = replace(evidence, **{spent: () if spent == "recorded" else None})
    order.append(best_energy(evidence))
    assert order == [
        Energy(1.0, MEASURED),
        Energy(2.0, MEASURED),
        Energy(3.0, DECLARED),
        Energy(4.0, DECLARED),
        Energy(5.0, MODELLED),
        Energy(6.0, MODELLED),
        Energy(pytest.approx(WATTS_PER_CORE / 1000), MODELLED),
    ]


def test_unknown_stays_unknown():
    assert best_energy(Evidence(seconds=10.0)) == Energy(None, None)
    assert best_energy(Evidence(seconds=10.0, accelerator_watts=300)) == Energy(None, None), (
        "accelerators alone are not the whole"
    )


@pytest.mark.parametrize("figure", [-1.0, 1.01 * MOST_KWH, float("inf"), float("nan")])
def test_what_no_run_can_have_used_is_unknown(figure):
    assert best_energy(Evidence(seconds=10.0, measured_kwh=figure)) == Energy(None, None)
    recorded = (Energy(figure, MEASURED), Energy(0.0, MEASURED))
    assert best_energy(Evidence(seconds=10.0, recorded=recorded)) == Energy(None, None)


def test_the_most_that_a_run_can_have_used_is_a_figure():
    assert best_energy(Evidence(seconds=10.0, declared_kwh=MOST_KWH)).energy_kwh == MOST_KWH


def test_a_zero_is_a_figure():
    assert best_energy(Evidence(seconds=0.0, declared_kwh=0.0)) == Energy(0.0, DECLARED)
    assert best_energy(Evidence(seconds=0.0, cpu_seconds=0.0)) == Energy(0.0, MODELLED)


def test_accelerators_are_added_to_what_is_known_of_the_cpus():
    beside = Evidence(seconds=3600.0, accelerator_watts=300.0, cpu_seconds=0.0)
    assert best_energy(beside) == Energy(pytest.approx(0.3), MODELLED)
    modelled = replace(beside, modelled_kwh=0.2)
    assert best_energy(modelled) == Energy(pytest.approx(0.5), MODELLED)
    measured = replace(beside, measured_kwh=0.1)
    assert best_energy(measured) == Energy(pytest.approx(0.4), MODELLED), "a part is modelled"


def test_a_core_is_reckoned_with_the_given_power():
    assert best_energy(Evidence(seconds=1, cpu_seconds=3600), 12.0).energy_kwh == pytest.approx(
        0.012
    )


@given(st.lists(st.tuples(kwh, st.sampled_from(list(EnergyMethod))), min_size=1, max_size=9))
def test_a_sum_is_known_as_well_as_its_weakest_part(parts):
    energies = [Energy(*part) for part in parts]
    added = total(energies)
    assert added.energy_kwh == pytest.approx(sum(value for value, _ in parts))
    weakest = max(list(EnergyMethod).index(method) for _, method in parts)
    assert added.method is list(EnergyMethod)[weakest]
    assert total([*energies, Energy()]) == Energy(), "one unknown part makes it unknown"


def test_the_sum_of_nothing_is_unknown():
    assert total([]) == Energy()


@given(st.integers(0, 10**12), st.data())
def test_a_counter_that_wraps_around_once_is_followed(range_uj, data):
    before = data.draw(st.integers(0, range_uj))
    step = data.draw(st.integers(0, range_uj - 1) if range_uj else st.just(0))
    after = before + step if before + step <= range_uj else before + step - range_uj
    assert counter_step_uj(before, after, range_uj) == step


@given(st.floats(0, 1e9), st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_a_share_is_never_more_than_all(joules, cpu_seconds, host_seconds):
    share = cpu_share_kwh(joules, cpu_seconds, host_seconds)
    assert 0 <= share <= joules / 3.6e6 * (1 + 1e-12)


def test_a_job_carries_its_part_of_the_cpu_time():
    assert cpu_share_kwh(3.6e6, 5.0, 20.0) == pytest.approx(0.25)
    assert cpu_share_kwh(3.6e6, 5.0, 0.0) is None, "shorter than the host's clock can tell"
