"""``status``: the runner at a glance, asked of the server or read from the database."""

import os
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from support.cli import Shell, answering, words
from support.clock import NOON

from jeeves_runner import __version__
from jeeves_runner.clock import to_text
from jeeves_runner.core.plan import Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.withheld import Withheld, WithheldBy
from jeeves_runner.db import clock_events
from jeeves_runner.db.runner import begin_stop, lock_path
from jeeves_runner.reconcile.sync_status import SyncStatus, state_of
from jeeves_runner.views.runner import counts, status_view
from jeeves_runner.views.sync import SyncDocument, problems_view, recorded_sync, sync_view


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_status_without_a_server_tells_what_the_database_holds(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("good", schedule=("0 * * * *",))
    ledger.add_job("bad")
    ledger.add_job("held")
    ledger.add_run("good", "ok")
    ledger.add_run("bad", "error", message="exit code 1")
    failed = ledger.add_run("bad", "error", message="exit code 1")
    ledger.hold("held", "line 3: unknown key tiemout")
    ledger.pause("good", reason="holiday")
    running = ledger.add_run("held", "running")
    unwatched = "no server watches the manifests"
    settled = f"the next one settles it, or `jeeves-runner cancel {running}` does"
    lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines == [
        f"jeeves-runner {__version__} is stopped; start it with `jeeves-runner serve`.",
        f"Manifests: 1 job held back at revision 1 (commit f00dfeedf0), checked now; {unwatched}.",
        "Jobs: 3 declared, 1 running, 0 queued; in the last hour 1 ok, 2 failed.",
        "",
        "Needs attention",
        "WHAT WHICH WHY",
        "held held runs on as before; jobs.d/held.yaml: line 3: unknown key tiemout, since now",
        f"lost run {running} of held its server died; {settled}",
        f"failing bad error 2 times in a row, last 59s ago in run {failed}: exit code 1",
        "paused good paused, until resumed: holiday; `jeeves-runner resume good` ends it",
        "",
        "Now",
        "RUN JOB STATUS TRIGGER TIME (UTC) TOOK NOTE",
        f"{running} held running manual 2026-03-01 11:59:00 1m so far -",
    ]


def test_many_jobs_are_counted_with_a_comma(shell: Shell) -> None:
    for number in range(1_001):
        shell.ledger.add_job(f"job-{number}")
    assert "Jobs: 1,001 declared, 0 running" in shell.text("status")


def test_a_run_elsewhere_is_left_and_not_lost_without_a_server(shell: Shell) -> None:
    shell.ledger.add_job("agent")
    running = shell.ledger.add_run("agent", "running")
    shell.ledger.conn.execute("UPDATE runs SET origin = '{}' WHERE id = ?", (running,))
    lines = [words(line) for line in shell.text("status").splitlines()]
    (line,) = [line for line in lines if line.startswith(("left", "lost"))]
    assert line.startswith(f"left run {running} of agent no server follows it, and it may go on; the next")


def test_status_of_a_copy_of_a_database_finds_no_server(shell: Shell) -> None:
    with shell.server():
        lock_path(shell.ledger.path).rename(shell.folder / "the original's lock")
        assert " is stopped; " in shell.text("status")


def test_status_has_no_attention_to_ask_for_when_all_is_well(shell: Shell) -> None:
    for number in range(7):
        shell.ledger.add_job(f"job-{number}", schedule=("0 * * * *",))
    lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines[3:6] == ["", "Next, once a server runs", "WHEN JOB TIME (UTC)"]
    assert lines[6:] == [f"in 1h job-{number} 2026-03-01 13:00:00" for number in range(5)]


def test_status_says_why_a_start_waits(shell: Shell) -> None:
    with shell.server():
        why = "the clock says 2026-03-01T12:00:00.000Z, 4h before what a server last saw: it may be wrong"
        with shell.ledger.tx() as tx:
            clock_events.note_wait(tx, 1, why)
        assert shell.text("status").splitlines()[0].endswith(f"): {why}.")
        assert why in shell.json("status")["sync"]["reason"]


def test_status_as_a_document_is_that_of_the_route(shell: Shell) -> None:
    shell.ledger.add_job("a")
    document = shell.json("status")
    assert (document["status"], document["uptime_ms"]) == ("stopped", None)
    assert document["health"]["total_jobs"] == 1
    assert document["sync"]["state"] == "unwatched"


def test_status_asks_the_server_that_runs(shell: Shell) -> None:
    sync: SyncDocument = {
        "state": "blocked", "since": to_text(NOON - timedelta(minutes=5)),
        "revision": 4, "commit": None, "checked_at": to_text(NOON),
        "reason": "too many deletes", "held": [], "problems": [], "plan": [],
        "consequences": [], "withheld": [
            {"by": "guard", "rows": [{"kind": "job", "id": f"j{n}"} for n in range(6)], "command":
                "jeeves-runner apply --allow-deletes 6", "reason": "too many deletes",
                "since": to_text(NOON - timedelta(minutes=7))},
            {"by": "incomplete", "rows": [{"kind": "queue", "id": "mail"}], "command": None,
                "reason": "deletes wait", "since": to_text(NOON - timedelta(minutes=6))},
        ], "config": None,
    }  # fmt: skip
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(hours=3), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        text = words(shell.text("status"))
        assert shell.json("status") == said
    assert f"jeeves-runner {__version__} is running for 3h (pid" in text
    assert "Manifests: blocked since 5m ago at revision 4, checked now; too many deletes." in text
    assert (
        "blocked job j0, job j1, job j2 and 3 more too many deletes, since 7m ago;"
        " confirm with `jeeves-runner apply --allow-deletes 6`"
    ) in text
    assert "waits queue mail deletes wait, since 6m ago" in text


CHANGED = "pending jeeves-runner.yaml changed since 2m ago: timezone, log.level; restart the server"
WRONG = "invalid jeeves-runner.yaml line 3 is wrong; since 2m ago"


@pytest.mark.parametrize(("problem", "row"), [(None, CHANGED), ("line 3 is wrong", WRONG)])
def test_a_config_that_differs_from_the_servers_asks_for_attention(
    shell: Shell, problem: str | None, row: str
) -> None:
    sync = recorded_sync(shell.ledger.conn, "see there")
    sync["state"] = "pending"
    sync["config"] = {
        "path": "/srv/jobs/jeeves-runner.yaml",
        "since": to_text(NOON - timedelta(minutes=2)),
        "settings": [] if problem else ["timezone", "log.level"],
        "problem": problem,
    }
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        text = words(shell.text("status"))
        assert row in text
        assert "pending manifests" not in text
        assert shell.run("status", "--check").exit_code == 1


def test_a_config_that_is_broken_beside_a_server_is_told_with_its_status(shell: Shell) -> None:
    sync = recorded_sync(shell.ledger.conn, None)
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    shell.config.write_text("timezne: UTC\nport: 1938\n")
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        answer = shell.run("status")
    assert answer.exit_code == 0
    assert "jeeves-runner.yaml:1:1: unknown key `timezne`; the server goes on" in answer.stderr
    assert "is running for 0ms" in answer.stdout
    alone = shell.run("status")
    assert (alone.exit_code, alone.stdout) == (2, "")
    assert "jeeves-runner.yaml:1:1: unknown key `timezne`" in alone.stderr


def test_a_config_whose_mistake_hides_the_database_is_told_as_that(shell: Shell) -> None:
    shell.config.write_text("data_dir: 5\ndb_path: nowhere.sqlite\n")
    answer = shell.run("status")
    assert answer.exit_code == 2
    assert "jeeves-runner.yaml:1:11: `data_dir` must be text" in answer.stderr


@pytest.mark.parametrize("by", get_args(WithheldBy))
def test_changes_ask_for_attention_whatever_keeps_them_back(shell: Shell, by: WithheldBy) -> None:
    withheld = Withheld(by=by, keys=(("job", "a"),), reason="it is too early", since=NOON)
    state = state_of(Plan(), [withheld])
    sync = sync_view(SyncStatus(state=state, since=NOON, withheld=(withheld,), checked_at=NOON))
    assert state != "in_sync"
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        for command in (("status",), ("status", "--check")):
            assert " job a it is too early, since now" in words(shell.run(*command).stdout)


def test_manifests_that_cannot_be_looked_at_say_since_when(shell: Shell) -> None:
    sync = recorded_sync(shell.ledger.conn, "the jobs folder does not answer")
    sync["state"], sync["since"] = "error", to_text(NOON - timedelta(minutes=4))
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        text = words(shell.text("status"))
    assert "error manifests the jobs folder does not answer, since 4m ago" in text


def test_runs_that_a_full_disk_keeps_from_starting_ask_for_attention(shell: Shell) -> None:
    shell.ledger.add_job("a")
    for minutes in (3, 1):
        shell.ledger.add_run(
            "a", "scheduled", reason="disk_full", created_at=to_text(shell.ledger.at(minutes=minutes))
        )
    sync = recorded_sync(shell.ledger.conn, None)
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    why = "waits: less than min_free is left on the disk, since 3m ago; make room, or lower min_free"
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        assert f"waits 2 runs {why}" in words(shell.text("status"))
        assert f"waits 2 runs {why}" in words(shell.run("status", "--check").stdout)


def test_status_names_the_line_to_mend_when_the_server_tells_it(shell: Shell) -> None:
    shell.ledger.add_job("old")
    shell.ledger.hold("old", "its manifest is invalid")
    sync = recorded_sync(shell.ledger.conn, None)
    for file, line in (("old", 3), ("new", 5)):
        problem = Problem(
            severity="error", code="x", file=f"jobs.d/{file}.yaml", line=line, column=1, message="unknown key"
        )
        sync["problems"] += problems_view([problem])
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines[5:8] == [
        "WHAT WHICH WHY",
        "held old runs on as before; jobs.d/old.yaml:3: unknown key, since now",
        "invalid jobs.d/new.yaml jobs.d/new.yaml:5: unknown key",
    ]


def test_status_does_without_a_server_that_does_not_answer(shell: Shell) -> None:
    with shell.server(shell.folder / "runner.sock"):
        document = shell.json("status")
    assert (document["status"], document["sync"]["reason"]) == ("running", "the server does not answer")


def test_a_server_is_said_to_start_until_it_takes_requests(shell: Shell) -> None:
    with shell.server():
        document = shell.json("status")
        assert (document["status"], document["sync"]["reason"]) == ("starting", "the server is starting")
        head = shell.text("status").splitlines()[0]
        assert (
            head == f"jeeves-runner {__version__} is starting (pid {os.getpid()}): it takes no requests yet."
        )
        result = shell.run("status", "--check")
        assert (result.exit_code, result.stdout) == (2, "jeeves-runner: the server is starting\n")


def test_a_server_that_is_stopped_while_it_starts_is_said_to_stop(shell: Shell) -> None:
    with shell.server():
        with shell.ledger.tx() as tx:
            begin_stop(tx, 1)
        document = shell.json("status")
    assert (document["status"], document["sync"]["reason"]) == ("stopping", "the server is stopping")


def test_status_asks_no_second_question_of_a_server_that_left_the_first_unanswered(shell: Shell) -> None:
    asked: list[str] = []
    with answering({"/sync": {}}, asked) as socket, shell.server(socket):
        assert shell.json("status")["sync"]["reason"] == "the server does not answer"
    assert asked == ["/status"]


def test_a_lock_file_left_behind_is_no_server(shell: Shell) -> None:
    with shell.server():
        pass
    lock = shell.ledger.path.with_name("runner.sqlite.lock")
    lock.write_text("1\n")
    assert shell.json("status")["status"] == "stopped"


def test_jobs_and_status_say_what_waits_for_a_server(shell: Shell) -> None:
    shell.ledger.add_job("a")
    shell.ledger.add_run("a", "scheduled", reason="limit")
    for command in ("jobs", "job", "status"):
        text = shell.text(command, *(["a"] if command == "job" else []))
        assert words(text).endswith("waits for a server")
    with shell.server():
        assert words(shell.text("jobs")).endswith("-")
        assert words(shell.text("status")).endswith("waits: max_concurrency or max_sessions is reached")


def test_a_check_says_only_what_is_wrong_and_ends_with_it(shell: Shell) -> None:
    shell.ledger.add_job("good")
    shell.ledger.pause("good", reason="holiday")
    result = shell.run("status", "--check")
    stopped = "jeeves-runner: no server runs; start it with `jeeves-runner serve`\n"
    assert (result.exit_code, result.stdout) == (2, stopped)
    sync = recorded_sync(shell.ledger.conn, None)
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        assert shell.text("status", "--check") == ""
        shell.ledger.add_job("bad")
        shell.ledger.add_run("bad", "error", message="exit code 1")
        result = shell.run("status", "--check")
        lines = [words(line) for line in result.stdout.splitlines()]
        assert (result.exit_code, lines[0]) == (1, "WHAT WHICH WHY")
        assert [line.split()[:2] for line in lines[1:]] == [["failing", "bad"]]
        assert shell.run("status", "--check", "--json").exit_code == 1


def test_a_server_that_does_not_answer_or_is_stopping_fails_a_check(shell: Shell) -> None:
    with shell.server(shell.folder / "runner.sock"):
        result = shell.run("status", "--check")
    assert (result.exit_code, result.stdout) == (2, "jeeves-runner: the server does not answer\n")
    sync = recorded_sync(shell.ledger.conn, None)
    said = status_view(counts(shell.ledger.conn, NOON), NOON, uptime=timedelta(0), stopping=True, sync=sync)
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        result = shell.run("status", "--check")
    assert (result.exit_code, result.stdout) == (2, "jeeves-runner: stopping\n")


def test_a_check_calls_no_run_lost_while_its_server_lives(shell: Shell) -> None:
    """A server that is stopping lets its runs finish, and has closed its HTTP before."""
    shell.ledger.add_job("a")
    shell.ledger.add_run("a", "running")
    with shell.server(shell.folder / "runner.sock"):
        assert shell.run("status", "--check").stdout == "jeeves-runner: the server does not answer\n"
    lines = [words(line) for line in shell.run("status", "--check").stdout.splitlines()]
    assert lines[1:2] == ["WHAT WHICH WHY"]
    assert lines[2].startswith("lost run 1 of a")


def test_what_more_people_may_use_than_the_config_says_asks_for_attention(shell: Shell) -> None:
    shell.ledger.add_job("a")
    data = shell.ledger.path.parent
    data.chmod(0o755)
    shell.ledger.path.chmod(0o644)
    why = "lets more people in than data_mode 0700: `chmod go-rwx"
    expected = [
        f"too open data its mode 0755 {why} {data}`",
        f"too open runner.sqlite its mode 0644 {why} {shell.ledger.path}`",
    ]
    lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines[4:] == ["Needs attention", "WHAT WHICH WHY", *expected]
    assert shell.json("status")["health"]["too_open"] == [
        {"path": str(data), "mode": "0755"},
        {"path": str(shell.ledger.path), "mode": "0644"},
    ]
    lines = [words(line) for line in shell.run("status", "--check").stdout.splitlines()]
    assert lines[1:] == ["WHAT WHICH WHY", *expected]


def test_with_a_shared_folder_only_others_are_too_many(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\ndata_mode: '0770'\n")
    shell.ledger.path.parent.chmod(0o2770)
    shell.ledger.path.chmod(0o664)
    (line,) = [words(line) for line in shell.text("status").splitlines()][6:]
    assert line.endswith(f"`chmod o-rwx {shell.ledger.path}`")
