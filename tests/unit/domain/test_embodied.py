"""The embodied share of jobs: the specification's product, and the page's example."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.embodied import Server
from shared.domain.savings import sci_g_per_job

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "method.md").read_text(encoding="utf-8")
SOME = st.floats(0.01, 1e5)


def test_the_pages_example_is_computed_again() -> None:
    (kg, years, jobs) = (
        float(re.findall(rf"{name}=(\d+)", PAGE)[0])
        for name in ("EMBODIED_KG_PER_SERVER", "SERVER_LIFETIME_YEARS", "JOBS_PER_SERVER")
    )
    (said,) = re.findall(r"a job of one hour an embodied share of ([\d.]+) g", PAGE)
    assert f"{Server(kg, years, jobs).embodied_g(3600):.3f}" == said


def test_a_whole_life_of_a_whole_server_is_all_of_it() -> None:
    server = Server(1000)
    assert server.lifetime_seconds == 126_144_000
    assert server.embodied_g(server.lifetime_seconds) == 1_000_000


@given(SOME, SOME, st.floats(1, 1000), st.lists(SOME, min_size=1, max_size=5))
def test_jobs_that_fill_a_server_share_it_without_rest(
    kg: float, years: float, jobs: float, run_seconds: list[float]
) -> None:
    server = Server(kg, years, jobs)
    one_by_one = sum(server.embodied_g(seconds) for seconds in run_seconds)
    assert server.embodied_g(sum(run_seconds)) == pytest.approx(one_by_one)
    assert server.embodied_g(3600) * jobs == pytest.approx(Server(kg, years).embodied_g(3600))


def test_sci_is_the_operational_part_and_the_embodied_one_per_job() -> None:
    embodied = Server(1000, 4, 16).embodied_g(7200)
    assert sci_g_per_job(1.5, 200, embodied, 2) == pytest.approx(150 + embodied / 2)
