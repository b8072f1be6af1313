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


@pytest.mark.parametrize("text", ["2026", " 90 ", "0.5", "9 0"])
def test_a_plain_number_may_need_a_unit(text: str) -> None:
    assert parse_duration(text) > 0
    with pytest.raises(ValueError, match="has no unit; write 60s, 5m or 2h"):
        parse_duration(text, needs_unit=True)


def test_what_has_a_unit_is_not_asked_for_one() -> None:
    assert parse_duration("1h30m", needs_unit=True) == 5400
