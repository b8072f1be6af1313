"""What the tests of the containers share: an engine, and the deployment as it comes."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.compose.project import Project, everything


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip, with the reason, where there is no engine."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker here")
    for what in (("info",), ("compose", "version")):
        done = subprocess.run([docker, *what], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"`docker {' '.join(what)}` fails: no engine runs here")


@pytest.fixture(scope="session")
def project(engine: None) -> Iterator[Project]:
    """The deployment as it comes, for all tests of it."""
    with everything() as here:
        yield here
