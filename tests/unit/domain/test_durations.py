import pytest

from shared.domain.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("60s", 60),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86_400),
        ("90", 90),
        ("0.5s", 0.5),
        ("1h30m", 5400),
        (" 1H 30M ", 5400),
    ],
)
def test_reads_what_people_type(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5 minutes", "-5s", "1h30", "0", "0s", "inf", "1e3"])
def test_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration|not longer"):
        parse_duration(text)
