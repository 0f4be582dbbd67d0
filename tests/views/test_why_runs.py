"""Why a run ran, waits or did not run: given its row, then what caused it, what became of it, and why."""

from datetime import timedelta
from typing import Any

import pytest
from support.ledger import Ledger
from support.why import answer, row, said, since, why

from jeeves_runner.clock import to_text
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.reasons import REASONS
from jeeves_runner.errors import InvalidValue, NotFound


@pytest.fixture
def hourly(ledger: Ledger) -> Ledger:
    """A job of each hour, declared a week ago, decided about up to now."""
    ledger.add_job("sync", schedule=("0 * * * *",))
    since(ledger, "sync", ledger.at(days=7))
    return ledger


def test_a_run_of_the_schedule_says_what_caused_it_how_it_went_and_who_declared_it(hourly: Ledger) -> None:
    run = row(
        hourly, "sync", "ok", hourly.at(hours=1),
        started_at=to_text(hourly.at(minutes=59, seconds=48)), duration_ms=250_000,
        revision_id=1, file="jobs.d/sync.yaml",
    )  # fmt: skip
    found = why(hourly, "sync", run=run)
    assert [(part["about"], part["text"]) for part in found["parts"]] == [
        ("cause", "Run 1 ran because it was due by its schedule at 2026-03-01 11:00Z."),
        ("outcome", "It started 12s later, 2026-03-01 11:00:12Z, and ended ok after 4m 10s."),
        (
            "declared",
            (
                "It was declared in jobs.d/sync.yaml by revision 1, applied 2026-03-01 12:00Z from commit"
                " f00dfeedf0, 'First jobs', by Ada."
            ),
        ),
    ]
    assert found["revision"] is not None
    assert (found["revision"]["id"], found["revision"]["commit"]) == (1, "f00dfeed" * 5)
    assert found["run"] is not None
    assert (found["run"]["id"], found["ahead"]) == (run, None)


@pytest.mark.parametrize(
    ("columns", "cause"),
    [
        (
            {"trigger": "manual"},
            "it was asked for by hand, with `trigger` or over HTTP, at 2026-03-01 11:59Z.",
        ),
        ({"trigger": "manual", "forced": 1}, "at 2026-03-01 11:59Z, with `--force`."),
        (
            {"trigger": "manual", "caused_by": '{"runs":[7]}', "depth": 1},
            "because run 7 asked for it, at 2026-03-01 11:59Z.",
        ),
        (
            {"trigger": "after", "caused_by": '{"runs":[7,9]}', "depth": 1},
            "the jobs it follows had ended (runs 7 and 9), at 2026-03-01 11:59Z.",
        ),
        (
            {"trigger": "start"},
            "a server had started, and the job has `on_start: true`, at 2026-03-01 11:59Z.",
        ),
        (
            {"trigger": "catch_up", "scheduled_for": "2026-03-01T09:00:00.000Z"},
            "it was due by its schedule at 2026-03-01 09:00Z, and caught up later.",
        ),
    ],
)
def test_a_run_names_its_cause(hourly: Ledger, columns: dict[str, Any], cause: str) -> None:
    run = hourly.add_run("sync", **columns)
    assert said(hourly, "sync", run=run)["cause"].endswith(cause)


def test_what_a_script_said_is_told_whole(hourly: Ledger) -> None:
    message = f"env TOKEN: the secret file does not exist: /srv/{'x' * 80}; create it. Or leave it out."
    run = hourly.add_run("sync", "error", message=message)
    assert said(hourly, "sync", run=run)["outcome"].endswith(f": {message}")
    hourly.pause("sync", None, "the disks are moved to the other room, and the network is slow.")
    assert said(hourly, "sync")["pause"].endswith("to the other room, and the network is slow.")


@pytest.mark.parametrize("trigger", Trigger)
def test_every_trigger_makes_a_sentence(hourly: Ledger, trigger: Trigger) -> None:
    run = hourly.add_run("sync", trigger=trigger)
    assert said(hourly, "sync", run=run)["cause"].startswith("Run 1 ran because ")


def test_attempts_name_those_before_and_after(hourly: Ledger) -> None:
    first = hourly.add_run("sync", "error", exit_code=3)
    second = hourly.add_run("sync", "timeout", trigger="retry", attempt=2, chain_id=first)
    third = hourly.add_run("sync", "ok", trigger="retry", attempt=3, chain_id=first)
    assert said(hourly, "sync", run=first)["attempts"] == f"Attempt 2, run {second}, followed it: timeout."
    assert (
        said(hourly, "sync", run=first)["outcome"]
        == "It started at once and ended error after 1.0s: exit code 3."
    )
    assert said(hourly, "sync", run=third)["cause"] == (
        f"Run {third} ran because attempt 2, run {second}, ended timeout; the first attempt was run {first}."
    )


@pytest.mark.parametrize(
    ("status", "columns", "outcome"),
    [
        ("error", {"message": "no such file"}, "ended error after 1.0s: no such file."),
        ("error", {"signal": "SIGSEGV"}, "ended error after 1.0s: SIGSEGV."),
        ("timeout", {"cancel_cause": "timeout"}, "was ended after 1.0s for its timeout."),
        ("cancelled", {"cancel_cause": "cancel"}, "was ended after 1.0s on request."),
        ("interrupted", {"message": "the server died"}, "ended interrupted after 1.0s: the server died."),
        ("running", {}, "It started at once and has been running since 2026-03-01 11:59Z, for 1m."),
        (
            "running",
            {"cancel_cause": "cancel", "cancel_requested_at": "2026-03-01T11:59:30.000Z"},
            "It was asked to end on request, 2026-03-01 11:59:30Z.",
        ),
    ],
)
def test_an_end_says_how_it_came(hourly: Ledger, status: str, columns: dict[str, Any], outcome: str) -> None:
    run = hourly.add_run("sync", status, **columns)
    assert said(hourly, "sync", run=run)["outcome"].endswith(outcome)


@pytest.mark.parametrize(("status", "reason"), REASONS, ids=" ".join)
def test_every_reason_has_its_sentence(hourly: Ledger, status: str, reason: str) -> None:
    ref = "db" if reason == "pool" else None
    run = hourly.add_run("sync", status, reason=reason, reason_ref=ref, started_at=None)
    found = why(hourly, "sync", run=run)
    answers = {"scheduled": "waits", "skipped": "skipped", "missed": "missed", "cancelled": "cancelled"}
    assert found["answer"] == answers[status]
    (sentence,) = (part["text"] for part in found["parts"] if part["about"] == "reason")
    assert sentence.startswith(REASONS[status, reason].said(ref)[:-1])


@pytest.mark.parametrize("status", RunStatus)
def test_every_status_has_an_answer(hourly: Ledger, status: RunStatus) -> None:
    run = hourly.add_run("sync", status)
    assert why(hourly, "sync", run=run)["answer"] in {
        "ran", "runs", "waits", "skipped", "missed", "cancelled",
    }  # fmt: skip


# Waiting


def test_what_waits_says_since_when_and_how_many_come_before(hourly: Ledger) -> None:
    hourly.add_job("other")
    for name, priority in (("other", 0), ("other", 5), ("sync", 0), ("other", 0), ("other", 9)):
        hourly.add_run(name, "scheduled", reason="limit", priority=priority)
    hourly.add_run("other", "scheduled", reason="pool", reason_ref="db", priority=9)
    found = why(hourly, "sync", run=3)
    assert (found["answer"], found["ahead"]) == ("waits", 3)
    assert said(hourly, "sync", run=3)["wait"] == (
        "It has waited since 2026-03-01 11:59Z, for 1m, and 3 runs that wait for the same come before it."
    )
    assert why(hourly, "other", run=5)["ahead"] == 0
    assert said(hourly, "other", run=5)["wait"] == "It has waited since 2026-03-01 11:59Z, for 1m."


def test_of_a_pool_only_what_waits_for_the_same_one_counts(hourly: Ledger) -> None:
    for pool in ("db", "disk", "db"):
        hourly.add_run("sync", "scheduled", reason="pool", reason_ref=pool)
    found = why(hourly, "sync", run=3)
    assert found["ahead"] == 1
    assert "It waits for pool db, which is full." in found["text"]
    assert "and 1 run that waits for the same comes before it." in found["text"]


def test_what_waits_for_another_run_names_it(hourly: Ledger) -> None:
    active = hourly.add_run("sync", "running")
    run = hourly.add_run("sync", "scheduled", reason="overlap")
    assert said(hourly, "sync", run=run)["reason"] == (
        f"It waits for run {active} of the job, which is not over."
    )


def test_a_retry_says_when_its_time_comes(hourly: Ledger) -> None:
    first = hourly.add_run("sync", "error")
    run = hourly.add_run(
        "sync", "scheduled", trigger="retry", attempt=2, chain_id=first, reason="retry",
        not_before=to_text(hourly.now + timedelta(minutes=5)),
    )  # fmt: skip
    assert said(hourly, "sync", run=run)["reason"] == (
        "It waits for the time of the next attempt: 2026-03-01 12:05Z."
    )


@pytest.mark.parametrize(("reason", "is_told"), [("limit", False), ("paused", True)])
def test_without_a_server_all_waiting_is_for_one(hourly: Ledger, reason: str, is_told: bool) -> None:
    run = hourly.add_run("sync", "scheduled", reason=reason)
    found = said(hourly, "sync", run=run, served=False)
    assert found["server"] == "It waits for a server: none runs."
    assert ("reason" in found) == is_told


def test_what_no_server_has_looked_at_says_so(hourly: Ledger) -> None:
    run = hourly.add_run("sync", "scheduled")
    assert said(hourly, "sync", run=run)["reason"] == "No server has decided about it yet."


# Not run


def test_a_skipped_one_names_the_run_that_was_active(hourly: Ledger) -> None:
    run = row(hourly, "sync", "skipped", hourly.at(hours=1), reason="overlap", reason_ref="7")
    found = said(hourly, "sync", run=run)
    assert found["cause"] == "Run 1 was to run because it was due by its schedule at 2026-03-01 11:00Z."
    assert found["reason"] == (
        "It was skipped because run 7 of the job was not over, and its `overlap_policy` is `skip`."
    )


def test_what_a_precheck_said_is_told(hourly: Ledger) -> None:
    run = hourly.add_run(
        "sync", "skipped", reason="precheck", message="no new mail", started_at=to_text(hourly.now)
    )
    found = said(hourly, "sync", run=run)
    assert found["cause"].startswith("Run 1 ran because")
    assert found["reason"].endswith("there was nothing to do. Noted with it: no new mail.")


# What happened last


def test_without_a_question_it_tells_what_happened_last_and_what_comes(hourly: Ledger) -> None:
    row(hourly, "sync", "ok", hourly.at(hours=2))
    run = row(hourly, "sync", "skipped", hourly.at(hours=1), reason="paused")
    found = why(hourly, "sync")
    assert (found["answer"], found["run"] and found["run"]["id"]) == ("skipped", run)
    assert found["parts"][-1] == {"about": "next", "text": "It is due next at 2026-03-01 13:00Z, in 1h."}


def test_a_job_that_never_ran_says_when_it_will(ledger: Ledger) -> None:
    ledger.add_job("sync", schedule=("0 * * * *",))
    assert why(ledger, "sync")["text"] == (
        "No run of it is recorded. It is due next at 2026-03-01 13:00Z, in 1h."
    )
    assert why(ledger, "sync", served=False)["text"].endswith("in 1h, and no server runs.")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "It has no schedule; it runs when triggered."),
        ({"on_start": True}, "It has no schedule; it runs when triggered and when a server starts."),
        ({"schedule": ("@daily",), "enabled": False}, "It is declared `enabled: false` in jobs.d/job.yaml:1"),
    ],
)
def test_a_job_to_which_nothing_comes_says_why(ledger: Ledger, fields: dict[str, Any], text: str) -> None:
    ledger.add_job("job", **fields)
    assert text in why(ledger, "job")["text"]


def test_what_holds_for_the_job_is_told_besides(hourly: Ledger) -> None:
    hourly.pause("sync", reason="moving")
    hourly.hold("sync", "`timeout` must be a duration")
    with hourly.tx() as tx:
        tx.conn.execute(
            "INSERT INTO overrides (kind, until, created_by, created_at) VALUES ('mute', ?, 'cli', ?)",
            (to_text(hourly.now + timedelta(hours=1)), tx.at),
        )
    found = said(hourly, "sync")
    assert "next" not in found  # the pause says it
    assert found["pause"] == "It is now paused until it is resumed: moving."
    assert found["mute"] == "It is now muted until 2026-03-01 13:00Z, as all jobs are."
    assert found["held"] == (
        "It has kept the spec applied last since 2026-03-01 12:00Z, because jobs.d/sync.yaml is broken:"
        " `timeout` must be a duration; `jeeves-runner validate` shows all that is wrong."
    )


def test_a_run_is_asked_for_with_its_own_job(hourly: Ledger) -> None:
    hourly.add_job("other")
    run = hourly.add_run("other")
    with pytest.raises(InvalidValue, match=f"run {run} is not of sync") as error:
        why(hourly, "sync", run=run)
    assert error.value.hint == f"it is of other: `why other {run}`"
    with pytest.raises(NotFound, match="there is no run 99"):
        why(hourly, "sync", run=99)
    with pytest.raises(NotFound, match=f"there is no job {run}") as unknown:
        why(hourly, str(run))
    assert unknown.value.hint == f"run {run} is of other: `why other {run}`"


def test_what_a_dead_server_has_left_running_says_so(hourly: Ledger) -> None:
    run = hourly.add_run("sync", "running")
    assert "server" not in said(hourly, "sync", run=run)
    assert said(hourly, "sync", run=run, served=False)["server"] == (
        "No server runs: the next one finds out what has become of it."
    )


def test_a_time_of_a_run_by_hand_is_no_occurrence(hourly: Ledger) -> None:
    hourly.add_run("sync")
    assert answer(hourly, "sync", "11:59") == "no_occurrence"


def test_refusals_that_share_a_row_are_told_with_their_number_and_the_last_cause(hourly: Ledger) -> None:
    run = hourly.add_run(
        "sync", "skipped", trigger="queue", reason="depth", occurrences=3, depth=21,
        caused_by='{"items":[4],"queue":"mail"}', message="depth 21, and graph.depth is 20",
    )  # fmt: skip
    found = said(hourly, "sync", run=run)
    assert found["cause"] == (
        "Run 1 stands for 3 runs, the last because its queue had items that were ready"
        " (1 item of queue mail: 4), at 2026-03-01 11:59Z."
    )
    assert found["reason"].endswith("Noted with it: depth 21, and graph.depth is 20.")
