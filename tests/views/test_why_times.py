"""Why a job ran at a time or did not: given its schedule and its rows, then one answer."""

from datetime import UTC, datetime, timedelta

import pytest
from support.ledger import Ledger
from support.why import answer, row, said, since, why

from jeeves_runner.clock import to_text
from jeeves_runner.errors import InvalidValue, NotFound

BERLIN = "Europe/Berlin"
LAST_NIGHT = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.fixture
def nightly(ledger: Ledger) -> Ledger:
    """A job of each night at 03:00 UTC, declared a week ago."""
    ledger.add_job("backup", schedule=("0 3 * * *",))
    since(ledger, "backup", ledger.at(days=7))
    return ledger


def test_the_row_of_an_occurrence_answers_for_its_time(nightly: Ledger) -> None:
    run = row(nightly, "backup", "ok", LAST_NIGHT)
    found = why(nightly, "backup", "2026-03-01T03:00")
    assert found["answer"] == "ran"
    assert found["scheduled_for"] == "2026-03-01T03:00:00.000Z"
    assert found["run"] is not None
    assert found["run"]["id"] == run


@pytest.mark.parametrize("text", ["2026-03-01T03:00Z", "2026-03-01T04:00+01:00", "03:00", "2026-03-01 03:00"])
def test_a_time_may_be_written_in_several_ways(nightly: Ledger, text: str) -> None:
    row(nightly, "backup", "ok", LAST_NIGHT)
    assert answer(nightly, "backup", text) == "ran"


def test_a_minute_has_all_its_seconds_and_a_second_only_itself(ledger: Ledger) -> None:
    ledger.add_job("tick", schedule=("37 * * * * *",))
    since(ledger, "tick", ledger.at(days=1))
    row(ledger, "tick", "ok", ledger.at(minutes=2).replace(second=37))
    assert answer(ledger, "tick", "11:58") == "ran"
    assert answer(ledger, "tick", "11:58:37") == "ran"
    assert answer(ledger, "tick", "11:58:36") == "no_occurrence"


def test_a_length_that_names_no_second_is_a_time_of_its_whole_minute(ledger: Ledger) -> None:
    ledger.add_job("tick", schedule=("30 * * * * *",))
    ledger.clock.time += timedelta(seconds=42)
    since(ledger, "tick", ledger.at(days=1))
    row(ledger, "tick", "ok", ledger.at(hours=2).replace(second=30))
    assert answer(ledger, "tick", "-2h") == "ran"
    assert answer(ledger, "tick", "-7212s") == "ran"
    assert answer(ledger, "tick", "-7200s") == "no_occurrence"
    assert answer(ledger, "tick", "2h") == "not_yet_due"


def test_a_time_without_an_offset_is_on_the_clocks_of_the_job(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), timezone=BERLIN)
    found = why(ledger, "backup", "2026-03-02T03:00")
    assert (found["answer"], found["scheduled_for"]) == ("not_yet_due", "2026-03-02T02:00:00.000Z")
    assert "It is due at 2026-03-02 03:00+01:00, in 14h: its time has not come." in found["text"]


def test_what_is_no_time_is_refused(nightly: Ledger) -> None:
    with pytest.raises(InvalidValue, match="neither a time nor a length of time: soon"):
        why(nightly, "backup", "soon")


def test_a_time_without_an_occurrence_has_those_around_it(nightly: Ledger) -> None:
    found = why(nightly, "backup", "2026-02-27T04:00")
    assert found["answer"] == "no_occurrence"
    assert found["nearest"] == {"before": "2026-02-27T03:00:00.000Z", "after": "2026-02-28T03:00:00.000Z"}
    assert found["text"] == (
        "Its schedule (0 3 * * *, UTC) has no occurrence at 2026-02-27 04:00 UTC."
        " The nearest are 2026-02-27 03:00Z before it and 2026-02-28 03:00Z after it."
    )


def test_a_time_before_the_first_occurrence_has_one_neighbour(ledger: Ledger) -> None:
    ledger.add_job("once", schedule=("0 3 * * *",))
    assert said(ledger, "once", "2026-03-01T18:00")["nearest"] == "The nearest is 2026-03-02 03:00Z after it."


def test_an_excluded_time_names_what_excludes_it(ledger: Ledger) -> None:
    exclude = ("2026-12-24..2026-12-26", "* * * * sun", "2026-03-05")
    ledger.add_job("backup", schedule=("0 3 * * *",), exclude=exclude)
    for text, excluded_by in (("2026-03-05", "2026-03-05"), ("2026-03-08", "* * * * sun")):
        found = why(ledger, "backup", f"{text}T03:00")
        assert found["answer"] == "excluded"
        assert f"`exclude` leaves it out: {excluded_by}." in found["text"]
    assert answer(ledger, "backup", "2026-03-05T04:00") == "no_occurrence"


# Clocks that are shifted


def test_a_time_that_a_clock_skips_ran_right_after(ledger: Ledger) -> None:
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    found = why(ledger, "early", "2026-03-29T02:30")
    assert (found["answer"], found["scheduled_for"]) == ("not_yet_due", "2026-03-29T01:00:00.000Z")
    assert found["parts"][0] == {
        "about": "clock",
        "text": "02:30 does not exist on 2026-03-29: clocks of Europe/Berlin go from 02:00 to 03:00,"
        " and what is due in between by a fixed time runs at 03:00.",
    }


def test_of_the_past_it_says_so(ledger: Ledger) -> None:
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    ledger.clock.time = datetime(2026, 4, 1, tzinfo=UTC)
    since(ledger, "early", datetime(2026, 3, 1, tzinfo=UTC))
    row(ledger, "early", "ok", datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    found = why(ledger, "early", "2026-03-29T02:30")
    assert found["answer"] == "ran"
    assert found["parts"][0]["text"].startswith("02:30 did not exist on 2026-03-29")
    assert found["parts"][0]["text"].endswith("by a fixed time ran at 03:00.")


def test_steps_have_none_in_a_skipped_hour(ledger: Ledger) -> None:
    ledger.add_job("steps", schedule=("*/15 2 * * *",), timezone=BERLIN)
    found = why(ledger, "steps", "2026-03-29T02:30")
    assert found["answer"] == "no_occurrence"
    assert "times that follow elapsed time, such as `*/15`, have none in between" in found["text"]
    assert found["nearest"] == {"before": "2026-03-28T01:45:00.000Z", "after": "2026-03-30T00:00:00.000Z"}


def test_a_time_that_comes_twice_runs_once(ledger: Ledger) -> None:
    ledger.add_job("early", schedule=("30 2 * * *",), timezone=BERLIN)
    found = why(ledger, "early", "2026-10-25T02:30")
    assert (found["answer"], found["scheduled_for"]) == ("not_yet_due", "2026-10-25T00:30:00.000Z")
    assert found["text"].startswith("02:30 comes twice on 2026-10-25: clocks of Europe/Berlin go from 03:00")
    assert "runs once, the first time" in found["text"]
    second = why(ledger, "early", "2026-10-25T01:30Z")
    assert second["answer"] == "no_occurrence"
    assert "runs once, the first time" in second["text"]


def test_a_day_that_a_zone_left_out_has_no_run(ledger: Ledger) -> None:
    ledger.add_job("daily", schedule=("0 9 * * *",), timezone="Pacific/Apia")
    ledger.clock.time = datetime(2012, 1, 5, tzinfo=UTC)
    since(ledger, "daily", datetime(2011, 12, 1, tzinfo=UTC))
    found = why(ledger, "daily", "2011-12-30T09:00")
    assert found["answer"] == "no_occurrence"
    assert "09:00 did not exist on 2011-12-30" in found["text"]
    assert "what is due in between does not run" in found["text"]


def test_a_zone_of_half_hours_is_told_by_its_own_clock(ledger: Ledger) -> None:
    ledger.add_job("island", schedule=("15 2 * * *",), timezone="Australia/Lord_Howe")
    found = why(ledger, "island", "2026-10-04T02:15")
    assert "clocks of Australia/Lord_Howe go from 02:00 to 02:30" in found["text"]
    assert found["scheduled_for"] == "2026-10-03T15:30:00.000Z"


@pytest.mark.parametrize("text", ["0001-01-01T00:00Z", "9999-12-31T23:59Z", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_ends_of_the_calendar_are_times_too(ledger: Ledger, text: str, zone: str) -> None:
    ledger.add_job("daily", schedule=("0 9 * * *",), timezone=zone)
    assert answer(ledger, "daily", text) in ("not_declared", "no_occurrence")


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
def test_the_ends_of_the_calendar_may_be_local_times(ledger: Ledger, text: str) -> None:
    ledger.add_job("daily", schedule=("0 9 * * *",))
    assert answer(ledger, "daily", text) in ("not_declared", "no_occurrence")


# What is to come


def test_a_paused_job_will_skip_it(nightly: Ledger) -> None:
    nightly.pause("backup", nightly.now + timedelta(days=1), "moving")
    assert answer(nightly, "backup", "2026-03-02T03:00") == "paused"
    assert answer(nightly, "backup", "2026-03-03T03:00") == "not_yet_due"
    assert said(nightly, "backup", "2026-03-02T03:00")["pause"] == (
        "It is now paused until 2026-03-02 12:00Z: moving."
    )


def test_an_occurrence_that_a_person_wants_skipped_says_so(nightly: Ledger) -> None:
    nightly.conn.execute(
        "INSERT INTO overrides (job_id, kind, scheduled_for, reason, created_by, created_at) VALUES"
        " ('backup', 'skip', '2026-03-02T03:00:00.000Z', 'the disk is full', 'cli', ?)",
        (to_text(nightly.now),),
    )
    assert answer(nightly, "backup", "2026-03-02T03:00") == "to_be_skipped"
    assert said(nightly, "backup", "2026-03-02T03:00")["time"].endswith(
        "will be skipped because a person wants this occurrence skipped: the disk is full."
    )
    assert answer(nightly, "backup", "2026-03-03T03:00") == "not_yet_due"
    assert said(nightly, "backup")["next"] == (
        "It is due next at 2026-03-02 03:00Z, in 15h, and will be skipped because a person wants this"
        " occurrence skipped: the disk is full; the first one after it that is not skipped is at"
        " 2026-03-03 03:00Z, in 1d 15h."
    )


@pytest.mark.parametrize("text", ["2026-03-02T03:00", "2026-02-27T03:00"])
def test_nothing_of_a_disabled_job_is_due(ledger: Ledger, text: str) -> None:
    ledger.add_job("off", schedule=("0 3 * * *",), enabled=False)
    since(ledger, "off", ledger.at(days=7))
    found = why(ledger, "off", text)
    assert found["answer"] == "disabled"
    assert found["text"] == "It is declared `enabled: false` in jobs.d/off.yaml:1; nothing of it is due."


def test_a_job_without_a_schedule_has_no_time(ledger: Ledger) -> None:
    ledger.add_job("by-hand")
    found = why(ledger, "by-hand", "2026-03-02T03:00")
    assert (found["answer"], found["nearest"]) == ("no_schedule", None)


def test_a_damaged_row_answers_nothing_else(nightly: Ledger) -> None:
    nightly.conn.execute("""UPDATE jobs SET spec = '{"schedule": 7}'""")
    assert answer(nightly, "backup", "2026-03-02T03:00") == "damaged"
    assert "`jeeves-runner apply` heals it" in why(nightly, "backup")["text"]
    nightly.conn.execute("UPDATE jobs SET drifted = 1")
    assert "by hand" not in why(nightly, "backup")["text"].replace("was damaged by hand", "", 1)


# What has passed without a row


@pytest.mark.parametrize(
    ("policy", "fate"),
    [
        ({"catch_up": "none"}, "will record it as missed, because the job has `catch_up: none`"),
        ({"catch_up": "all"}, "will run it, if it looks within `catch_up_window` (12h)"),
        ({}, "will run it, if it looks within `catch_up_window` (12h) and none later is due"),
        ({"catch_up_window_ms": 3_600_000}, "as missed, because `catch_up_window` is 1h"),
    ],
)
def test_what_no_server_has_looked_at_says_what_the_next_one_will_do(
    ledger: Ledger, policy: dict[str, object], fate: str
) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), **policy)
    since(ledger, "backup", ledger.at(days=7), decided=ledger.at(hours=20))
    found = why(ledger, "backup", "03:00", served=False)
    assert found["answer"] == "undecided"
    assert fate in found["text"]
    assert answer(ledger, "backup", served=False) == "undecided"


def test_what_a_later_one_will_take_the_place_of_says_so(ledger: Ledger) -> None:
    ledger.add_job("sync", schedule=("0 * * * *",))
    since(ledger, "sync", ledger.at(days=7), decided=ledger.at(hours=6))
    assert "none later is due" in why(ledger, "sync", "12:00", served=False)["text"]
    assert "because a later one takes its place" in why(ledger, "sync", "10:00", served=False)["text"]


def test_what_came_while_the_job_is_paused_will_be_skipped(nightly: Ledger) -> None:
    since(nightly, "backup", nightly.at(days=7), decided=nightly.at(hours=20))
    nightly.pause("backup")
    found = why(nightly, "backup", "03:00", served=False)
    assert found["answer"] == "undecided"
    assert "will skip it, if the job is still paused then." in found["text"]


def test_a_time_of_which_no_row_is_kept_says_so(nightly: Ledger) -> None:
    found = why(nightly, "backup", "2026-02-27T03:00")
    assert (found["answer"], found["run"]) == ("pruned", None)
    assert "no row tells of it any more" in found["text"]


def test_a_row_that_stands_for_many_answers_for_each_of_them(nightly: Ledger) -> None:
    first, last = LAST_NIGHT - timedelta(days=3), LAST_NIGHT - timedelta(days=1)
    row(
        nightly, "backup", "missed", first, last_for=to_text(last), occurrences=3, reason="late",
        created_at=to_text(LAST_NIGHT),
    )  # fmt: skip
    for day in (26, 27, 28):
        assert answer(nightly, "backup", f"2026-02-{day}T03:00") == "missed"
    assert answer(nightly, "backup", "2026-02-25T03:00") == "pruned"
    assert answer(nightly, "backup", "2026-02-27T04:00") == "no_occurrence"
    text = why(nightly, "backup", "2026-02-27T03:00")["text"]
    assert (
        "Run 1 stands for 3 occurrences of its schedule, from 2026-02-26 03:00Z to 2026-02-28 03:00Z." in text
    )
    assert "A server looked at 2026-03-01 03:00Z, 1d after the last of them." in text


def test_a_job_that_there_never_was_is_not_found(nightly: Ledger) -> None:
    with pytest.raises(NotFound, match="there is no job bakcup") as error:
        why(nightly, "bakcup")
    assert error.value.hint == "did you mean backup?"
