"""Single cron fields: every number, range and step, against a model that knows no step."""

import pytest

from jeeves_runner.core.schedule.cron_fields import (
    DAY,
    HOUR,
    KINDS,
    LAST_OF_MONTH,
    MINUTE,
    MONTH,
    WEEKDAY,
    FieldKind,
    ScheduleError,
    parse_field,
    spread,
)


def model(kind: FieldKind, first: int, last: int, step: int) -> tuple[int, ...]:
    """Each number that the field may hold, asked whether it lies on a step; 7 is Sunday as 0 is."""
    numbers = [n for n in range(kind.low, kind.high + 1) if first <= n <= last and (n - first) % step == 0]
    return tuple(sorted({0 if kind is WEEKDAY and n == 7 else n for n in numbers}))


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_every_number_with_every_step_goes_up_to_the_highest(kind: FieldKind) -> None:
    for first in range(kind.low, kind.high + 1):
        assert parse_field(kind, str(first)).values == model(kind, first, first, 1)
        for step in range(1, kind.size + 1):
            assert parse_field(kind, f"{first}/{step}").values == model(kind, first, kind.high, step)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_every_range_with_every_step(kind: FieldKind) -> None:
    for first in range(kind.low, kind.high + 1):
        for last in range(first, kind.high + 1):
            for step in (1, 2, 3, 7, kind.size):
                assert parse_field(kind, f"{first}-{last}/{step}").values == model(kind, first, last, step)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_a_star_with_every_step(kind: FieldKind) -> None:
    for step in range(1, kind.size + 1):
        assert parse_field(kind, f"*/{step}").values == model(kind, kind.low, kind.high, step)


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        (WEEKDAY, "7/1", (0,)),
        (WEEKDAY, "7/2", (0,)),
        (WEEKDAY, "6/1", (0, 6)),
        (WEEKDAY, "5/2", (0, 5)),
        (WEEKDAY, "1/2", (0, 1, 3, 5)),
        (WEEKDAY, "0/7", (0,)),
        (WEEKDAY, "0/5", (0, 5)),
        (WEEKDAY, "*/2", (0, 2, 4, 6)),
        (WEEKDAY, "fri/2", (0, 5)),
        (WEEKDAY, "sun/3", (0, 3, 6)),
        (WEEKDAY, "1-7/3", (0, 1, 4)),
        (WEEKDAY, "fri-sun/2", (0, 5)),
        (WEEKDAY, "sun-sun/2", (0,)),
        (MINUTE, "59/1", (59,)),
        (MINUTE, "0/5", (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55)),
        (HOUR, "20/2", (20, 22)),
        (HOUR, "23/23", (23,)),
        (DAY, "31/1", (31,)),
        (DAY, "29/2", (29, 31)),
        (MONTH, "nov/1", (11, 12)),
        (MONTH, "feb-apr/2", (2, 4)),
        (MONTH, "12/5", (12,)),
    ],
)
def test_steps_that_are_easy_to_get_wrong(kind: FieldKind, text: str, values: tuple[int, ...]) -> None:
    assert parse_field(kind, text).values == values


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_h_with_every_step_lies_in_its_range(kind: FieldKind) -> None:
    highest = kind.spread_high
    for step in range(1, highest - kind.low + 2):
        values = parse_field(kind, spread(kind, f"h/{step}", "digest")).values
        first = values[0]
        assert kind.low <= first < kind.low + step
        assert values == tuple(n for n in range(first, highest + 1) if (n - first) % step == 0)


@pytest.mark.parametrize(
    "text", ["l/2", "5l/2", "fri#2/2", "5#", "#2", "l-5", "5-l", "1-5-7", "5//2", "/5", "5/"]
)
def test_what_takes_no_step_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_field(WEEKDAY, text)


def test_sunday_has_two_numbers_wherever_a_weekday_stands() -> None:
    assert parse_field(WEEKDAY, "7#2").nth == parse_field(WEEKDAY, "0#2").nth == frozenset({(0, 2)})
    assert (
        parse_field(WEEKDAY, "7l").nth == parse_field(WEEKDAY, "sunl").nth == frozenset({(0, LAST_OF_MONTH)})
    )
