"""What every service exports parses, and its names keep Prometheus' rules."""

import re
import runpy
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

SERVICES = runpy.run_path(str(Path(__file__).parent / "services.py"))["SERVICES"]
UNITS = ("seconds", "joules", "grams", "grams_per_kwh", "timestamp_seconds")
NOT_BASE_UNITS = ("milliseconds", "minutes", "hours", "kwh", "kilowatt", "kilograms", "percent")
COUNTED = {
    "carbonq_queue_messages",
    "carbonq_workers",
    "carbonq_worker_limit",
    "carbonq_worker_base",
    "carbonq_worker_held_jobs",
    "carbonq_pool_consumers",
}
"""Gauges that count things, which have no unit."""
FLAGS = {
    "carbonq_intensity_freshness",
    "carbonq_grid_band",
    "carbonq_scheduler_leader",
    "carbonq_broker_connected",
    "carbonq_publisher_blocked",
}
"""Gauges that are 1 or 0."""


def families(registry: CollectorRegistry) -> list[Metric]:
    """As Prometheus reads them."""
    text = generate_latest(registry).decode()
    return [each for each in text_string_to_metric_families(text) if not made_by_client(each)]


def made_by_client(family: Metric) -> bool:
    """`..._created`: when a counter began."""
    return family.name.endswith("_created")


def complaints(family: Metric) -> list[str]:
    """What `promtool check metrics` complains about, and the product's own rules."""
    name, kind = family.name, family.type
    plain = name.replace("grams_per_kwh", "grams_per_unit")
    labels = {label for sample in family.samples for label in sample.labels}
    plain_gauge = kind == "gauge" and name not in COUNTED | FLAGS
    totals = all(sample.name.endswith("_total") for sample in family.samples)
    wrong = {
        "not carbonq_ and words": not re.fullmatch(r"carbonq_[a-z]+(_[a-z]+)*", name),
        "no help text": not family.documentation,
        "not in base units": any(f"_{unit}" in plain for unit in NOT_BASE_UNITS),
        "a counter without _total": kind == "counter" and not totals,
        "a gauge with _total": kind == "gauge" and name.endswith("_total"),
        "a histogram without a unit": kind == "histogram" and not name.endswith("_seconds"),
        "a gauge with neither unit nor meaning": plain_gauge and not name.endswith(UNITS),
        "a label for every job": labels & {"job_id", "id", "message_id"},
        "a label of Prometheus' own": labels & {"job", "instance"},
    }
    return [text for text, found in wrong.items() if found]


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_exports_keeps_the_rules(service):
    found = families(SERVICES[service]())
    assert found
    assert {each.name: complaints(each) for each in found if complaints(each)} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_no_family_is_without_a_sample(service):
    assert [each.name for each in families(SERVICES[service]()) if not each.samples] == []


@pytest.mark.parametrize(
    "name", ["carbonq_wait_milliseconds", "carbonq_jobs_total", "jobs", "carbonq_queue_depth"]
)
def test_a_bad_name_is_complained_about(name):
    registry = CollectorRegistry()
    Gauge(name, "Help", registry=registry).set(1)
    assert complaints(*families(registry))


def test_a_label_for_every_job_is_complained_about():
    registry = CollectorRegistry()
    Gauge("carbonq_age_seconds", "Help", ("job_id",), registry=registry).labels("1").set(1)
    assert complaints(*families(registry))
