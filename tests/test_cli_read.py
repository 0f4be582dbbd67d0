"""The commands that look, each without a server: what people read, and the same as documents."""

from datetime import timedelta
from pathlib import Path

import pytest
from cli_support import Shell, answering, between_looks
from data_support import NOON

from jeeves_runner import __version__, views
from jeeves_runner.clock import to_text
from jeeves_runner.core.problem import Problem


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def words(text: str) -> str:
    """Text with its alignment taken out."""
    return " ".join(text.split())


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
        "by-hand idle when triggered - - held: jobs.d/by-hand.yaml is broken",
        "report paused */30 * * * *; @daily - in 2h paused, ends in 2h: holiday",
    ]


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


def test_an_empty_project_says_what_to_do(shell: Shell) -> None:
    assert shell.text("jobs").startswith("There are no jobs yet: write a manifest")
    assert shell.text("runs") == "Nothing has run yet.\n"
    assert shell.text("next") == "Nothing is scheduled.\n"


def test_an_empty_list_of_runs_says_of_what(shell: Shell) -> None:
    shell.ledger.add_job("new")
    assert shell.text("runs", "new") == "new has not run yet.\n"
    assert shell.text("runs", "--before", "1") == "There are no older runs.\n"
    assert shell.text("runs", "new", "--before", "1") == "There are no older runs of new.\n"
    assert shell.text("runs", "--status", "error") == "There is no run of status error.\n"
    assert shell.text("runs", "new", "--status", "error") == "new has no run of status error.\n"


def test_a_job_is_told_in_full(shell: Shell) -> None:
    shell.ledger.add_job(
        "backup", name="Nightly backup", schedule=("0 3 * * *",), timezone="Europe/Berlin",
        timeout_ms=300_000, args=("--all", "a b"), description="Copies everything.",
        exclude=("2026-12-25",), cwd="/srv",
    )  # fmt: skip
    run = shell.ledger.add_run("backup", "error", exit_code=3, message="exit code 3")
    lines = [words(line) for line in shell.text("job", "backup").splitlines()]
    assert lines[:9] == [
        "backup: Nightly backup",
        "Copies everything.",
        "status error",
        "next run 2026-03-02 02:00:00Z (in 14h)",
        "schedule 0 3 * * * (Europe/Berlin), except 2026-12-25",
        "runs /srv/backup.sh --all 'a b'",
        "in /srv",
        "limits timeout 5m, overlap skip",
        "declared jobs.d/backup.yaml:1, revision 1, applied now, commit f00dfeedf0",
    ]
    assert lines[-1] == f"{run} backup error manual 1m ago 1.0s exit code 3"


def test_no_text_of_people_or_scripts_steers_the_terminal(shell: Shell) -> None:
    evil = "one\x1b[2Jtwo\x9b3J"
    ledger = shell.ledger
    ledger.add_job("a", name=evil, description=f"first\n{evil}", owner=evil, tags=(evil,))
    run = ledger.add_run("a", "error", message=evil, stdout=evil, stderr=evil, params=f'{{"A": "{evil}"}}')
    ledger.hold("a", evil)
    shell.run("pause", "a", "--reason", evil)
    commands = [
        ["job", "a"],
        ["jobs"],
        ["runs"],
        ["run", str(run)],
        ["status"],
        ["pause", "a", "--reason", evil],
    ]
    told = [shell.text(*words) for words in commands]
    told += [shell.run("job", evil).stderr, shell.run(evil).stderr, shell.run("runs", "--limit", evil).stderr]
    assert [text for text in told if "\x1b" in text or "\x9b" in text] == []
    assert [text for text in told if "one\\x1b[2Jtwo" not in text] == []
    assert "first\none" in told[0]


@pytest.mark.parametrize("command", ["job", "runs", "next"])
def test_an_unknown_job_ends_with_two_and_the_nearest_id(shell: Shell, command: str) -> None:
    shell.ledger.add_job("backup")
    result = shell.run(command, "bakup")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "jeeves-runner: error: there is no job bakup\nhint: did you mean backup?\n"


def test_runs_are_listed_newest_first_with_what_happened(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a")
    ledger.add_run("a", "missed", reason="beyond the window", occurrences=7, scheduled_for=to_text(NOON))
    ledger.add_run("a", "ok", attempt=2, trigger="retry")
    ledger.add_run("a", "running")
    lines = [words(line) for line in shell.text("runs").splitlines()]
    assert lines == [
        "RUN JOB STATUS TRIGGER WHEN TOOK NOTE",
        "3 a running manual 1m ago 1m so far -",
        "2 a ok retry 1m ago 1.0s attempt 2",
        "1 a missed manual now - beyond the window; 7 occurrences",
    ]


def test_the_runs_of_a_deleted_job_can_still_be_read(shell: Shell) -> None:
    shell.ledger.add_job("gone")
    run = shell.ledger.add_run("gone", stdout="last words\n")
    shell.ledger.delete_job("gone")
    assert [r["id"] for r in shell.json("runs", "gone")["runs"]] == [run]
    assert shell.text("logs", str(run)) == "last words\n"
    refused = shell.run("job", "gone")
    assert refused.exit_code == 2
    assert "job gone was deleted at 2026-03-01T12:00:00.000Z" in refused.stderr


def test_a_run_is_told_with_the_end_of_its_output(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run(
        "a", "error", exit_code=2, message="exit code 2", params='{"DAY":"1"}', revision_id=1,
        file="jobs.d/a.yaml", stdout="".join(f"line {n}\n" for n in range(30)), stderr="\x1b[31mbad\x1b[0m\n",
    )  # fmt: skip
    text = shell.text("run", str(run))
    lines = [words(line) for line in text.splitlines()]
    assert lines[:4] == [f"Run {run} of a", "status error", "why exit code 2", "trigger manual"]
    assert 'params {"DAY": "1"}' in lines
    assert "declared jobs.d/a.yaml, revision 1, commit f00dfeedf0" in lines
    assert f"Output (the last 20 lines; `logs {run}` prints all)" in lines
    assert "line 9" not in lines
    assert "line 10" in lines
    assert lines[-1] == "\\x1b[31mbad\\x1b[0m"


def test_json_is_the_document_of_the_route(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    run = ledger.add_run("a", stdout="x")
    assert shell.json("jobs") == views.jobs_view(ledger.conn, NOON)
    assert shell.json("job", "a") == views.job_view(ledger.conn, NOON, "a")
    assert shell.json("runs", "a", "--limit", "5") == views.runs_view(ledger.conn, job_id="a", limit=5)
    assert shell.json("run", str(run)) == views.run_view(ledger.conn, run)
    assert shell.json("next", "--count", "3") == views.next_view(ledger.conn, NOON, count=3)


def test_next_tells_the_time_on_the_projects_clocks(shell: Shell) -> None:
    shell.config.write_text("timezone: Asia/Tokyo\n")
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    lines = [words(line) for line in shell.text("next", "--count", "2").splitlines()]
    assert lines == [
        "TIME WHEN JOB",
        "2026-03-01 22:00:00+09:00 in 1h a",
        "2026-03-01 23:00:00+09:00 in 2h a",
    ]


@pytest.mark.parametrize(
    ("start", "first"),
    [
        ("2h", "2026-03-01T15:00:00.000Z"),
        ("2026-03-05", "2026-03-05T01:00:00.000Z"),
        ("2026-03-05T01:30+01:00", "2026-03-05T01:00:00.000Z"),
    ],
)
def test_next_looks_from_any_time(shell: Shell, start: str, first: str) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    found = shell.json("next", "a", "--from", start, "--count", "1")
    assert found == {"occurrences": [{"job_id": "a", "scheduled_for": first}]}


def test_next_refuses_what_is_no_time(shell: Shell) -> None:
    result = shell.run("next", "--from", "tomorrow")
    assert result.exit_code == 2
    assert "--from is neither a time nor a length of time: tomorrow" in result.stderr


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({}, "a has no schedule; it runs when triggered."),
        ({"schedule": ("0 * * * *",), "enabled": False}, "a is declared `enabled: false` in jobs.d/a.yaml."),
    ],
)
def test_next_says_why_a_job_has_none(shell: Shell, fields: dict[str, object], answer: str) -> None:
    shell.ledger.add_job("a", **fields)
    assert shell.text("next", "a") == f"{answer}\n"


def test_logs_print_the_whole_file_as_it_is(shell: Shell, tmp_path: Path) -> None:
    shell.ledger.add_job("a")
    log = tmp_path / "1.log"
    log.write_bytes(b"first\n\x1b[32mgreen\x1b[0m\nlast without an end")
    run = shell.ledger.add_run("a", log_path=str(log), stdout="last without an end")
    assert shell.text("logs", str(run)) == "first\n\x1b[32mgreen\x1b[0m\nlast without an end"


def test_logs_of_a_silent_run_say_so_beside_the_output(shell: Shell) -> None:
    shell.ledger.add_job("a")
    for status, answer in (("ok", "has written nothing"), ("skipped", "never started")):
        run = shell.ledger.add_run("a", status)
        result = shell.run("logs", str(run))
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == f"run {run} {answer}\n"


def test_logs_follow_a_run_to_its_end(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = shell.ledger
    ledger.add_job("a")
    log = tmp_path / "1.log"
    run = ledger.add_run("a", "running", log_path=str(log))
    between_looks(
        monkeypatch,
        lambda: log.write_text("one\n"),
        lambda: log.write_text("one\ntwo\n"),
        lambda: ledger.conn.execute(
            "UPDATE runs SET status = 'ok', finished_at = ? WHERE id = ?", (to_text(NOON), run)
        ),
    )
    assert shell.text("logs", "-f", str(run)) == "one\ntwo\n"


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
        f"Manifests: in part held at revision 1 (commit f00dfeedf0), checked now; {unwatched}.",
        "Jobs: 3 declared, 1 running, 0 waiting; in the last hour 1 ended ok, 2 badly.",
        "",
        "Needs attention",
        "WHAT WHICH WHY",
        "held held jobs.d/held.yaml: line 3: unknown key tiemout",
        f"lost run {running} of held its server died; {settled}",
        f"failing bad error 2 times in a row, last 59s ago in run {failed}: exit code 1",
        "paused good paused, until resumed: holiday",
        "",
        "Now",
        "RUN JOB STATUS TRIGGER WHEN TOOK NOTE",
        f"{running} held running manual 1m ago 1m so far -",
    ]


def test_status_has_no_attention_to_ask_for_when_all_is_well(shell: Shell) -> None:
    for number in range(7):
        shell.ledger.add_job(f"job-{number}", schedule=("0 * * * *",))
    lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines[3:6] == ["", "Next", "WHEN JOB TIME"]
    assert lines[6:] == [f"in 1h job-{number} 2026-03-01 13:00:00Z" for number in range(5)]


def test_status_as_a_document_is_that_of_the_route(shell: Shell) -> None:
    shell.ledger.add_job("a")
    document = shell.json("status")
    assert (document["status"], document["uptime"], document["health"]["totalJobs"]) == ("stopped", None, 1)
    assert document["sync"]["state"] == "unwatched"


def test_status_asks_the_server_that_runs(shell: Shell) -> None:
    sync = {
        "state": "blocked", "revision": 4, "commit": None, "checked_at": to_text(NOON),
        "reason": "too many deletes", "held": [], "problems": [], "plan": [],
    }  # fmt: skip
    said = views.status_view(shell.ledger.conn, NOON, started_at=NOON - timedelta(hours=3), sync=sync)
    with answering({"/status": said, "/sync": sync}) as url, shell.server(url):
        text = words(shell.text("status"))
        assert shell.json("status") == said
    assert f"jeeves-runner {__version__} is running for 3h (pid" in text
    assert "Manifests: blocked at revision 4, checked now; too many deletes." in text
    assert "blocked manifests too many deletes" in text


def test_status_names_the_line_to_mend_when_the_server_tells_it(shell: Shell) -> None:
    shell.ledger.add_job("old")
    shell.ledger.hold("old", "its manifest is invalid")
    sync = views.recorded_sync(shell.ledger.conn, None)
    for file, line in (("old", 3), ("new", 5)):
        problem = Problem(
            severity="error", code="x", file=f"jobs.d/{file}.yaml", line=line, column=1, message="unknown key"
        )
        sync["problems"].append(problem.as_json())
    said = views.status_view(shell.ledger.conn, NOON, started_at=NOON, sync=sync)
    with answering({"/status": said, "/sync": sync}) as url, shell.server(url):
        lines = [words(line) for line in shell.text("status").splitlines()]
    assert lines[5:8] == [
        "WHAT WHICH WHY",
        "held old jobs.d/old.yaml:3: unknown key",
        "invalid jobs.d/new.yaml jobs.d/new.yaml:5: unknown key",
    ]


def test_status_does_without_a_server_that_does_not_answer(shell: Shell) -> None:
    with shell.server("http://127.0.0.1:1"):
        document = shell.json("status")
    assert (document["status"], document["sync"]["reason"]) == ("running", "the server does not answer")


def test_a_lock_file_left_behind_is_no_server(shell: Shell) -> None:
    with shell.server():
        pass
    lock = shell.ledger.path.with_name("runner.sqlite.lock")
    lock.write_text("1\n")
    assert shell.json("status")["status"] == "stopped"


def test_without_a_database_the_next_step_is_named(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.config.write_text("db_path: elsewhere.sqlite\n")
    for command in ("status", "jobs", "runs", "next"):
        result = shell.run(command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no database at" in result.stderr
