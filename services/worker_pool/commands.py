"""The type `command`: runs executables that the settings allow, and nothing else.

A message brings an argument list and never a shell line; what it may name are the exact paths in
COMMANDS, and of the environment only variables that begin with JOB_, so that no message can reach
a loader's or an interpreter's settings. Allowing a shell or an interpreter allows everything.
"""

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Annotated, Any

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.errors import ConfigurationError
from shared.handlers import (
    LARGEST_RESULT_BYTES,
    Handler,
    JobContext,
    Reject,
    StopReason,
)

COMMAND_TYPE = "command"
TAIL_BYTES = 64 * 1024
LOOK_SECONDS = 0.1
LONGEST_REASON = 400

Argument = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=32_768)]
Variable = Annotated[str, StringConstraints(pattern=r"^JOB_[A-Z0-9_]{1,60}$")]


class CommandPayload(BaseModel):
    """What a job of the type `command` brings.

    Attributes:
        argv: the executable's path as COMMANDS has it, and its arguments.
        env: variables for it, named JOB_...
        stdin: what it may read; nothing by default.
    """

    model_config = ConfigDict(extra="forbid")

    argv: Annotated[list[Argument], Field(min_length=1, max_length=1000)]
    env: dict[Variable, Argument] = Field(default_factory=dict)
    stdin: str = ""


class CommandError(Exception):
    """A command ended with an exit code other than 0, or could not be started."""


def check_commands(commands: Sequence[str]) -> None:
    """Make sure that the allowed commands are there.

    Raises:
        ConfigurationError: a path is relative, missing, or no executable file.
    """
    for each in commands:
        path = Path(each)
        if not path.is_absolute():
            raise ConfigurationError(f"COMMANDS: {each!r} is no absolute path")
        if not (path.is_file() and os.access(path, os.X_OK)):
            raise ConfigurationError(f"COMMANDS: {each!r} is no executable file on this machine")


def command_handler(allowed: Sequence[str], timeout_seconds: float | None) -> Handler:
    """The handler of the type `command` for these executables."""

    def run(payload: CommandPayload, context: JobContext) -> dict[str, Any]:
        if payload.argv[0] not in allowed:
            raise Reject(
                f"argv: {payload.argv[0]!r} is not allowed here; COMMANDS has {', '.join(allowed)}"
            )
        return _run(payload, context)

    # A child of its own: it is killed with all that the command started, and its CPU time is known.
    return Handler(
        COMMAND_TYPE, run, takes_context=True, timeout_seconds=timeout_seconds, process=True
    )


def _run(payload: CommandPayload, context: JobContext) -> dict[str, Any]:
    with _start(payload, context) as process:
        stdout, stderr = _Tail(process.stdout), _Tail(process.stderr)
        feeder = _thread(lambda: _feed(process, payload.stdin.encode()))
        code = _wait(process, context)
        for each in (feeder, stdout.thread, stderr.thread):
            each.join()
    if code != 0:
        raise CommandError(
            f"{payload.argv[0]} ended with {_code_words(code)}: {stderr.last_lines()}"
        )
    return _fitting({"exit_code": code, "stdout_tail": stdout.text(), "stderr_tail": stderr.text()})


def _wait(process: "subprocess.Popen[bytes]", context: JobContext) -> int:
    while True:
        try:
            return process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if context.stop.reason is StopReason.CANCEL:
                process.terminate()  # asked; the worker kills the whole group after the grace


def _start(payload: CommandPayload, context: JobContext) -> "subprocess.Popen[bytes]":
    environment = {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "JOB_ID": str(context.job_id),
        "JOB_ATTEMPT": str(context.attempt),
        "JOB_REGION": context.region,
    }
    try:
        return subprocess.Popen(  # noqa: S603 - an allowed executable, arguments as a list, no shell
            payload.argv,
            env=environment | payload.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise CommandError(f"{payload.argv[0]} cannot be started: {error.strerror}") from error


class _Tail:
    """Reads a stream to its end and keeps the last part."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        self._kept = bytearray()
        self.thread = _thread(lambda: self._read(stream))

    def text(self) -> str:
        return self._kept.decode(errors="replace")

    def last_lines(self) -> str:
        return " ".join(self.text().split())[-LONGEST_REASON:] or "it wrote nothing to stderr"

    def _read(self, stream: IO[bytes] | None) -> None:
        while stream is not None and (chunk := os.read(stream.fileno(), TAIL_BYTES)):
            self._kept += chunk
            del self._kept[:-TAIL_BYTES]


def _thread(target: Callable[[], None]) -> Thread:
    thread = Thread(target=target, daemon=True)
    thread.start()
    return thread


def _feed(process: "subprocess.Popen[bytes]", text: bytes) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(text)
        process.stdin.close()
    except OSError:
        return  # it does not want to read all of it, which is its business


def _code_words(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _fitting(result: dict[str, Any]) -> dict[str, Any]:
    """The result with its tails cut until its JSON is as small as a result has to be."""
    while len(pydantic_core.to_json(result)) > LARGEST_RESULT_BYTES:
        longer = max(("stdout_tail", "stderr_tail"), key=lambda name: len(result[name]))
        result[longer] = result[longer][len(result[longer]) // 4 + 1 :]
    return result
