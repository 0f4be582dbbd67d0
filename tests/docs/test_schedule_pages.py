"""The pages on schedules, held against the program: each example occurs when its page says."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrule
from support.docs import code, only_code, read, section, table

from jeeves_runner.core.manifest.yaml_text import load
from jeeves_runner.core.schedule.habits import warnings
from jeeves_runner.core.schedule.schedule import Schedule, parse_schedule
from jeeves_runner.core.schedule_entry import entries_of

PAGE = read("reference/schedule.md")
SECOND = timedelta(seconds=1)
LENGTHS = {"hourly": timedelta(hours=1), "minutely": timedelta(minutes=1)}


def value(text: str) -> Any:
    """What YAML makes of a value, as in a manifest."""
    document = load(f"value: {text}\n").value
    assert isinstance(document, dict)
    return document["value"]


def schedule_of(text: str, zone: str, exclude: str = "[]") -> Schedule:
    written = value(text)
    entries = entries_of(written if isinstance(written, list) else [written])
    return parse_schedule(entries, zone, "job", value(exclude))


def quoted(cell: str) -> str:
    """A cell's code: a cron expression without its quotes, as a table has it, or YAML."""
    (text,) = code(cell)
    return text if text[0] in "{[" else json.dumps(text)


@pytest.mark.parametrize(
    ("schedule", "day", "expected"),
    [row for row in table(section(PAGE, "When clocks change"), "schedule") if len(row) == 3],
)
def test_the_examples_of_shifted_clocks_are_right(schedule: str, day: str, expected: str) -> None:
    zone = ZoneInfo("Europe/Vienna")
    begin = datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC)
    end = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone).astimezone(UTC)
    found = schedule_of(quoted(schedule), "Europe/Vienna").between(begin - SECOND, end - SECOND)
    assert (" ".join(f"{when:%H:%M}" for when in found) or "none") == expected


@pytest.mark.parametrize(("rule", "start", "expected"), table(section(PAGE, "Recurrence rules"), "rule"))
def test_the_first_occurrences_of_rules_are_right(rule: str, start: str, expected: str) -> None:
    begin = f", start: {only_code(start)}" if start else ""
    schedule = schedule_of(f'{{rrule: "{only_code(rule)}"{begin}}}', "UTC")
    at: datetime | None = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    for text in expected.split():
        assert at is not None
        at = schedule.next_after(at)
        assert text == ("none" if at is None else f"{at:%Y-%m-%dT%H:%M}")


@pytest.mark.parametrize("row", table(section(PAGE, "Warnings"), "warning"))
def test_each_warning_is_told_of_its_example(row: list[str]) -> None:
    written = value(quoted(row[1]))
    now = datetime(2026, 11, 29, tzinfo=UTC)
    (habit,) = warnings(entries_of([written]), "Europe/Vienna", "job", (), now)
    assert habit.code == only_code(row[0])


def test_the_kinds_of_entries_are_those_there_are() -> None:
    cells = [
        text.replace("TIME", "2027-01-01").replace("FREQ=…", "FREQ=DAILY")
        for row in table(PAGE, "entry")
        for text in code(row[0])
    ]
    for cell in cells:
        assert schedule_of(cell, "UTC").next_after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
    assert len(cells) == 6


# RRStack, by python-dateutil and a few lines of our own


def flat_or_full(written: Mapping[str, Any]) -> Mapping[str, Any]:
    if "rules" in written:
        return written
    options = {key: each for key, each in written.items() if key != "timezone"}
    return {"timezone": written["timezone"], "rules": [{"effect": "event", "options": options}]}


def wall_times(options: Mapping[str, Any], zone: ZoneInfo, unit: int, end: datetime) -> Iterator[datetime]:
    """What a rule names, on the clocks of its zone; one without a frequency is one time."""

    def wall(stamp: float) -> datetime:
        return datetime.fromtimestamp(stamp / unit, zone).replace(tzinfo=None)

    start = wall(options.get("starts", 0))
    if "freq" not in options:
        yield start
        return
    more = {key: each for key, each in options.items() if key not in ("freq", "starts", "ends")}
    until = wall(options["ends"]) if "ends" in options else None
    names = ("yearly", "monthly", "weekly", "daily", "hourly", "minutely", "secondly")
    first = datetime(2026, 12, 20)  # noqa: DTZ001 - a wall time
    if options["freq"] in LENGTHS and "count" not in options:  # from 1970 on these are millions
        step = LENGTHS[options["freq"]] * options.get("interval", 1)
        start += max(0, (first - start) // step) * step
    rule = rrule(names.index(options["freq"]), dtstart=start, until=until, **more)
    yield from rule.between(first, end.replace(tzinfo=None))


def events(stack: Mapping[str, Any], begin: datetime, end: datetime) -> list[datetime]:
    """The events in [begin, end) that no blackout covers."""
    zone, unit = ZoneInfo(stack["timezone"]), 1 if stack.get("timeUnit") == "s" else 1000
    found: set[datetime] = set()
    covered: list[tuple[datetime, datetime]] = []
    for rule in stack["rules"]:
        options = rule["options"]
        if rule["effect"] == "event":
            times = wall_times(options, zone, unit, end + timedelta(days=2))
            found.update(each.replace(tzinfo=zone).astimezone(UTC) for each in times)
        elif "freq" in options:
            length = timedelta(**rule["duration"])
            for each in wall_times(options, zone, unit, end + timedelta(days=2)):
                first = each.replace(tzinfo=zone)
                covered.append((first, first + length))
        else:
            first, last = (datetime.fromtimestamp(options[key] / unit, UTC) for key in ("starts", "ends"))
            covered.append((first, last))
    return sorted(
        each
        for each in found
        if begin <= each < end and not any(first <= each < last for first, last in covered)
    )


@pytest.mark.parametrize("row", table(read("reference/rrstack.md"), "RRStack"))
def test_schedules_of_rrstack_are_what_they_are_said_to_be(row: list[str]) -> None:
    stack = flat_or_full(json.loads(only_code(row[0]) or ""))
    exclude = (only_code(row[2]) if row[2] else None) or "[]"
    schedule = schedule_of(only_code(row[1]) or "", stack["timezone"], exclude)
    begin, end = datetime(2026, 12, 27, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
    expected = events(stack, begin, end)
    assert expected
    assert list(schedule.between(begin - SECOND, end - SECOND)) == expected
