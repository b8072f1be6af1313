"""Handlers that burn real CPU for seconds, each the way its real counterpart does."""

import hashlib
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from shared.handlers import JobContext, Paused, handler

BLOCK = bytes(range(256)) * 4096  # 1 MiB; hashing and compressing it leave the event loop free
EPOCH_SECONDS = 0.5


class FlakyDependencyError(Exception):
    """The demo's network share was away for a moment."""


class Training(BaseModel):
    """What a training job brings."""

    seconds: Annotated[float, Field(gt=0, le=60)] = 4.0


@handler("ml_training")
def train(payload: Training, context: JobContext) -> dict[str, Any]:
    """Iterate a key derivation, as epochs of a training would keep a core busy.

    It tells its progress, and pauses after an epoch when it is asked to.
    """
    epochs = max(1, round(payload.seconds / EPOCH_SECONDS))
    for epoch in range(context.restored or 0, epochs):
        _burn(EPOCH_SECONDS, lambda: hashlib.sha512(BLOCK).digest())
        context.progress((epoch + 1) / epochs, f"epoch {epoch + 1} of {epochs}")
        if context.should_stop and epoch + 1 < epochs:
            raise Paused(epoch + 1)
    context.log.info("model trained", epochs=epochs)
    return {"epochs": epochs}


@handler("video_transcode")
def transcode(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Compress blocks of bytes."""
    return {"segments": _burn(_seconds(payload, 3.0), lambda: zlib.compress(BLOCK, 6))}


@handler("nightly_report")
def report(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Hash blocks of bytes, as a scan over a table would."""
    return {"rows": 4096 * _burn(_seconds(payload, 2.0), lambda: hashlib.md5(BLOCK).digest())}  # noqa: S324 - work, not security


@handler("database_backup")
def backup(payload: Mapping[str, Any], context: JobContext) -> dict[str, Any]:
    """Compress and check blocks; the first attempt of some fails, as a share may be away."""
    if payload.get("share_is_away") and context.attempt == 1:
        raise FlakyDependencyError("the backup share is away")
    blocks = _burn(_seconds(payload, 2.0), lambda: zlib.crc32(zlib.compress(BLOCK, 1)))
    return {"blocks": blocks}


@handler("fraud_check")
def check(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Hash blocks for a moment."""
    return {"scores": _burn(_seconds(payload, 0.5), lambda: hashlib.sha256(BLOCK).digest())}


def _seconds(payload: Mapping[str, Any], usual: float) -> float:
    return min(float(payload.get("seconds", usual)), 60.0)


def _burn(seconds: float, step: Callable[[], object]) -> int:
    """Repeat a step for a time; returns how often."""
    until, steps = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        step()
        steps += 1
    return steps
