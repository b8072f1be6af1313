"""Who only reads the ledger has a login that changes nothing, in a database from before too."""

import json

import pytest

READER = "carbon_aware_reader"
AS_BEFORE = """
for owner in dashboard operator; do
    rm -f /secrets/$owner/ledger_url
    cp /secrets/ledger/ledger_url /secrets/$owner/ledger_url
done
rm -f /secrets/setup/ledger_reader_url /secrets/postgres/reader_password
"""
"""When everybody had the login of the database's owner."""

pytestmark = [pytest.mark.compose, pytest.mark.timeout(600)]


def by_the_ledgers_login(project, *arguments):
    run = ("run", "--rm", "-T", "--no-deps", "ledger", "carbon-aware", "ledger", *arguments)
    return json.loads(project.compose(*run).stdout)


def test_the_command_line_reads_and_changes_nothing(project):
    assert "jobs" in json.loads(project.cli("status", "--json").stdout)
    for what in (("vacuum",), ("prune", "--older-than", "90d", "--yes")):
        refused = project.cli("ledger", *what, check=False)
        assert refused.returncode == 69
        assert f"{READER} may only read the ledger" in refused.stderr


def test_the_ledgers_login_deletes_and_tidies(project):
    assert by_the_ledgers_login(project, "vacuum", "--json")["after_bytes"] > 0
    assert "deleted" in by_the_ledgers_login(
        project, "prune", "--older-than", "90d", "--yes", "--json"
    )


def test_a_deployment_from_before_gets_the_reader_when_it_is_started(project):
    make = ("run", "--rm", "-T", "--no-deps", "credentials", "sh", "-ec", AS_BEFORE)
    project.compose(*make)
    gone = f"DROP OWNED BY {READER}; DROP ROLE {READER}"
    script = (
        "import psycopg, pathlib\n"
        "url = pathlib.Path('/run/credentials/ledger_url').read_text()\n"
        f"psycopg.connect(url, autocommit=True).execute('{gone}')"
    )
    project.compose("exec", "-T", "ledger", "python", "-c", script)
    project.compose("up", "-d", "--wait")
    assert "jobs" in json.loads(project.cli("status", "--json").stdout)
    refused = project.cli("ledger", "vacuum", check=False)
    assert f"{READER} may only read the ledger" in refused.stderr
