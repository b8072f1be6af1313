"""Event bodies as they are stored: the JSON text less what the row's own columns say, compressed.

A body repeats its id, its job's id and its time, which stand in the row, and words that every
event of its kind has, which stand in a dictionary. What is left of half a kilobyte of JSON is some
50 bytes. Nothing is lost: `whole_body` gives the text back, byte for byte.
"""

import zlib
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

FORMAT = b"\x01"
"""The first byte of a stored body; another dictionary would be another format."""
_WINDOW_BITS = -13
_ID, _JOB, _AT = "\x01", "\x02", "\x03"
"""Control characters stand for what the columns say: JSON text never holds one of them bare."""
_DICTIONARY = (
    b',"reason":"it can no longer finish by its deadline; its latest start was critical jobs run at'
    b" once on any gridthe grid is unknown, and no job is held by missing data asked to run it now"
    b" the pools have no free place, the next room is at no cleaner window is known yet, so it is"
    b' looked at again by","numbers":{"traceback":"Traceback (most recent call last):\\n  File \\"'
    b'","error":"_percent":null,"g_per_kwh":null,"signal":"average","source":"forecast","carried"'
    b'{"id":"\x01","at":"\x03","region":"","signal":"marginal","source":"watttime","simulated":false,'
    b'"period_seconds":300.0,"freshness":"live","band":"very_high","forecast":{"generated_at":"'
    b'","values_g_per_kwh":[],"cuts":{"edges":[150.0,250.0,400.0,550.0],"margin":0.0},"warnings":[]'
    b',"type":"intensity.updated.v1","reading":{"pool.resized.v1","factor":1.5,"consumers":4,'
    b'"prefetch":8,"base_consumers":4,"base_prefetch":8,"reason":"the grid is medium"}'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","type":"job.retried.v1","attempt":1,"not_before":"'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","attempt":1,"piece":1,"pool":"","region":"",'
    b'"started_at":"","finished_at":"\x03","energy_kwh":null,"energy_method":"modelled",'
    b'"type":"job.failed.v1","type":"job.paused.v1","remaining_seconds":'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","type":"job.accepted.v1","job":{"id":"\x02","type":"",'
    b'"priority":"critical","priority":"high","priority":"low","priority":"normal","max_band":"low",'
    b'"submitted_at":"\x03","deadline":"2026-11-22T12:00:00Z","expected_duration_seconds":300.0,'
    b'"regions":[""],"power_watts":250.0,"power_watts":null,"energy_kwh":null,"interruptible":false,'
    b'"on_deadline":"run","retries":3,"timeout_seconds":null,"attempts":0,"deferrals":0,'
    b'"attempts_at_replay":0}}'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","cause":"cleaner_later","reason":"the grid is '
    b" g/kWh (very high), the job's limit is very low;  g/kWh, 35 % less, is expected at 22 Nov "
    b'12:00:00 UTC; latest start 23 Nov 12:00:00 UTC","numbers":{"region":"","band":"high",'
    b'"limit":"low","latest_start":"2026-11-23T12:00:00Z","freshness":"live",'
    b'"intensity_g_per_kwh":,"index_percent":null,"forecast_age_seconds":,"window_g_per_kwh":,'
    b'"expected_g_per_kwh":,"expected_saving_g":null},"attempts":0,"deferrals":1,"piece":1,'
    b'"promised_g":null,"type":"job.deferred.v1","planned_at":"2026-11-22T12:00:00Z","slot":5900000}'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","cause":"in_band","reason":"the grid is  g/kWh '
    b'(very low), within its limit medium","numbers":{"region":"","band":"very_low","limit":"low",'
    b'"latest_start":"2026-11-22T12:00:00Z","freshness":"live","intensity_g_per_kwh":,'
    b'"index_percent":null,"forecast_age_seconds":,"window_g_per_kwh":,"expected_g_per_kwh":,'
    b'"expected_saving_g":0.0},"attempts":0,"deferrals":1,"piece":1,"promised_g":0.0,'
    b'"type":"job.released.v1","region":"","lane":"normal"}'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","attempt":1,"piece":1,"pool":"","region":"",'
    b'"started_at":"\x03","type":"job.started.v1"}'
    b'{"id":"\x01","at":"\x03","job_id":"\x02","attempt":1,"piece":1,"pool":"","region":"",'
    b'"started_at":"2026-11-22T12:00:00Z","finished_at":"\x03","energy_kwh":0.0,'
    b'"energy_method":"declared","type":"job.succeeded.v1","result":null}'
)


def stored_body(text: str, event_id: UUID, job_id: UUID | None, at: datetime) -> bytes:
    """The bytes to store for an event's JSON text."""
    for letter, said in _said(event_id, job_id, at):
        text = text.replace(said, letter)
    return stored_text(text)


def stored_text(text: str) -> bytes:
    """The same for a text that repeats nothing of its row."""
    packer = _packer().copy()
    return FORMAT + packer.compress(text.encode()) + packer.flush()


def whole_body(stored: bytes, event_id: UUID, job_id: UUID | None, at: datetime) -> str:
    """The JSON text that was stored.

    Raises:
        ValueError: it is of a format that this program does not know.
    """
    if stored[:1] != FORMAT:
        raise ValueError(f"an event's body is of the unknown format {stored[:1].hex()}")
    text = zlib.decompressobj(_WINDOW_BITS, zdict=_DICTIONARY).decompress(stored[1:]).decode()
    for letter, said in _said(event_id, job_id, at):
        text = text.replace(letter, said)
    return text


def _said(event_id: UUID, job_id: UUID | None, at: datetime) -> list[tuple[str, str]]:
    """What the columns say, as the JSON text says it."""
    said = [(_ID, str(event_id)), (_AT, f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z")]
    return said if job_id is None else [*said, (_JOB, str(job_id))]


@lru_cache(maxsize=1)
def _packer() -> "zlib._Compress":
    """Copied for each body: filling in the dictionary is what takes time."""
    return zlib.compressobj(6, zlib.DEFLATED, _WINDOW_BITS, 4, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
