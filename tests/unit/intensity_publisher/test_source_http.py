"""Requests to any source: what is tried again, when, and what the observer is told."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.providers.answers import error_text
from services.intensity_publisher.providers.http import SourceHttp, retry_after_seconds
from shared.errors import ConfigurationError, SourceUnreachable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Server:
    """Gives its answers one after another, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return httpx.Response(200)
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        return httpx.Response(status, headers=headers, text="what it says")


def http_of(server, **options):
    client = httpx.AsyncClient(base_url="https://source", transport=httpx.MockTransport(server))
    return SourceHttp(client, "source", options.pop("clock", lambda: NOW), **options)


@pytest.fixture
def no_waiting():
    with stamina.set_testing(True, attempts=3):
        yield


PASSING = {
    429: "rate_limited",
    500: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
    httpx.ReadTimeout("slow"): "timeout",
    httpx.ConnectTimeout("slow"): "timeout",
    httpx.PoolTimeout("full"): "timeout",
    httpx.ConnectError("no route"): "unreachable",
    httpx.ReadError("reset"): "unreachable",
    httpx.RemoteProtocolError("half an answer"): "unreachable",
    httpx.DecodingError("no gzip"): "unreachable",
}


@pytest.mark.parametrize(("failure", "outcome"), PASSING.items(), ids=str)
async def test_passing_failures_are_tried_again_and_each_try_is_told(no_waiting, failure, outcome):
    told = []
    server = Server(failure, failure, 200)
    http = http_of(server, observer=lambda *each: told.append(each))
    assert (await http.get("/x", endpoint="latest")).status_code == 200
    assert [each[:3] for each in told] == [
        ("source", "latest", outcome),
        ("source", "latest", outcome),
        ("source", "latest", "ok"),
    ]
    assert all(each[3] >= 0 for each in told)
    with pytest.raises(SourceUnreachable):
        await http_of(Server(failure)).get("/x", endpoint="latest")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (302, "redirected"),
        (400, "refused"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "refused"),
    ],
)
async def test_other_answers_are_given_back_at_once(no_waiting, status, outcome):
    told = []
    server = Server((status, {"location": "https://elsewhere"}))
    http = http_of(server, observer=lambda *each: told.append(each[2]))
    assert (await http.get("/x", endpoint="x")).status_code == status
    assert (len(server.asked), told) == (1, [outcome])


async def test_a_post_is_never_repeated(no_waiting):
    server = Server(503)
    with pytest.raises(SourceUnreachable, match="503 to register: what it says"):
        await http_of(server).post("/x", {"a": "b"}, endpoint="register")
    assert len(server.asked) == 1
    assert server.asked[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "header", ["0.05", format_datetime(NOW + timedelta(seconds=0.05), usegmt=True)]
)
async def test_the_server_says_when_to_come_back(header):
    server = Server((503, {"retry-after": header}), 200)
    assert (await http_of(server).get("/x", endpoint="x")).status_code == 200


@pytest.mark.parametrize(
    ("header", "quiet_seconds"),
    [
        ("90", 90),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("9" * 400, 300),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), 300),
    ],
)
async def test_a_server_that_wants_a_long_rest_gets_it(header, quiet_seconds):
    moment = {"now": NOW}
    server = Server((429, {"retry-after": header}), 200)
    http = http_of(server, clock=lambda: moment["now"])
    with pytest.raises(SourceUnreachable, match="429"):
        await http.get("/x", endpoint="x")
    moment["now"] += timedelta(seconds=quiet_seconds - 1)
    with pytest.raises(SourceUnreachable, match="left alone until 12:0"):
        await http.get("/x", endpoint="x")
    assert len(server.asked) == 1
    moment["now"] += timedelta(seconds=1)
    assert (await http.get("/x", endpoint="x")).status_code == 200


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12", 12),
        (" 1.5 ", 1.5),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30),
        ("Sun, 01 Mar 2026 14:00:30 +0200", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 2026 13:00:00 GMT", 300),
        ("", None),
        ("-5", None),
        ("²", None),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, seconds):
    assert retry_after_seconds(text, NOW) == seconds


@given(st.text() | st.text("0123456789 :,+-GMTMarSun", max_size=30))
def test_any_retry_after_is_understood_or_ignored(text):
    seconds = retry_after_seconds(text, NOW)
    assert seconds is None or 0 <= seconds <= 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"message": "a\\u0000\\ud800b\\nc"}', "a??b c"),
        ('{"error": {"code": "400 Bad Request", "message": "no such path"}}', "no such path"),
        ("x" * 1000, "x" * 300),
        ("[" * 100_000, "[" * 300),
    ],
)
def test_what_a_server_says_becomes_a_text_that_can_be_kept(text, expected):
    assert error_text(text) == expected


async def test_a_server_that_hangs_is_given_up():
    server = Server(60.0)
    with pytest.raises(SourceUnreachable, match="in time"):
        await http_of(server, patience_seconds=0.05).get("/x", endpoint="x")
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["source:8000/x", "ftp://source", ""])
async def test_an_address_that_is_none_is_a_wrong_setting(url):
    client = httpx.AsyncClient(base_url=url)
    http = SourceHttp(client, "source", lambda: NOW)
    with pytest.raises(ConfigurationError, match="begin with http"):
        await http.get("/x", endpoint="x")
    await http.close()


async def test_a_header_that_cannot_be_sent_is_our_own_error_without_its_text(no_waiting):
    with pytest.raises(ConfigurationError) as caught:
        await http_of(Server(200)).get("/x", endpoint="x", headers={"k": "gehéim☃"})
    assert "geh" not in str(caught.value)
    with pytest.raises(SourceUnreachable) as caught:
        await http_of(Server(httpx.LocalProtocolError("Illegal header value b'geheim'"))).get(
            "/x", endpoint="x"
        )
    assert "geheim" not in str(caught.value)
