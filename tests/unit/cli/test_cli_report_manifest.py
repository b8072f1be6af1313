"""The Impact Framework's own arithmetic on the manifest, against the report's numbers.

The four functions are the plugins of `@grnsft/if` 1.1.0 as its documentation and source give
them: Multiply, SciEmbodied (Cloud Carbon Footprint's rule), Sum and Sci.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest

LATER = ("--until", "2999-01-01T00:00:00Z")
Values = dict[str, Any]


def multiply(given: Values, config: Values) -> Values:
    product = math.prod(given[name] for name in config["input-parameters"])
    return given | {config["output-parameter"]: product}


def sum_of(given: Values, config: Values) -> Values:
    return given | {
        config["output-parameter"]: sum(given[name] for name in config["input-parameters"])
    }


def sci_embodied(given: Values, config: Values) -> Values:
    cpus = (given.get("vCPUs", 1) - config.get("baseline-vcpus", 1)) * 100_000
    memory_gb = given.get("memory", 16) - config.get("baseline-memory", 16)
    memory = memory_gb * 533 / 384 * config.get("baseline-memory", 16) / 16 * 1000
    total = config.get("baseline-emissions", 1_000_000) + cpus + memory
    seconds = given.get("time") or given["duration"]
    share = given.get("usage-ratio", 1) * seconds / config.get("lifespan", 126_144_000)
    return given | {config.get("output-parameter", "embodied-carbon"): total * share}


def sci(given: Values, config: Values) -> Values:
    assert given["duration"] >= 1
    assert given["carbon"] >= 0
    return given | {"sci": given["carbon"] / given[config["functional-unit"]]}


PLUGINS = {"Multiply": multiply, "Sum": sum_of, "SciEmbodied": sci_embodied, "Sci": sci}


def if_run(manifest: Values) -> dict[str, dict[str, Values]]:
    """The outputs of each component, by branch and name."""
    plugins = manifest["initialize"]["plugins"]

    def component(node: Values) -> Values:
        (values,) = node["inputs"]
        for name in node["pipeline"]["compute"]:
            assert plugins[name]["path"] == "builtin"
            values = PLUGINS[plugins[name]["method"]](values, plugins[name]["config"])
        return dict(values)

    return {
        branch: {name: component(node) for name, node in kind["children"].items()}
        for branch, kind in manifest["tree"]["children"].items()
    }


def written(cli: Any, *more: str) -> tuple[Values, Values]:
    """The manifest and the report of one run."""
    done = cli("report", "--json", "--impact-framework", "manifest.yaml", *LATER, *more)
    assert done.exit_code == 0, done.output
    first, rest = Path("manifest.yaml").read_text(encoding="utf-8").split("\n", 1)
    assert first.startswith("# Impact Framework")
    return json.loads(rest), json.loads(done.stdout)


@pytest.mark.parametrize("by", ["type", "day"])
def test_the_framework_finds_the_numbers_of_the_report(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", "1347.5")
    monkeypatch.setenv("SERVER_LIFETIME_YEARS", "5")
    monkeypatch.setenv("JOBS_PER_SERVER", "12")
    manifest, _ = written(cli, "--by", by)
    _, report = written(cli)
    (kind,) = report["kinds"]
    outputs = if_run(manifest)["simulated-marginal"]
    assert set(outputs) == {row["type"] for row in kind["rows"]}
    for row in kind["rows"]:
        found = outputs[row["type"]]
        assert found["carbon-operational"] == pytest.approx(row["emissions_g"], rel=1e-9)
        assert found["carbon-embodied"] / found["jobs"] == pytest.approx(
            row["sci_embodied_g_per_job"], rel=1e-9
        )
        assert found["sci"] == pytest.approx(row["sci_g_per_job"], rel=1e-9)


def test_savings_are_never_inside(
    cli: Any, filled_ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_KG_PER_SERVER", "1000")
    manifest, report = written(cli)
    avoided = report["kinds"][0]["rows"][1]["avoided_g"]
    assert avoided > 0
    said = json.dumps(manifest["tree"])
    assert "avoided" not in said
    assert f"{avoided}" not in said


def test_without_the_embodied_share_there_is_no_sci(cli: Any, filled_ledger: str) -> None:
    manifest, report = written(cli)
    assert set(manifest["initialize"]["plugins"]) == {"operational"}
    assert "only operational carbon" in manifest["description"]
    for row in report["kinds"][0]["rows"]:
        found = if_run(manifest)["simulated-marginal"][row["type"]]
        assert found["carbon-operational"] == pytest.approx(row["emissions_g"], rel=1e-9)
        assert "sci" not in found


def test_a_report_of_nothing_is_a_manifest_of_nothing(cli: Any, filled_ledger: str) -> None:
    manifest, _ = written(cli, "--since", "2998-01-01")
    assert manifest["tree"] == {"children": {}}
