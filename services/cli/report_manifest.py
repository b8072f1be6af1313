"""A report as a manifest of the Green Software Foundation's Impact Framework.

`if-run --manifest FILE` (`@grnsft/if` 1.1) computes the SCI of each job type again from the
report's energy and intensity: carbon-operational = energy x grid/carbon-intensity (Multiply),
carbon-embodied (SciEmbodied), carbon (Sum), sci = carbon / jobs (Sci). Nothing is added up across
types or kinds: a manifest's aggregation would sum marginal and average figures, real and simulated.
"""

import json
from collections.abc import Iterator
from typing import Any

from shared.domain.embodied import Server
from shared.ledger.reads.report_rows import KindReport
from shared.report.data import Figures, Report, kind_words, span
from shared.report.pruned import uncounted_line
from shared.report.words import sentence

_FIRST_LINE = "# Impact Framework (@grnsft/if 1.1): if-run --manifest THIS_FILE\n"
_LEAST_SECONDS = 1e-6
"""The framework takes no time of 0; the ledger knows none shorter than this."""


def manifest_text(report: Report) -> str:
    """The manifest as YAML, of which JSON is a part: no text in it can be read as anything else."""
    return _FIRST_LINE + json.dumps(manifest(report), indent=2, ensure_ascii=False) + "\n"


def manifest(report: Report) -> dict[str, Any]:
    """The manifest: a branch for each kind, in it a component for each job type."""
    kinds = {_branch(kind): _kind(report, kind) for kind in report.kinds if kind.total.known_jobs}
    return {
        "name": "carbon-aware-jobs",
        "description": " ".join(_about(report)),
        "tags": {"kind": "report", "category": "jobs"},
        "initialize": {"plugins": _plugins(report.asked.server)},
        "tree": {"children": kinds},
    }


def _about(report: Report) -> Iterator[str]:
    """What the manifest holds and what it does not, a sentence each."""
    yield f"{span(report.asked)}. Avoided emissions are no part of SCI and not in it."
    if report.asked.server is None:
        yield "The embodied share is unknown, and so is SCI: only operational carbon is here."
    elif any(figures.pruned_jobs for kind in report.kinds for figures in report.types(kind)):
        yield (
            "Where jobs of a type were pruned, how long they ran is unknown, and so is SCI: only "
            "their operational carbon is here."
        )
    for missing in report.pruned.uncounted:
        yield sentence(uncounted_line(missing))


def _plugins(server: Server | None) -> dict[str, Any]:
    def plugin(method: str, **config: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON values
        written = {name.replace("_", "-"): value for name, value in config.items()}
        return {"path": "builtin", "method": method, "config": written}

    plugins = {
        "operational": plugin(
            "Multiply",
            input_parameters=["energy", "grid/carbon-intensity"],
            output_parameter="carbon-operational",
        )
    }
    if server is None:
        return plugins
    return plugins | {
        "embodied": plugin(
            "SciEmbodied",
            baseline_emissions=server.embodied_total_g,
            lifespan=server.lifetime_seconds,
            output_parameter="carbon-embodied",
        ),
        "carbon": plugin(
            "Sum",
            input_parameters=["carbon-operational", "carbon-embodied"],
            output_parameter="carbon",
        ),
        "sci": plugin("Sci", functional_unit="jobs"),
    }


def _branch(kind: KindReport) -> str:
    return kind_words(kind).replace(" intensity", "").replace(", ", "-")


def _kind(report: Report, kind: KindReport) -> dict[str, Any]:
    known = (figures for figures in report.types(kind) if figures.row.known_jobs)
    return {"children": {figures.row.group: _component(report, figures) for figures in known}}


def _component(report: Report, figures: Figures) -> dict[str, Any]:
    server = None if figures.run_seconds is None else report.asked.server
    return {
        "pipeline": {"compute": list(_plugins(server))},
        "inputs": [dict(_input(report, figures))],
    }


def _input(report: Report, figures: Figures) -> Iterator[tuple[str, Any]]:
    """One observation: all the known jobs of a type, over the time of the report."""
    asked, row = report.asked, figures.row
    energy_kwh, emissions_g = row.energy_kwh or 0.0, row.emissions_g or 0.0
    yield "timestamp", asked.since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    yield "duration", max(1.0, (asked.until - asked.since).total_seconds())
    yield "energy", energy_kwh
    yield "grid/carbon-intensity", emissions_g / energy_kwh if energy_kwh else 0.0
    yield "jobs", row.known_jobs
    if asked.server is not None and figures.run_seconds is not None:
        # What SciEmbodied spreads the server's emissions by, instead of the duration.
        yield "time", max(_LEAST_SECONDS, figures.run_seconds)
        yield "usage-ratio", asked.server.share_per_job
