"""Logging in, registering, tokens and limits."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.watttime_emulator.accounts import (
    Accounts,
    Plan,
    RollingLimit,
    User,
    is_strong,
)
from services.watttime_emulator.tokens import BadToken, Tokens

# The fixtures `stage` and `make_stage` are in conftest.py; Any stands for their classes there.
Stage = Any
NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
PASSWORD = "sun-and-wind-1"
ACCOUNT = {"username": "freddo", "password": "mint-frog-9", "email": "f@example.org"}


def _section(part: Any) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def _with(stage: Stage, header: str | None) -> httpx.Response:
    headers = {} if header is None else {"authorization": header}
    return await stage.http.get("/v3/my-access", headers=headers)


async def test_a_login_gives_a_token_and_nothing_else(stage: Stage) -> None:
    answer = await stage.http.get("/login", auth=("full", PASSWORD))
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    assert answer.json()["token"].count(".") == 2


async def test_a_login_without_credentials_asks_for_them(stage: Stage) -> None:
    answer = await stage.http.get("/login")
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["www-authenticate"] == 'Basic realm="login required"'


@pytest.mark.parametrize(
    "header",
    [
        "Basic " + base64.b64encode(b"full:wrong").decode(),
        "Basic " + base64.b64encode(b"nobody:sun-and-wind-1").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic !!!",
        "Basic",
        "Bearer abc",
        "Bearer " + base64.b64encode(b"full:sun-and-wind-1").decode(),
    ],
)
async def test_a_login_with_wrong_credentials_is_forbidden(stage: Stage, header: str) -> None:
    answer = await stage.http.get("/login", headers={"authorization": header})
    assert (answer.status_code, answer.text) == (403, "Forbidden")
    assert answer.headers["content-type"] == "application/json"


async def test_a_registered_user_logs_in_and_is_on_the_free_plan(stage: Stage) -> None:
    answer = await stage.http.post("/register", json=ACCOUNT)
    assert answer.status_code == 200
    assert answer.json() == {"user": "freddo", "ok": "User created"}
    login = await stage.http.get("/login", auth=("freddo", "mint-frog-9"))
    stage.tokens["freddo"] = login.json()["token"]
    assert (await stage.get("/v3/forecast", "freddo")).status_code == 200
    assert (await stage.get("/v3/forecast", "freddo", region="PSCO")).status_code == 403


async def test_a_taken_name_is_refused_and_keeps_its_password(stage: Stage) -> None:
    answer = await stage.http.post("/register", json=ACCOUNT | {"username": "full"})
    assert answer.status_code == 400
    assert answer.json() == {"error": "That username is taken. Please choose another."}
    await stage.log_in("full")


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"password": "short-1"}, ["password"]),
        ({"email": ""}, ["email"]),
        ({"username": 7, "email": None}, ["username", "email"]),
    ],
)
async def test_a_registration_with_wrong_fields_names_them(
    stage: Stage, change: dict[str, Any], names: list[str]
) -> None:
    answer = await stage.http.post("/register", json=ACCOUNT | change)
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", n] for n in names]
    assert all(set(p) == {"loc", "msg", "type"} for p in answer.json()["detail"])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"\xff"])
async def test_a_registration_that_is_no_json_object_is_refused(stage: Stage, body: bytes) -> None:
    assert (await stage.http.post("/register", content=body)).status_code == 422


async def test_parameters_in_the_address_do_not_register(stage: Stage) -> None:
    assert (await stage.http.post("/register", params=ACCOUNT)).status_code == 422
    assert (await stage.http.get("/register", params=ACCOUNT)).status_code == 405


@pytest.mark.parametrize("path", ["/password", "/password/"])
async def test_a_password_reset_is_promised_to_users_only(stage: Stage, path: str) -> None:
    answer = await stage.http.get(path, params={"username": "full"})
    assert answer.status_code == 200
    assert answer.json() == {"ok": "Please check your email for the password reset link"}
    for query in ({"username": "nobody"}, {}):
        answer = await stage.http.get(path, params=query)
        assert answer.status_code == 400
        error = "A problem occurred, your request could not be processed"
        assert answer.json() == {"error": error}


@pytest.mark.parametrize(
    ("password", "strong"),
    [
        ("sun-and-1", True),
        ("sun-an1", False),
        ("12345678-", False),
        ("abcdefgh-", False),
        ("abcdefg1", False),
        ("abcdef 1", False),
    ],
)
def test_a_password_needs_8_characters_of_three_kinds(password: str, *, strong: bool) -> None:
    assert is_strong(password) is strong


@settings(deadline=None)
@given(password=st.text(), guess=st.text())
def test_only_the_right_password_logs_in(password: str, guess: str) -> None:
    accounts = Accounts(User("u", password, Plan.FREE))
    assert (accounts.logged_in("u", guess) is not None) == (password == guess)


async def test_a_token_lives_for_30_minutes(stage: Stage) -> None:
    token = f"Bearer {await stage.log_in()}"
    stage.clock.advance(minutes=29, seconds=57)
    assert (await _with(stage, token)).status_code == 200
    stage.clock.advance(seconds=3)
    answer = await _with(stage, token)
    assert (answer.status_code, answer.text) == (401, "Jwt is expired")
    assert (await _with(stage, f"Bearer {await stage.log_in()}")).status_code == 200


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (None, "Jwt is missing"),
        ("Basic abc", "Jwt is missing"),
        (
            "Bearer",
            "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        ),
        (
            "Bearer abc",
            "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        ),
        (
            "Bearer a.b.c.d",
            "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections",
        ),
        ("Bearer a.b.c", "Jwt header is an invalid JSON"),
        (f"Bearer {_section([])}.b.c", "Jwt header is an invalid JSON"),
        (f"Bearer {_section(b'nonsense')}.b.c", "Jwt header is an invalid JSON"),
        (f"Bearer {_section({'alg': 'none'})}.b.c", "Jwt header [alg] is not supported"),
        (f"Bearer {_section({'alg': 'HS256'})}.!.c", "Jwt payload is an invalid JSON"),
        (
            f"Bearer {_section({'alg': 'HS256'})}.{_section({'iss': 'someone'})}.c",
            "Jwt issuer is not configured",
        ),
        (
            f"Bearer {_section({'alg': 'HS256'})}.{_section({'iss': 'WattTime'})}.c",
            "Jwt is expired",
        ),
    ],
)
async def test_a_missing_or_malformed_token_is_refused_in_the_gateway_s_words(
    stage: Stage, header: str | None, words: str
) -> None:
    answer = await _with(stage, header)
    assert (answer.status_code, answer.text) == (401, words)
    assert answer.headers["content-type"] == "text/plain"


async def test_a_token_is_asked_for_before_the_method_is_looked_at(stage: Stage) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = await stage.http.request(method, "/v3/forecast")
        assert (answer.status_code, answer.text) == (401, "Jwt is missing")
    headers = {"authorization": f"Bearer {await stage.log_in()}"}
    assert (await stage.http.post("/v3/forecast", headers=headers)).status_code == 405


async def test_a_token_of_another_key_is_refused(stage: Stage) -> None:
    foreign = Tokens(b"another key").issue("full", stage.clock())
    answer = await _with(stage, f"Bearer {foreign}")
    assert (answer.status_code, answer.text) == (401, "Jwt verification fails")


async def test_a_token_whose_claims_were_changed_is_refused(stage: Stage) -> None:
    header, payload, signature = (await stage.log_in("free")).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = ".".join((header, _section(claims | {"sub": "full"}), signature))
    assert (await _with(stage, f"Bearer {forged}")).text == "Jwt verification fails"


@settings(deadline=None)
@given(token=st.text())
def test_no_made_up_token_passes_and_none_breaks_the_server(token: str) -> None:
    with pytest.raises(BadToken):
        Tokens(b"key").username(token, NOON)


async def test_the_101st_login_within_5_minutes_is_too_many(stage: Stage) -> None:
    for _ in range(100):
        await stage.log_in()
    answer = await stage.http.get("/login", auth=("full", PASSWORD))
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    await stage.log_in("free")  # limits are each user's own
    stage.clock.advance(minutes=5)
    await stage.log_in()


async def test_wrong_passwords_count_as_logins(stage: Stage) -> None:
    statuses = [
        (await stage.http.get("/login", auth=("full", "wrong"))).status_code for _ in range(101)
    ]
    assert statuses == [403] * 100 + [429]


async def test_the_3001st_request_within_5_minutes_is_too_many(stage: Stage) -> None:
    await stage.log_in()
    for _ in range(2990):
        assert stage.emulator.requests.admit("full", stage.clock())
    statuses = [(await stage.get("/v3/my-access")).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert (await stage.get("/v3/my-access", "free")).status_code == 200
    stage.clock.advance(minutes=5)
    assert (await stage.get("/v3/my-access")).status_code == 200


@settings(deadline=None)
@given(
    steps=st.lists(st.integers(0, 200), max_size=60),
    limit=st.integers(1, 8),
)
def test_no_window_of_5_minutes_ever_admits_more_than_its_limit(
    steps: list[int], limit: int
) -> None:
    rolling, now = RollingLimit(limit), NOON
    admitted: list[datetime] = []
    for step in steps:
        now += timedelta(seconds=step)
        room = sum(now - at < timedelta(minutes=5) for at in admitted) < limit
        assert rolling.admit("u", now) is room
        if room:
            admitted.append(now)
