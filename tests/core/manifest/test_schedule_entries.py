"""What is said of entries of a schedule that are no cron expressions, and where."""

import pytest
from support.manifests import assert_error, job, read

from jeeves_runner.core.schedule_entry import At, Every, RRule

CHOICE = "must be a cron expression in quotes, {every: 11m}, {at: TIME} or {rrule: RULE, start: TIME}"


@pytest.mark.parametrize(
    ("schedule", "column", "message", "hint"),
    [
        ("{every: 5m, form: 2026-01-01}", 23, "unknown key `form`", "did you mean `from`?"),
        ("{evry: 5m}", 12, "unknown key `evry`", "did you mean `every`?"),
        ("[{every: 5m}, {evrey: 5m}]", 26, "unknown key `evrey`", "did you mean `every`?"),
        ("{rrule: FREQ=DAILY, from: 2026-01-01}", 31, "unknown key `from`", "known are rrule, start"),
        ("{every: 5m, at: 2026-01-01}", 23, "unknown key `at`", "known are every, from"),
        ("{from: 2026-01-01}", 11, "`schedule` needs `every`", ""),
        ("{every: 60}", 19, "must be a duration such as 11m, not 60", "a number needs its unit: 60s, 60m"),
        ("{every: 90s 5m}", 11, '"90s 5m" is no duration; write one like', ""),
        ("{every: 500ms}", 11, "it must be whole seconds", "write 30s, 11m or 1h30m"),
        (
            "{at: 20261224}",
            16,
            "`schedule.at` must be a time such as 2026-12-24T18:00",
            'quote it: "20261224"',
        ),
        ("{at: }", 16, "must be a time such as 2026-12-24T18:00, not null", "it is empty"),
        ("{at: 24.12.2026}", 11, "24.12.2026 is no time", "write 2026-12-24T18:00, or"),
        ("{rrule: [FREQ=DAILY]}", 19, "`schedule.rrule` must be a rule of RFC 5545 in quotes", ""),
        ("{rrule: FREQ=DAILY;COUNT=2}", 11, "COUNT needs a `start`", "add `start: 2026-12-01T09:00`"),
        ("{rrule: FREQ=DAILY;BYHUOR=9}", 11, "'BYHUOR' is no part of a rule", "did you mean BYHOUR?"),
        (
            "['@daily', {rrule: 'DTSTART:20260101T000000'}]",
            22,
            "DTSTART does not stand",
            "write the begin as",
        ),
        ("{}", 11, CHOICE, "it is empty"),
        ("[]", 11, CHOICE, "it is empty"),
        ("{cron: '0 9 * * *'}", 11, CHOICE, ""),
        ("[5]", 12, CHOICE, 'quote it: "5"'),
    ],
)
def test_mistakes_are_told_at_their_place(schedule: str, column: int, message: str, hint: str) -> None:
    assert_error(f"run: x\nschedule: {schedule}\n", 2, column, message, hint)


def test_times_and_rules_need_no_quotes() -> None:
    found = job(
        "run: x\nschedule:\n"
        "- {at: 2026-12-24}\n- {at: 2026-12-24 18:00:00}\n- {every: 11m, from: 2026-12-24T18:00Z}\n"
        "- {rrule: FREQ=WEEKLY;BYDAY=MO, start: 2026-12-01}\n"
    )
    assert found.schedule == (
        At("2026-12-24"),
        At("2026-12-24 18:00:00"),
        Every("11m", "2026-12-24T18:00Z"),
        RRule("FREQ=WEEKLY;BYDAY=MO", "2026-12-01"),
    )


def test_warnings_stand_at_their_entry() -> None:
    text = "run: x\ntimeout: 1m\nschedule:\n- '@daily'\n- {every: 24h}\n- '*/40 * * * *'\n"
    problems = [(p.severity, p.code, p.line, p.column) for p in read(text).problems]
    assert problems == [("warning", "whole_days", 5, 3), ("warning", "uneven_steps", 6, 3)]


def test_a_warning_of_a_single_entry_stands_at_the_schedule() -> None:
    (problem,) = read("run: x\ntimeout: 1m\nschedule: '* */15 * * * *'\n").problems
    assert (problem.code, problem.line, problem.column) == ("each_second", 3, 11)
