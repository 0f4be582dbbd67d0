"""From endings to recorded outcomes."""

import json

import pytest

from jeeves_runner.core.model import CancelCause, RunStatus
from jeeves_runner.core.outcome import Cancelled, Ending, Exited, Finished, Lost, outcome


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        (Exited(code=0), "ok", None),
        (Exited(code=3), "error", "exit code 3"),
        (Exited(signal="SIGSEGV"), "error", "killed by SIGSEGV"),
        (Lost(message="the runner died while this ran"), "interrupted", "the runner died while this ran"),
        (Cancelled(), "cancelled", "cancelled"),
        (Cancelled(message="the cluster did it"), "cancelled", "cancelled (the cluster did it)"),
        (Finished(status="ok"), "ok", None),
        (Finished(status="error", message="model refused"), "error", "model refused"),
        (Finished(status="timeout", message="too slow"), "timeout", "too slow"),
    ],
)
def test_work_that_ended_by_itself(ending: Ending, status: str, message: str | None) -> None:
    recorded = outcome(ending, cause=None, result=None)
    assert (recorded.status.value, recorded.message) == (status, message)


@pytest.mark.parametrize(
    ("cause", "status"),
    [
        (CancelCause.TIMEOUT, RunStatus.TIMEOUT),
        (CancelCause.CANCEL, RunStatus.CANCELLED),
        (CancelCause.REPLACED, RunStatus.CANCELLED),
        (CancelCause.SHUTDOWN, RunStatus.INTERRUPTED),
        (CancelCause.FENCED, RunStatus.INTERRUPTED),
    ],
)
@pytest.mark.parametrize(
    "ending", [Exited(code=0), Exited(code=1), Exited(signal="SIGKILL"), Cancelled(), Finished(status="ok")]
)
def test_the_first_recorded_cause_decides_whatever_the_work_answered(
    cause: CancelCause, status: RunStatus, ending: Ending
) -> None:
    assert outcome(ending, cause=cause, result=None).status is status


def test_a_cause_and_the_exit_are_both_told() -> None:
    recorded = outcome(Exited(signal="SIGTERM"), cause=CancelCause.TIMEOUT, result=None)
    assert recorded.message == "timed out (killed by SIGTERM)"
    assert (recorded.exit_code, recorded.signal) == (None, "SIGTERM")


def test_exit_code_and_signal_are_recorded() -> None:
    assert outcome(Exited(code=3), cause=None, result=None).exit_code == 3
    assert outcome(Exited(signal="SIGSEGV"), cause=None, result=None).signal == "SIGSEGV"


def test_a_result_is_split_into_tokens_and_the_rest() -> None:
    recorded = outcome(Exited(code=0), cause=None, result='{"tokens": 12, "files": ["ä"], "n": {"a": null}}')
    assert recorded.tokens == 12
    assert recorded.result_meta is not None
    assert json.loads(recorded.result_meta) == {"files": ["ä"], "n": {"a": None}}


def test_tokens_alone_leave_no_meta() -> None:
    recorded = outcome(Exited(code=0), cause=None, result='{"tokens": 0}')
    assert (recorded.tokens, recorded.result_meta, recorded.message) == (0, None, None)


@pytest.mark.parametrize("tokens", ["-1", "1.5", "true", '"7"', "[]", str(2**63)])
def test_tokens_that_are_no_count_are_dropped_with_a_note(tokens: str) -> None:
    recorded = outcome(Exited(code=0), cause=None, result=f'{{"tokens": {tokens}, "kept": 1}}')
    assert recorded.tokens is None
    assert recorded.result_meta == '{"kept":1}'
    assert recorded.message == "tokens dropped: not a whole number from 0 up"
    assert recorded.status is RunStatus.OK


def test_a_failed_run_keeps_its_result_and_notes() -> None:
    recorded = outcome(Exited(code=3), cause=None, result=None, note="result dropped: over 64 KiB")
    assert recorded.message == "exit code 3; result dropped: over 64 KiB"
    assert outcome(Exited(code=3), cause=None, result='{"tokens": 5}').tokens == 5


def test_a_lone_surrogate_in_a_result_can_still_be_stored_as_utf_8() -> None:
    recorded = outcome(Exited(code=0), cause=None, result='{"a": "\\ud800"}')
    assert recorded.result_meta is not None
    assert recorded.result_meta.encode("utf-8") == b'{"a":"\\ud800"}'


def test_finished_work_brings_tokens_and_model() -> None:
    recorded = outcome(Finished(status="ok", tokens=9, model="small"), cause=None, result=None)
    assert (recorded.tokens, recorded.model, recorded.result_meta) == (9, "small", None)
    by_line = outcome(
        Finished(status="ok", tokens=9, model="small"), cause=None, result='{"tokens": 5, "model": "mine"}'
    )
    assert (by_line.tokens, by_line.model, by_line.result_meta) == (5, "small", '{"model":"mine"}')


def test_an_end_that_nothing_has_confirmed_says_so() -> None:
    given_up = Cancelled(tokens=7, model="small", confirmed=False)
    recorded = outcome(given_up, cause=CancelCause.TIMEOUT, result=None)
    assert (recorded.status, recorded.confirmed) == (RunStatus.TIMEOUT, False)
    assert recorded.message == "timed out (nothing has confirmed its end)"
    assert (recorded.tokens, recorded.model) == (7, "small")
    assert outcome(Cancelled(), cause=CancelCause.TIMEOUT, result=None).message == "timed out"
    assert outcome(Exited(code=0), cause=CancelCause.TIMEOUT, result=None).confirmed
