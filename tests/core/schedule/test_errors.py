"""Schedules that cannot be: what is refused, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeeves_runner.core.schedule.schedule import Schedule, ScheduleError, parse_schedule

START = datetime(2026, 11, 24, 3, 3, 35, tzinfo=UTC)


def parse(*expressions: str, timezone: str = "UTC") -> Schedule:
    return parse_schedule(expressions, timezone, "digest")


def shown(text: str) -> str:
    """As messages quote it: at most 60 characters."""
    return repr(text if len(text) <= 60 else text[:59] + "…")


@pytest.mark.parametrize(
    ("expression", "message", "hint"),
    [
        ("", "the expression is empty", "write minute hour day month weekday"),
        ("* * * *", "4 fields, where cron has 5 or 6", "six fields with the second first"),
        ("5", "1 field, where", "write minute hour"),
        ("0 0 0 1 1 * 2027", "7 fields, where", "no year field"),
        ("60 * * * *", "minute 60 is outside 0-59", "minute hour day"),
        ("0 24 * * *", "hour 24 is outside 0-23", None),
        ("61 0 0 * * *", "second 61 is outside 0-59", None),
        ("0 0 0 * *", "day 0 is outside 1-31", None),
        ("0 0 * 13 *", "month 13 is outside 1-12", None),
        ("0 0 * * 8", "weekday 8 is outside 0-7", None),
        ("9" * 100 + " * * * *", "minute 999999999999 is outside", None),
        ("\u0665 * * * *", "minute '\u0665' cannot be understood", None),
        ("0 0 * foo *", "month 'foo' is not known", "months are written jan, feb"),
        ("0 0 * * mno", "weekday 'mno' is not known", "did you mean 'mon'?"),
        ("mon * * * *", "minute 'mon' cannot be understood", None),
        ("1,,2 * * * *", "minute: an item of the list is empty", "extra comma"),
        ("0 22-2 * * *", "hour '22-2' ends before it begins", "write 22-23,0-2"),
        ("0 0 * * sat-mon", "weekday 'sat-mon' ends before it begins", "write 6,0-1"),
        ("0 0 * * 7-2", "weekday '7-2' ends before it begins", "write 0-2"),
        ("0 0 * * 7-0", "weekday '7-0' ends before it begins", "write 0"),
        ("*/0 * * * *", "minute '*/0': the step must be a number from 1 to 60", None),
        ("*/90 * * * *", "minute '*/90': the step must be", None),
        ("*/x * * * *", "minute '*/x': the step must be", None),
        ("-5 * * * *", "minute '-5' cannot be understood", "negative"),
        ("R * * * *", "minute 'r' cannot be understood", "H picks one per job"),
        ("R(0-9)/3 * * * *", "cannot be understood", "H picks one per job"),
        ("HH * * * *", "minute 'hh' cannot be understood", "H(0-29)"),
        ("H(40-20) * * * *", "minute 'H(40-20)' ends before it begins", None),
        ("H(0-70) * * * *", "minute 70 is outside 0-59", None),
        ("H/61 * * * *", "minute 'H/61': the step must be", None),
        ("0 0 ? * *", "day '?' cannot be understood", "write *"),
        ("0 0 15W * *", "day '15w' cannot be understood", "not supported"),
        ("0 0 L-3 * *", "day 'l' cannot be understood", "last day of the month"),
        ("0 0 * * L", "weekday 'l' cannot be understood", "5L is the last Friday"),
        ("0 0 1#2 * *", "day '1#2' cannot be understood", "weekday field"),
        ("0 0 * * fri#6", "no month has a weekday number '6'", "1 to 5"),
        ("@every 1h30m", "@every 1h30m is not supported", "in `schedule` write `{every: 1h30m}`, without"),
        ("@every 5 minutes", "@every 5 minutes is not supported", "known are @hourly"),
        ("@reboot", "@reboot is not supported", "`on_start: true` runs a job each time a server starts"),
        ("0 0 31 2 *", "never occurs within 8 years", "month 2 has no day 31"),
        ("0 0 31 4,6 *", "never occurs within 8 years", None),
        ("0 0 29 2 */7", "does not occur within 8 years", "seldom falls"),
    ],
)
def test_refused_expressions_say_what_and_why(expression: str, message: str, hint: str | None) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse("0 0 * * *", expression)
    assert message in caught.value.message
    assert shown(expression) in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
    assert (caught.value.key, caught.value.index) == ("schedule", 1)


def test_an_overlong_field_is_refused_and_not_repeated_in_full() -> None:
    with pytest.raises(ScheduleError) as caught:
        parse(",".join(["5"] * 129) + " * * * *")
    assert "a field is 257 characters long, where 256 are allowed" in caught.value.message
    assert len(caught.value.message) < 250


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("0159*/-,#LlHhRrWw()?@ \tmonjafri\u0665", max_size=8), min_size=1, max_size=7).map(
        " ".join
    )
)
def test_whatever_is_written_is_understood_or_refused_in_words(expression: str) -> None:
    try:
        occurrence = parse(expression).next_after(START)
    except ScheduleError as error:
        refusal = str(error)
    else:
        assert occurrence is not None
        assert START < occurrence < START + timedelta(days=8 * 366)
        return
    assert shown(expression) in refusal


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"),
        ("New York", "did you mean 'America/New_York'?"),
        ("", "use a name of the IANA database"),
        ("../../etc/passwd", "use a name of the IANA database"),
        ("nul\0byte", "IANA"),
    ],
)
def test_unknown_time_zones_name_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ScheduleError, match="is not known") as caught:
        parse("0 0 * * *", timezone=name)
    assert hint in (caught.value.hint or "")
    assert caught.value.key == "timezone"
