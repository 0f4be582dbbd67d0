"""Every word of the closed lists has words for people."""

import pytest

from jeeves_runner.core.model import CancelCause, Reason, Trigger
from jeeves_runner.core.reasons import CATCHES_UP, CAUSES, REASONS, TRIGGERS, reason_sentence, short_reason


def test_every_reason_has_its_sentence() -> None:
    assert {reason for _, reason in REASONS} == set(map(str, Reason))


def test_every_trigger_and_every_cause_has_its_words() -> None:
    assert set(TRIGGERS) == set(Trigger)
    assert set(CAUSES) == set(map(str, CancelCause))


@pytest.mark.parametrize(("status", "reason"), REASONS, ids=" ".join)
@pytest.mark.parametrize("ref", [None, "7"])
def test_a_sentence_is_whole_with_and_without_what_it_is_about(
    status: str, reason: str, ref: str | None
) -> None:
    sentence = reason_sentence(status, reason, ref)
    assert sentence.startswith("It ")
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert "  " not in sentence
    assert ("7" in sentence) == (ref is not None and "{ref}" in REASONS[status, reason].sentence)


def test_a_sentence_names_what_it_is_about() -> None:
    assert reason_sentence("scheduled", "pool", "db") == "It waits for pool db, which is full."
    assert reason_sentence("scheduled", "overlap", None) == (
        "It waits for another run of the job, which is not over."
    )


def test_a_run_that_was_to_end_and_then_replaced_says_so_whatever_it_ended_as() -> None:
    assert reason_sentence("timeout", "replaced", "9") == "It was to make room for run 9."


def test_what_another_version_wrote_is_shown_as_it_stands() -> None:
    assert short_reason("scheduled", "moon", None) == "moon"
    assert reason_sentence("scheduled", "moon", None) == "Its reason is moon."


def test_a_job_that_is_late_has_its_words_too() -> None:
    assert CATCHES_UP.short.format(ref="in 5m") == "late: catches up in 5m (catch_up_spread)"
    assert CATCHES_UP.said("12:05") == (
        "It is late, and catches up at about 12:05: `catch_up_spread` spaces the jobs that are late after a"
        " silence."
    )
