"""`simulate`: what it prints, and how it names what is wrong with a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.cli.command_group import OneLineErrors
from services.cli.simulate import simulate

TRACE = "time,intensity_g_per_kwh\n" + "".join(
    f"2022-01-01T{hour:02}:00:00Z,{value}\n"
    for hour, value in enumerate([500, 500, 100, 400, 50, 500])
)
JOBS = (
    "job_id,submitted_at,duration_seconds,deadline,max_band\n"
    "a,2022-01-01T00:00:00Z,3600,2022-01-01T06:00:00Z,\n"
    "b,2022-01-01T00:30:00Z,1800,2022-01-01T02:00:00+00:00,low\n"
)


@pytest.fixture
def command():
    app = typer.Typer(cls=OneLineErrors)
    app.command("simulate")(simulate)
    app.command("other")(lambda: None)
    return app


@pytest.fixture
def run(command, tmp_path):
    def invoke(*options, trace=TRACE, jobs=JOBS, forecasts=None):
        files = {"trace.csv": trace, "jobs.csv": jobs, "forecasts.csv": forecasts or ""}
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        paths = ["--intensity", str(tmp_path / "trace.csv"), "--jobs", str(tmp_path / "jobs.csv")]
        given = [str(tmp_path / o) if o == "forecasts.csv" else o for o in options]
        return CliRunner().invoke(command, ["simulate", *paths, *given])

    return invoke


def test_json_has_the_promised_fields(run):
    result = run("--policy", "run_now", "--policy", "optimal", "--forecast", "perfect", "--json")
    assert result.exit_code == 0, result.output
    policies = json.loads(result.stdout)["policies"]
    assert list(policies) == ["run_now", "optimal"]
    assert policies["run_now"] == {
        "jobs": 2,
        "emissions_g": 750.0,
        "run_now_g": 750.0,
        "avoided_g": 0.0,
        "avoided_percent": 0.0,
        "optimal_percent": pytest.approx(60.0),
        "share_of_optimal": 0.0,
        "mean_wait_seconds": 0.0,
        "p95_wait_seconds": 0.0,
        "missed_deadlines": 0,
    }


def test_all_policies_make_a_table(run):
    result = run("--capacity", "2", "--forecast", "noise:0.05:3")
    assert result.exit_code == 0, result.output
    assert "adaptive" in result.stdout
    assert "optimal" in result.stdout


def test_issued_forecasts_are_read(run):
    forecasts = (
        "generated_at,point_time,intensity_g_per_kwh\n"
        "2022-01-01T00:00:00Z,2022-01-01T01:00:00Z,500\n"
        "2022-01-01T00:00:00Z,2022-01-01T02:00:00Z,90\n"
    )
    options = ("--forecast", "forecasts.csv", "--policy", "lowest_window", "--json")
    result = run(*options, forecasts=forecasts)
    assert json.loads(result.stdout)["policies"]["lowest_window"]["emissions_g"] == 100 + 250


def test_a_file_of_forecasts_without_any_is_one_line(run):
    header = "generated_at,point_time,intensity_g_per_kwh\n"
    result = run("--forecast", "forecasts.csv", forecasts=header)
    assert result.exit_code == 2
    assert result.stderr.endswith("forecasts.csv: there is no line below the header\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_full_output_is_one_line(tmp_path, options):
    for name, text in (("trace.csv", TRACE), ("jobs.csv", JOBS)):
        (tmp_path / name).write_text(text)
    files = ["--intensity", str(tmp_path / "trace.csv"), "--jobs", str(tmp_path / "jobs.csv")]
    command = [sys.executable, "-m", "services.cli", "simulate", *files, *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: OSError: [Errno 28]")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"trace": TRACE.replace("400", "much")}, "trace.csv, line 5, column intensity"),
        ({"trace": TRACE.replace("T03", "T02")}, "trace.csv, line 5, column time"),
        ({"trace": "time\n"}, "trace.csv, line 1: there is no column intensity_g_per_kwh"),
        ({"jobs": JOBS.replace("1800", "-5")}, "jobs.csv, line 3, column duration_seconds"),
        (
            {"jobs": JOBS.replace("1800", "1e9")},
            "jobs.csv, line 3, column duration_seconds: must be",
        ),
        ({"jobs": JOBS.replace("low\n", "green\n")}, "jobs.csv, line 3, column max_band"),
        ({"jobs": JOBS.replace("b,", "a,", 1)}, "jobs.csv, line 3, column job_id"),
        ({"jobs": JOBS.replace("00:30:00Z", "00:30:00")}, "line 3, column submitted_at"),
        ({"jobs": JOBS.replace("a,2022", "a,2021")}, "line 2, column submitted_at"),
        ({"jobs": JOBS.replace("2022-01-01T06", "2021-01-01T06")}, "line 2, column deadline"),
    ],
)
def test_bad_input_is_one_line_with_file_line_and_column(run, files, where):
    result = run(**files)
    assert result.exit_code == 2
    assert where in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "options", [("--policy", "best"), ("--forecast", "noise:much:1"), ("--forecast", "crystal")]
)
def test_wrong_options_are_usage_errors(run, options):
    result = run(*options)
    assert result.exit_code == 2
    assert options[0] in result.stderr
