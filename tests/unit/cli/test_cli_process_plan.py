from dataclasses import replace
from pathlib import Path

from services.cli.process_plan import Emulator, PlanFacts, child_specs, process_plan

EMULATOR = Emulator(20_002, "demo", "hidden", 60, Path("/data/emulator.json"))
DEMO = PlanFacts(
    python="/venv/python",
    amqp_url="amqp://here/",
    ledger_url="sqlite:////data/ledger.db",
    demo=True,
    emulator=EMULATOR,
    dashboard_app=Path("/app.py"),
    dashboard_port=20_003,
)


def names(facts: PlanFacts) -> list[str]:
    return [spec.name for spec in child_specs(facts)]


def test_the_demo_runs_every_program_in_the_order_of_its_dependencies() -> None:
    assert names(DEMO) == [
        "watttime_emulator",
        "ledger",
        "intensity_publisher",
        "scheduler-1",
        "scheduler-2",
        "worker_pool-1",
        "worker_pool-2",
        "demo",
        "dashboard",
    ]


def test_without_the_demo_nothing_makes_up_work_or_data() -> None:
    facts = replace(DEMO, demo=False, emulator=None, dashboard_app=None, dashboard_port=None)
    assert {"watttime_emulator", "demo", "dashboard"}.isdisjoint(names(facts))
    for spec in child_specs(facts):
        assert "WATTTIME_URL" not in spec.env
        assert "SLOT_SECONDS" not in spec.env


def test_without_handlers_no_worker_is_started() -> None:
    assert not [name for name in names(replace(DEMO, workers=False)) if "worker" in name]


def test_every_program_is_told_where_broker_and_ledger_are() -> None:
    for spec in child_specs(DEMO):
        assert spec.env["AMQP_URL"] == DEMO.amqp_url
        assert spec.env["LEDGER_URL"] == DEMO.ledger_url
        assert spec.argv[:2] == (DEMO.python, "-m")


def test_the_publisher_logs_in_at_the_emulator() -> None:
    specs = {spec.name: spec for spec in child_specs(DEMO)}
    publisher, emulator = specs["intensity_publisher"].env, specs["watttime_emulator"].env
    assert publisher["WATTTIME_URL"] == f"http://127.0.0.1:{emulator['EMULATOR_PORT']}"
    assert publisher["WATTTIME_USERNAME"] == emulator["EMULATOR_USERNAME"]
    assert publisher["WATTTIME_PASSWORD"] == emulator["EMULATOR_PASSWORD"]


def test_a_point_of_grid_data_lasts_as_long_as_a_slot_of_the_demo() -> None:
    specs = {spec.name: spec for spec in child_specs(DEMO)}
    slot = float(specs["scheduler-1"].env["SLOT_SECONDS"])
    assert 300 / float(specs["watttime_emulator"].env["EMULATOR_SPEED"]) == slot


def test_the_dashboard_listens_on_loopback_and_the_rest_goes_on_without_it() -> None:
    dashboard = process_plan(DEMO)[-1]
    assert "--server.address=127.0.0.1" in dashboard.argv
    assert not dashboard.essential
    assert DEMO.dashboard_url == "http://127.0.0.1:20003"
