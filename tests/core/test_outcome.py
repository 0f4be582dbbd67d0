"""From endings to recorded outcomes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.model import CancelCause, ExitCodes, Reason, RunStatus
from jeeves_runner.core.outcome import MAX_SAID, Cancelled, Ending, Exited, Finished, Lost, outcome


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        (Exited(code=0), "ok", None),
        (Exited(code=3), "error", "exit code 3"),
        (Exited(signal="SIGSEGV"), "error", "killed by SIGSEGV"),
        (Lost(message="the runner died while this ran"), "interrupted", "the runner died while this ran"),
        (
            Lost(message="it died", left_alive="process 7 may live"),
            "interrupted",
            "it died; process 7 may live",
        ),
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
    assert (by_line.tokens, by_line.model, by_line.result_meta) == (9, "small", '{"model":"mine"}')
    uncounted = outcome(Finished(status="ok"), cause=None, result='{"tokens": 5}')
    assert uncounted.tokens == 5


def test_an_end_that_nothing_has_confirmed_says_so() -> None:
    given_up = Cancelled(tokens=7, model="small", confirmed=False)
    recorded = outcome(given_up, cause=CancelCause.TIMEOUT, result=None)
    assert (recorded.status, recorded.confirmed) == (RunStatus.TIMEOUT, False)
    assert recorded.message == "timed out (nothing has confirmed its end)"
    assert (recorded.tokens, recorded.model) == (7, "small")
    over = Finished(status="error", message="over its limit; it may go on", confirmed=False)
    assert not outcome(over, cause=None, result=None).confirmed
    late = outcome(over, cause=CancelCause.TIMEOUT, result=None)
    assert late.message == "timed out (over its limit; it may go on)"
    assert outcome(Cancelled(), cause=CancelCause.TIMEOUT, result=None).message == "timed out"
    assert outcome(Exited(code=0), cause=CancelCause.TIMEOUT, result=None).confirmed


# Exit codes that are no failure


CODES = ExitCodes(ok=(1,), skip=(78,))


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [(0, "ok", None), (1, "ok", None), (78, "skipped", "exit_code"), (2, "error", None), (10, "error", None)],
)
def test_a_job_says_what_its_exit_codes_mean(code: int, status: str, reason: str | None) -> None:
    recorded = outcome(Exited(code=code), cause=None, result=None, exit_codes=CODES)
    assert (recorded.status, recorded.reason, recorded.exit_code) == (status, reason, code)


@pytest.mark.parametrize(
    ("stdout", "stderr", "message"),
    [
        ("looked\nnothing new\n", "warning\n", "nothing new"),
        (None, "nothing new\n\n", "nothing new"),
        ("\n \n", "from stderr", "from stderr"),
        ('nothing new\r\nJR_RESULT:{"tokens": 1}\n', None, "nothing new"),
        ("10%\r20%\rdone\n", None, "done"),
        (None, None, None),
        ("x" * 1000, None, "x" * 1000),
        ("x" * 1001, None, "x" * 999 + "…"),
    ],
)
def test_the_message_of_a_skipped_run_is_its_last_line(
    stdout: str | None, stderr: str | None, message: str | None
) -> None:
    recorded = outcome(Exited(code=78), cause=None, result=None, exit_codes=CODES, tails=(stdout, stderr))
    assert recorded.message == message


def test_what_a_run_wrote_is_no_message_of_another_end() -> None:
    for code in (0, 1, 2):
        recorded = outcome(Exited(code=code), cause=None, result=None, exit_codes=CODES, tails=("said", None))
        assert recorded.message == (None if code < 2 else "exit code 2")


def test_a_dropped_result_is_told_besides() -> None:
    recorded = outcome(
        Exited(code=78), cause=None, result=None, note="dropped", exit_codes=CODES, tails=("said",)
    )
    assert recorded.message == "said; dropped"


CODE = st.integers(0, 255)
LISTED = st.builds(
    ExitCodes, ok=st.lists(CODE, max_size=3).map(tuple), skip=st.lists(CODE, max_size=3).map(tuple)
)
ENDINGS = st.one_of(
    st.builds(Exited, code=CODE),
    st.sampled_from([Exited(signal="SIGKILL"), Cancelled(), Lost(message="gone")]),
    st.builds(Finished, status=st.sampled_from(["ok", "error", "timeout", "cancelled"])),
)


@given(
    ending=ENDINGS,
    cause=st.none() | st.sampled_from(CancelCause),
    codes=st.none() | LISTED,
    said=st.none() | st.text(),
)
def test_an_end_is_skipped_for_its_code_alone(
    ending: Ending, cause: CancelCause | None, codes: ExitCodes | None, said: str | None
) -> None:
    """Whatever else there is: a cause comes first, a code means one thing, and only a skip has a reason."""
    recorded = outcome(ending, cause=cause, result=None, exit_codes=codes, tails=(said, None))
    without = outcome(ending, cause=cause, result=None)
    listed = codes or ExitCodes()
    code = ending.code if isinstance(ending, Exited) else None
    if cause is None and code is not None and code in listed.ok:
        assert (recorded.status, recorded.message) == (RunStatus.OK, None)
    elif cause is None and code is not None and code != 0 and code in listed.skip:
        assert (recorded.status, recorded.reason) == (RunStatus.SKIPPED, Reason.EXIT_CODE)
        assert len(recorded.message or "") <= MAX_SAID
    else:
        assert recorded == without
    assert recorded.status.is_final
    assert (recorded.reason is None) == (recorded.status is not RunStatus.SKIPPED)


# Prechecks


@pytest.mark.parametrize(
    ("ending", "status", "message"),
    [
        (Exited(code=10), "skipped", "no mail\nat all"),
        (Exited(code=3), "error", "precheck: exit code 3"),
        (Exited(signal="SIGKILL"), "error", "precheck: killed by SIGKILL"),
        (Finished(status="error", message="it took long"), "error", "precheck: it took long"),
        (Lost(message="gone"), "interrupted", "precheck: gone"),
    ],
)
def test_a_precheck_ends_its_run(ending: Ending, status: str, message: str) -> None:
    codes = ExitCodes(ok=(3,), skip=(4,))
    tails = ('no mail\nJR_RESULT:{"tokens": 3}\nat all\n', "err")
    recorded = outcome(ending, cause=None, result=None, exit_codes=codes, tails=tails, of_precheck=True)
    assert (recorded.status, recorded.message) == (status, message)


@pytest.mark.parametrize(
    ("tails", "message"),
    [
        ((None, None), None),
        (("  \n", "from stderr\n"), "from stderr"),
        (("a" * 1001,), "…" + "a" * 999),
        (("a" * 1000,), "a" * 1000),
    ],
)
def test_of_a_long_text_the_end_is_the_message(tails: tuple[str | None, ...], message: str | None) -> None:
    recorded = outcome(Exited(code=10), cause=None, result=None, tails=tails, of_precheck=True)
    assert recorded.message == message


@given(
    ending=ENDINGS, cause=st.none() | st.sampled_from(CancelCause), codes=st.none() | LISTED, said=st.text()
)
def test_a_precheck_never_ends_a_run_well(
    ending: Ending, cause: CancelCause | None, codes: ExitCodes | None, said: str
) -> None:
    """It is skipped for the one code; the exit codes of the job are not those of its precheck."""
    if isinstance(ending, Finished) and ending.status == "ok":
        return  # no process answers so
    recorded = outcome(
        ending, cause=cause, result=None, exit_codes=codes, tails=(said, None), of_precheck=True
    )
    assert recorded.status is not RunStatus.OK
    is_skipped = cause is None and isinstance(ending, Exited) and ending.code == 10
    assert (recorded.status is RunStatus.SKIPPED) == is_skipped
    assert recorded.reason == (Reason.PRECHECK if is_skipped else None)
    assert len(recorded.message or "") <= MAX_SAID
    if cause is not None:
        assert recorded == outcome(ending, cause=cause, result=None)
