"""`.env.example` and `docs/settings.md` agree with the settings classes."""

import errno
import importlib.util
import io
import os
from pathlib import Path

import pytest
from dotenv import dotenv_values

from services.intensity_publisher.settings import PublisherSettings
from services.scheduler.settings import SchedulerSettings
from services.worker_pool.settings import WorkerSettings
from shared.errors import ConfigurationError
from shared.settings import BrokerSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def make_settings():
    spec = importlib.util.spec_from_file_location(
        "make_settings", ROOT / "docs" / "make_settings.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_written_files_are_what_the_classes_say(make_settings):
    assert make_settings.main(["--check"]) == 0


def test_the_example_uncommented_gives_the_defaults(make_settings, tmp_path):
    lines = (ROOT / ".env.example").read_text().splitlines()
    path = tmp_path / ".env"
    path.write_text(
        "\n".join(line[1:] for line in lines if line.startswith("#") and line[1] != " ")
    )
    assert len(dotenv_values(path)) > 30
    for settings in (SchedulerSettings, WorkerSettings, PublisherSettings):
        assert settings(_env_file=path) == settings(_env_file=None)


def test_every_setting_says_what_it_means(make_settings):
    assert [name for _, name, _, meaning in make_settings.rows() if not meaning] == []


@pytest.mark.parametrize(
    ("variable", "value", "hint"),
    [
        ("WHEEL_SLOTS", "many", "wheel_slots"),
        ("SLOT_SECONDS", "-1", "slot_seconds"),
        ("REGIONS", " , ", "at least one grid region"),
    ],
)
def test_a_wrong_variable_is_one_line_that_names_it(monkeypatch, tmp_path, variable, value, hint):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=hint) as caught:
        BrokerSettings.load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("unreadable", ["watttime_password", ".env"])
def test_a_file_that_may_not_be_read_is_one_line_with_its_path_and_who_tried(
    monkeypatch, tmp_path, unreadable
):
    """Any user may run the tests, root too, so the refusal is made up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / unreadable).write_text("WATTTIME_USERNAME=me\n")
    refused = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / unreadable))
    opened = io.open

    def opens(file, *arguments, **options):
        if Path(str(file)).name == unreadable:
            raise refused
        return opened(file, *arguments, **options)

    monkeypatch.setattr("io.open", opens)
    monkeypatch.setattr("builtins.open", opens)
    with pytest.raises(ConfigurationError) as caught:
        PublisherSettings.load()
    assert f"{tmp_path / unreadable}: Permission denied" in str(caught.value)
    assert f"user {os.geteuid()}," in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("variable", ["BA_CODE", "WATTTIME_REGION", "REGIONS"])
def test_the_older_names_of_the_region_work(monkeypatch, tmp_path, variable):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, "PJM_DC, CAISO_NORTH")
    assert BrokerSettings.load().regions == ("PJM_DC", "CAISO_NORTH")


def test_settings_come_from_a_dotenv_file_and_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("NAMESPACE=fromfile\nSLOT_SECONDS=7\n")
    monkeypatch.setenv("NAMESPACE", "fromenvironment")
    loaded = BrokerSettings.load()
    assert (loaded.namespace, loaded.slot_seconds) == ("fromenvironment", 7.0)


def test_secrets_are_not_shown():
    settings = PublisherSettings(_env_file=None, watttime_password="hush", amqp_url="amqp://a:b@c/")
    assert "hush" not in repr(settings)
    assert "a:b" not in repr(settings)


def test_secrets_may_lie_in_several_folders(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    given, made = tmp_path / "given", tmp_path / "made"
    for folder in (given, made):
        folder.mkdir()
    monkeypatch.setenv("SECRETS_DIR", f"{given}:{tmp_path / 'absent'}:{made}")
    (given / "watttime_password").write_text("from the operator\n")
    (made / "amqp_url").write_text("amqp://publisher:p@rabbitmq/\n")
    loaded = PublisherSettings.load()
    assert loaded.watttime_password.get_secret_value() == "from the operator"
    assert loaded.amqp_url == "amqp://publisher:p@rabbitmq/"


def test_a_password_may_lie_in_a_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECRETS_DIR", str(tmp_path))
    (tmp_path / "watttime_password").write_text("from a file\n")
    assert PublisherSettings.load().watttime_password.get_secret_value() == "from a file"
    monkeypatch.setenv("WATTTIME_PASSWORD", "from the environment")
    loaded = PublisherSettings.load()
    assert loaded.watttime_password.get_secret_value() == "from the environment"
