"""What holds for the repository as a whole."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dashboard
import services
import shared

ROOT = Path(__file__).parents[3]
SOURCES = [
    path for folder in ("shared", "services", "dashboard") for path in (ROOT / folder).rglob("*.py")
]


def test_our_three_names_live_together():
    homes = {Path(module.__file__).parents[1] for module in (shared, services, dashboard)}
    assert len(homes) == 1, "another distribution brings a package of one of our names"


@pytest.mark.parametrize("folder", ["shared", "services", "dashboard"])
def test_every_folder_of_code_is_a_regular_package(folder):
    bare = {path.parent for path in (ROOT / folder).rglob("*.py")} - {
        path.parent for path in (ROOT / folder).rglob("__init__.py")
    }
    assert bare == set()


def test_nothing_happens_at_import_of_the_services():
    code = (
        "import socket, threading\n"
        "def no(*a, **k): raise AssertionError('a socket at import')\n"
        "socket.socket.connect = no\n"
        "import services.scheduler.__main__, services.worker_pool.__main__\n"
        "import services.ledger.__main__, services.intensity_publisher.__main__\n"
        "assert threading.active_count() == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_worker_carries_no_streamlit():
    code = "import sys, services.worker_pool.__main__; sys.exit('streamlit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_enough_to_read(path):
    assert len(path.read_text().splitlines()) <= 300


def test_public_functions_and_classes_say_what_they_mean():
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and node.col_offset == 0
        and ast.get_docstring(node) is None
    ]
    assert silent == []
