"""What people read of jobs: all of them as a table, and one in full."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.cli import Shell, words
from support.clock import NOON

from jeeves_runner.clock import to_text
from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.edge_spec import After, Need, OnQueue
from jeeves_runner.core.model import CatchUp, ExitCodes, JobType, Keep, Param, Retries, Secret, SourceType
from jeeves_runner.core.schedule_entry import At, Every, RRule, ScheduleEntry
from jeeves_runner.core.session_spec import Session


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_jobs_are_a_table_with_what_is_unusual_noted(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("backup", schedule=("0 3 * * *",))
    ledger.add_run("backup", "error", started_at=to_text(NOON - timedelta(hours=2)))
    ledger.add_job("by-hand")
    ledger.add_job("report", schedule=("*/30 * * * *", "@daily"))
    ledger.pause("report", until=NOON + timedelta(hours=2), reason="holiday")
    ledger.hold("by-hand", "unknown key")
    lines = [words(line) for line in shell.text("jobs").splitlines()]
    assert lines == [
        "JOB STATUS SCHEDULE LAST RUN NEXT RUN NOTE",
        "backup error 0 3 * * * 2h ago in 15h -",
        "by-hand idle when triggered - - held: runs on as before, jobs.d/by-hand.yaml is broken",
        "report paused */30 * * * * | @daily - in 2h paused, ends in 2h: holiday",
    ]


def test_what_starts_a_job_without_a_time_stands_where_a_schedule_would(shell: Shell) -> None:
    shell.ledger.add_job("a", after=After(("b", "c")), on_start=True)
    shell.ledger.add_job("b", schedule=("@daily",), on_queue=OnQueue("mail"))
    shell.ledger.add_job("c")
    shell.ledger.conn.execute(
        "UPDATE jobs SET spec = json_remove(spec, '$.on_start', '$.after') WHERE id = 'c'"
    )  # as an earlier version wrote it
    rows = [words(line) for line in shell.text("jobs").splitlines()]
    assert rows[1].startswith("a idle after b, c | when a server starts - ")
    assert rows[2].startswith("b idle @daily | by items of queue mail - ")
    assert rows[3].startswith("c idle when triggered - ")
    assert [job["starts"] for job in shell.json("jobs")["jobs"]] == [
        ["after b, c", "when a server starts"], ["by items of queue mail"], [],
    ]  # fmt: skip
    lines = [words(line) for line in shell.text("job", "a").splitlines()]
    assert "starts after b, c; when a server starts" in lines
    assert not any(line.startswith("schedule") for line in lines)


def test_a_job_is_told_with_all_that_is_declared_of_it(shell: Shell) -> None:
    shell.ledger.add_job(
        "a", schedule=("@daily",), source_type=SourceType.INLINE, script="echo", args=("x",),
        env=(("LEVEL", "3"), ("TOKEN", Secret("file", "secrets/token"))), catch_up=CatchUp.ALL,
        retries=Retries(limit=3, delay_ms=60_000, backoff="exponential", on_exit_codes=(7, 9)),
        needs=(Need("b"), Need("c", wait_ms=7_200_000)), keep=Keep(days_ms=7_776_000_000),
        on_failure=("slack:C1", "mail:x@y.z"), after=After(("b", "c"), "finished"), triggers=("d",),
        writes=("datastore:x",), kill_grace_ms=1000, alert=Alert(after=2, on=("failure",)),
    )  # fmt: skip
    text = shell.text("job", "a")
    lines = [words(line) for line in text.splitlines()]
    for line in (
        "after b, c, when finished",
        "needs b, within 1d; c, within 1d, wait 2h",
        "triggers d",
        "catch_up all",
        "args x",
        "env LEVEL, TOKEN (secret)",
        "kill_grace 1s",
        "retries 3, delay 1m, backoff exponential, max_delay 1h, on [error, timeout], on_exit_codes [7, 9]",
        "keep days 90d",
        "on_failure slack:C1, mail:x@y.z",
        "alert on [failure], after 2, remind 6h, on_recovery true",
        "writes datastore:x",
        "limits no timeout, overlap skip",
    ):
        assert line in lines
    assert "secrets/token" not in text


def test_what_becomes_of_times_that_were_missed_is_always_told(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("@daily",))
    shell.ledger.add_job("b")
    assert "catch_up latest" in words(shell.text("job", "a"))
    assert "catch_up" not in shell.text("job", "b")


def test_entries_of_a_schedule_are_told_apart(shell: Shell) -> None:
    rule = RRule("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=3")
    shell.ledger.add_job("a", schedule=("0,30 3 * * *", rule, Every("11m")))
    shown = "0,30 3 * * * | FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=3 | every 11m"
    assert f"schedule {shown} (UTC)" in [words(line) for line in shell.text("job", "a").splitlines()]
    assert f"a idle {shown} - " in words(shell.text("jobs"))


@pytest.mark.parametrize(
    "entry",
    [At("2026-02-28T12:00"), RRule("FREQ=DAILY;COUNT=2", "2026-02-01"), RRule("FREQ=DAILY;UNTIL=20260201")],
)
def test_a_schedule_that_has_run_out_is_told_at_once(shell: Shell, entry: ScheduleEntry) -> None:
    shell.ledger.add_job("over", schedule=(entry,), timezone="UTC")
    shell.ledger.add_job("by-hand")
    shell.ledger.add_job("off", schedule=(entry,), enabled=False)
    shell.ledger.add_job("paused", schedule=("@daily",))
    shell.ledger.pause("paused")
    rows = [words(line) for line in shell.text("jobs").splitlines()]
    assert [row.split()[0] for row in rows if row.endswith(" - no further occurrence")] == ["over"]
    lines = [words(line) for line in shell.text("job", "over").splitlines()]
    assert "next run no further occurrence" in lines
    row = "run out over no further occurrence; `jeeves-runner job over` has its schedule"
    assert row in [words(line) for line in shell.text("status").splitlines()]
    assert "over" not in shell.run("status", "--check").stdout  # nothing is wrong with it
    assert "Its schedule has no occurrence any more." in shell.text("why", "over")


def test_jobs_can_be_chosen_by_status_and_tag(shell: Shell) -> None:
    shell.ledger.add_job("one", tags=("night",))
    shell.ledger.add_job("two", tags=("night", "db"))
    shell.ledger.add_job("three")
    shell.ledger.hold("three", "broken")
    shell.ledger.add_run("two", "error")

    def chosen(*options: str) -> list[str]:
        return [job["id"] for job in shell.json("jobs", *options)["jobs"]]

    assert chosen() == ["one", "three", "two"]
    assert chosen("--tag", "night") == ["one", "two"]
    assert chosen("--status", "error") == ["two"]
    assert chosen("--status", "held") == ["three"]
    assert chosen("--status", "idle", "--tag", "db") == []
    assert shell.text("jobs", "--tag", "nothing") == "No job fits; 3 jobs are declared.\n"
    for gone in ("two", "three"):
        shell.ledger.delete_job(gone)
    assert shell.text("jobs", "--tag", "nothing") == "No job fits; 1 job is declared.\n"


def test_a_job_is_told_in_full(shell: Shell) -> None:
    shell.ledger.add_job(
        "backup", name="Nightly backup", schedule=("0 3 * * *",), timezone="Europe/Berlin",
        timeout_ms=300_000, args=("--all", "a b"), description="Copies everything.",
        exclude=("2026-12-25",), cwd="/srv",
    )  # fmt: skip
    run = shell.ledger.add_run("backup", "error", exit_code=3, message="exit code 3")
    lines = [words(line) for line in shell.text("job", "backup").splitlines()]
    applied = "2026-03-01 13:00:00+01:00 (now)"
    assert lines[:10] == [
        "backup: Nightly backup",
        "Copies everything.",
        "status error",
        "next run 2026-03-02 03:00:00+01:00 (in 14h)",
        "schedule 0 3 * * * (Europe/Berlin), except 2026-12-25",
        "runs /srv/backup.sh --all 'a b'",
        "in /srv",
        "limits timeout 5m, overlap skip",
        "catch_up latest",
        f"declared jobs.d/backup.yaml:1, revision 1, applied {applied}, commit f00dfeedf0",
    ]
    assert lines[-1] == f"{run} backup error manual 2026-03-01 12:59:00 1.0s exit code 3"


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (ExitCodes(ok=(1, 3), skip=(78,)), "exit codes ok 1, 3; skip 78"),
        (ExitCodes(skip=(10,)), "exit codes skip 10"),
    ],
)
def test_a_job_is_told_with_what_its_exit_codes_mean(shell: Shell, codes: ExitCodes, told: str) -> None:
    shell.ledger.add_job("find", exit_codes=codes)
    assert told in [words(line) for line in shell.text("job", "find").splitlines()]


def test_a_session_is_told_with_its_prompt_and_its_tokens(shell: Shell) -> None:
    shell.ledger.add_job(
        "mail",
        type=JobType.SESSION,
        source_type=SourceType.PROMPT,
        script="Sort the inbox.\nSay what needs an answer.",
        session=Session(thinking="low", max_tokens_per_day=40_000),
    )
    shell.ledger.add_run("mail", tokens=41_200)
    lines = [" ".join(line.split()) for line in shell.run("job", "mail").output.splitlines()]
    assert "session thinking low, max_tokens_per_day 40000" in lines
    assert not any(line.startswith("in ") for line in lines)
    assert "runs prompt: Sort the inbox. Say what needs an answer." in lines
    assert any(
        line.startswith("tokens today 41,200 of 40,000; the next day begins 2026-03-02") for line in lines
    )


def test_a_job_is_told_with_the_parameters_it_declares(shell: Shell) -> None:
    params = (
        Param(name="day", enum=("monday", "sunday"), default="monday", description="when\nit ran"),
        Param(name="month", pattern="[0-9]+", required=True),
        Param(name="note", default=""),
        Param(name="token", secret=True),
    )
    shell.ledger.add_job("a", params=params)
    lines = [words(line) for line in shell.text("job", "a").splitlines()]
    place = lines.index("Parameters")
    assert lines[place + 1 :] == [
        "NAME VALUE DEFAULT DESCRIPTION",
        "day one of monday, sunday monday when it ran",
        "month string matching [0-9]+ required -",
        'note string "" -',
        "token string, secret - -",
    ]
    shell.ledger.add_job("b")
    assert "Parameters" not in shell.text("job", "b")
