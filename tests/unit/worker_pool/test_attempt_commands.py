"""The type `command`: allowed executables alone, no shell, bounded in time and output."""

import asyncio
import stat

import psutil
import pytest

from services.worker_pool.commands import _fitting, _Tail
from services.worker_pool.registration import registered
from services.worker_pool.settings import WorkerSettings
from shared.errors import ConfigurationError
from shared.handlers import LARGEST_RESULT_BYTES, StopReason, small_json
from shared.messages import JobCancelled, JobDied, JobFailed, JobSucceeded


async def run(children, job, queued, payload, **changes):
    item = queued(job("command", **changes), payload=payload)
    await children.attempts(children.handlers).run(item, "pool", "R")
    return children.out


async def test_a_command_gives_its_exit_code_and_what_it_wrote(children, job, queued):
    out = await run(children, job, queued, {"argv": ["/bin/echo", "a b", "$HOME;ls"]})
    assert out.one(JobSucceeded).result == {
        "exit_code": 0,
        "stdout_tail": "a b $HOME;ls\n",
        "stderr_tail": "",
    }, "no shell reads the arguments"


async def test_a_command_gets_its_stdin_and_little_of_the_environment(children, job, queued):
    script = 'read line; echo "$line $JOB_COLOUR $JOB_ATTEMPT"; env | cut -d= -f1 | sort'
    payload = {"argv": ["/bin/sh", "-c", script], "stdin": "hi\n", "env": {"JOB_COLOUR": "green"}}
    result = (await run(children, job, queued, payload)).one(JobSucceeded).result
    first, *names = result["stdout_tail"].split("\n")
    assert first == "hi green 1"
    assert {"JOB_ID", "JOB_REGION", "PATH", "LANG"} <= set(names)
    assert "PYTHONPATH" not in names
    assert "AMQP_URL" not in names


async def test_an_exit_code_is_a_failure_with_the_last_lines_of_stderr(children, job, queued):
    script = "echo first >&2; echo no such table >&2; exit 3"
    out = await run(children, job, queued, {"argv": ["/bin/sh", "-c", script]})
    assert out.one(JobFailed).error == (
        "CommandError: /bin/sh ended with exit code 3: first no such table"
    )
    assert len(out.retried) == 1


@pytest.mark.parametrize("path", ["/bin/ls", "sh", "/bin/../bin/sh", "/bin/sh "])
async def test_only_the_exact_paths_are_allowed(children, job, queued, path):
    out = await run(children, job, queued, {"argv": [path]})
    assert out.one(JobDied).error == (
        f"argv: {' '.join(repr(path).split())} is not allowed here; COMMANDS has /bin/sh, /bin/echo"
    )


async def test_the_output_is_cut_to_its_tail(children, job, queued):
    script = "yes 0123456789 | head -c 1000000; echo end"
    out = await run(children, job, queued, {"argv": ["/bin/sh", "-c", script]})
    result = out.one(JobSucceeded).result
    assert result["stdout_tail"].endswith("end\n")
    assert 10_000 < len(result["stdout_tail"]) <= 64 * 1024


def test_no_more_than_the_tail_is_held_in_memory(tmp_path):
    path = tmp_path / "output"
    path.write_bytes(b"x" * 1_000_000 + b"end")
    with path.open("rb") as stream:
        tail = _Tail(stream)
        tail.thread.join(20)
    assert len(tail._kept) == 64 * 1024
    assert tail.text().endswith("xend")


async def test_a_command_past_its_limit_is_killed_with_what_it_started(
    children, job, queued, until, tmp_path
):
    pid_file = tmp_path / "pid"
    script = f"/bin/sleep 600 & echo $! > {pid_file}; wait"
    await children.processes.warm(1)
    task = asyncio.create_task(
        run(children, job, queued, {"argv": ["/bin/sh", "-c", script]}, timeout_seconds=1.5)
    )
    await until(lambda: pid_file.exists() and pid_file.read_text())
    sleeper = psutil.Process(int(pid_file.read_text()))
    out = await task
    assert out.one(JobFailed).error == "TimeoutError: it ran longer than 1.5 s"
    await until(lambda: not sleeper.is_running() or sleeper.status() == psutil.STATUS_ZOMBIE)


async def test_a_cancelled_command_is_asked_by_a_signal_that_it_can_catch(
    children, job, queued, until, tmp_path
):
    started, tidied = tmp_path / "started", tmp_path / "tidied"
    script = f"trap 'echo > {tidied}; exit 1' TERM; echo > {started}; while :; do sleep 0.01; done"
    item = queued(job("command"), payload={"argv": ["/bin/sh", "-c", script]})
    attempts = children.attempts(children.handlers)
    task = asyncio.create_task(attempts.run(item, "pool", "R"))
    await until(started.exists)
    attempts.running[item.job.id].stop.ask(StopReason.CANCEL, "ada")
    await task
    assert children.out.one(JobCancelled).by == "ada"
    assert tidied.exists()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({}, "argv: required"),
        ({"argv": []}, "argv:"),
        ({"argv": ["/bin/sh", "a\x00b"]}, "argv.1:"),
        ({"argv": ["/bin/sh"], "env": {"LD_PRELOAD": "/x.so"}}, "env.LD_PRELOAD"),
        ({"argv": ["/bin/sh"], "shell": True}, "shell: unknown field"),
    ],
)
async def test_a_wrong_payload_names_its_field(children, job, queued, payload, field):
    out = await run(children, job, queued, payload)
    assert field in out.one(JobDied).error


def test_a_result_full_of_control_characters_still_fits():
    worst = {"exit_code": 0, "stdout_tail": "\x01" * 65_536, "stderr_tail": "\x02" * 65_536}
    fitted = _fitting(worst)
    small_json(fitted, "result", LARGEST_RESULT_BYTES)
    assert fitted["stdout_tail"]
    assert fitted["stderr_tail"]


def test_commands_are_off_by_default(process_module):
    assert WorkerSettings(_env_file=None).commands == ()
    assert "command" not in registered(process_module, ())
    assert list(registered("", ["/bin/sh"])) == ["command"]


def test_a_command_has_a_time_limit_of_its_own():
    settings = WorkerSettings(_env_file=None)
    found = registered("", ["/bin/sh"], settings.command_timeout_seconds)
    assert found["command"].timeout_seconds == 3600


@pytest.mark.parametrize(
    ("asked_seconds", "limit_seconds"), [(None, 0.3), (86_400.0, 0.3), (0.2, 0.2)]
)
async def test_a_job_may_shorten_the_time_limit_of_commands_and_not_lengthen_it(
    children, job, queued, asked_seconds, limit_seconds
):
    children.handlers = registered("", ["/bin/sh"], 0.3)
    payload = {"argv": ["/bin/sh", "-c", "sleep 600"]}
    async with asyncio.timeout(60):
        out = await run(children, job, queued, payload, timeout_seconds=asked_seconds)
    assert out.one(JobFailed).error == f"TimeoutError: it ran longer than {limit_seconds} s"


def test_the_setting_is_a_list_with_commas():
    settings = WorkerSettings(_env_file=None, commands="/bin/sh, /bin/echo")
    assert settings.commands == ("/bin/sh", "/bin/echo")


def test_nothing_to_run_is_said_at_the_start():
    with pytest.raises(ConfigurationError, match="HANDLERS is not set"):
        registered("", ())


@pytest.mark.parametrize("kind", ["relative", "missing", "not executable"])
def test_a_command_that_cannot_be_run_is_said_at_the_start(tmp_path, kind):
    path = tmp_path / "tool"
    if kind == "not executable":
        path.write_text("x")
        path.chmod(stat.S_IRUSR)
    given = "bin/tool" if kind == "relative" else str(path)
    with pytest.raises(ConfigurationError, match=r"COMMANDS: .*tool"):
        registered("", [given])


def test_a_handler_of_the_same_type_is_said_at_the_start(tmp_path, monkeypatch):
    (tmp_path / "has_command_handler.py").write_text(
        "from shared.handlers import handler\n@handler('command')\ndef f(payload): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match="COMMANDS: has_command_handler"):
        registered("has_command_handler", ["/bin/sh"])
