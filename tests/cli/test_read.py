"""The commands that look, each without a server: what people read, and the same as documents."""

import re
from pathlib import Path

import pytest
from support.cli import Shell, between_looks, words
from support.clock import NOON
from support.logs import log_file, log_place

from jeeves_runner.cli.waiting import RESTART
from jeeves_runner.clock import to_text
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.views.jobs import job_view, jobs_view
from jeeves_runner.views.occurrences import next_view
from jeeves_runner.views.runs import run_view, runs_view


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


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


def test_runs_fill_a_screen_or_a_page_of_the_api(shell: Shell) -> None:
    shell.ledger.add_job("a")
    for _ in range(60):
        shell.ledger.add_run("a")
    assert len(shell.rows("runs")) == 1 + 20
    assert len(shell.json("runs")["runs"]) == 50
    assert len(shell.json("runs", "--limit", "55")["runs"]) == 55


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
    ledger.add_run("a", "missed", reason="late", occurrences=7, scheduled_for=to_text(NOON))
    ledger.add_run("a", "ok", attempt=2, trigger="retry")
    ledger.add_run("a", "running")
    lines = [words(line) for line in shell.text("runs").splitlines()]
    assert lines == [
        "RUN JOB STATUS TRIGGER WHEN TOOK NOTE",
        "3 a running manual 1m ago 1m so far -",
        "2 a ok retry 1m ago 1.0s attempt 2",
        "1 a missed manual now - older than catch_up_window; 7 occurrences",
    ]


@pytest.mark.parametrize(
    ("status", "reason", "words_with_server", "words_without"),
    [
        ("scheduled", "limit", "waits: max_concurrency or max_sessions is reached", "waits for a server"),
        ("scheduled", "pool", "waits: pool db is full", "waits for a server"),
        ("scheduled", None, "", "waits for a server"),
        ("skipped", "overlap", "another run of it was active", "another run of it was active"),
        ("missed", "superseded", *("a newer occurrence took its place",) * 2),
        ("cancelled", "cancel", *("cancelled on request",) * 2),
    ],
)
def test_a_reason_is_told_in_words(
    shell: Shell, status: str, reason: str | None, words_with_server: str, words_without: str
) -> None:
    shell.ledger.add_job("a")
    ref = "db" if reason == "pool" else None
    run = shell.ledger.add_run("a", status, reason=reason, reason_ref=ref, started_at=None)

    def told(*command: str) -> str:
        return words(shell.text(*command))

    assert told("runs").endswith(words_without or "-")
    assert f"why {words_without} " in told("run", str(run))
    with shell.server():
        assert told("runs").endswith(words_with_server or "-")
        assert (f"why {words_with_server} " in told("run", str(run))) is bool(words_with_server)
    assert shell.json("run", str(run))["run"]["reason"] == reason


def test_how_long_the_run_of_a_dead_server_took_is_unknown(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "interrupted", duration_ms=None, message="the runner died while this ran")
    assert words(shell.text("runs").splitlines()[1]) == (
        f"{run} a interrupted manual 1m ago unknown the runner died while this ran"
    )
    assert "took unknown" in [words(line) for line in shell.text("run", str(run)).splitlines()]


def test_a_start_that_was_changed_by_hand_is_shown_as_it_stands(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    shell.ledger.conn.execute("UPDATE runs SET started_at = 'yesterday'")
    assert words(shell.text("runs").splitlines()[1]) == f"{run} a running manual yesterday unknown -"
    assert "started yesterday" in [words(line) for line in shell.text("run", str(run)).splitlines()]


def test_a_run_that_runs_shows_what_it_says_of_itself(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running", message="waits for a place", tokens=12, model="small")
    assert words(shell.text("runs").splitlines()[1]).endswith("so far waits for a place")
    assert "waits for a place" in shell.text("job", "a")
    lines = [words(line) for line in shell.text("run", str(run)).splitlines()]
    assert {"now waits for a place", "tokens 12", "model small"} <= set(lines)


def test_a_long_message_is_cut_in_the_list_alone(shell: Shell) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "error", message="refused: " + "x" * 120 + ";\nset it")
    assert "set it" not in shell.text("runs")
    assert f"{'x' * 120}; set it" in words(shell.text("run", str(run)))


def test_what_became_known_of_a_run_late_is_shown(shell: Shell) -> None:
    shell.ledger.add_job("a")
    late = '{"status": "ok", "at": "2026-03-01T11:59:00.000Z", "tokens": 12, "message": "it went on"}'
    run = shell.ledger.add_run("a", "timeout", confirmed=0, late=late)
    text = shell.text("run", str(run))
    assert re.search(r"late +ok, known .*\(1m ago\); 12 tokens; it went on", text)
    document = shell.json("run", str(run))["run"]
    assert (document["confirmed"], document["late"]["tokens"]) == (False, 12)
    shell.ledger.conn.execute("UPDATE runs SET late = '{}'")
    assert re.search(r"late +\{\}", shell.text("run", str(run)))


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
    assert "| line 9" not in lines
    assert "| line 10" in lines
    assert lines[-1] == "| \\x1b[31mbad\\x1b[0m"


def test_json_is_the_document_of_the_route(shell: Shell) -> None:
    ledger = shell.ledger
    ledger.add_job("a", schedule=("0 * * * *",))
    run = ledger.add_run("a", stdout="x")
    assert shell.json("jobs") == jobs_view(ledger.conn, NOON)
    assert shell.json("job", "a") == job_view(ledger.conn, NOON, "a")
    assert shell.json("runs", "a", "--limit", "5") == runs_view(ledger.conn, job_id="a", limit=5)
    assert shell.json("run", str(run)) == run_view(ledger.conn, run)
    assert shell.json("next", "--count", "3") == next_view(ledger.conn, NOON, count=3)


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
    assert result.exit_code == 64
    assert "--from is neither a time nor a length of time: tomorrow" in result.stderr
    assert '"99999999999d" is more than ten years' in shell.run("next", "--from", "99999999999d").stderr


def test_next_says_what_is_wrong_with_a_length_of_time(shell: Shell) -> None:
    for start, fault in (("10000d", "is more than ten years"), ("5m7d", "units go from large to small")):
        result = shell.run("next", "--from", start)
        assert result.exit_code == 64
        assert result.stderr.startswith(f'jeeves-runner: error: --from: "{start}" ')
        assert fault in result.stderr


def test_next_says_after_which_time_nothing_comes(shell: Shell) -> None:
    shell.ledger.add_job("a", schedule=("0 * * * *",))
    late = ("--from", "9999-12-31")
    assert shell.text("next", *late) == "Nothing is scheduled after 9999-12-31 00:00:00Z.\n"
    assert shell.text("next", "a", *late) == "a has no occurrence after 9999-12-31 00:00:00Z.\n"


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
    run = shell.ledger.add_run("a", stdout="last without an end")
    log_file(tmp_path / "data", run).write_bytes(b"first\n\x1b[32mgreen\x1b[0m\nlast without an end")
    assert shell.text("logs", str(run)) == "first\n\x1b[32mgreen\x1b[0m\nlast without an end"


def test_logs_do_not_read_a_path_in_a_row(shell: Shell, tmp_path: Path) -> None:
    shell.ledger.add_job("a")
    (tmp_path / "precious").write_text("precious")
    run = shell.ledger.add_run("a", log_path=str(tmp_path / "precious"), stdout="the end")
    assert shell.text("logs", str(run)) == "the end\n"


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
    run = ledger.add_run("a", "running")
    log = log_file(tmp_path / "data", run)
    between_looks(
        monkeypatch,
        lambda: log.write_text("one\n"),
        lambda: log.write_text("one\ntwo\n"),
        lambda: ledger.conn.execute(
            "UPDATE runs SET status = 'ok', finished_at = ?, end_seq = 1 WHERE id = ?", (to_text(NOON), run)
        ),
    )
    with shell.server():
        assert shell.text("logs", "-f", str(run)) == "one\ntwo\n"


def test_logs_do_not_follow_a_run_whose_server_is_gone(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    log_file(tmp_path / "data", run).write_text("one\n")
    with shell.server() as server:
        between_looks(monkeypatch, server.release, lambda: shell.ledger.clock.advance(seconds=RESTART))
        result = shell.run("logs", "-f", str(run))
    assert (result.exit_code, result.stdout) == (2, "one\n")
    assert f"the server has stopped; run {run} is still running" in result.stderr


def test_logs_over_their_cap_are_followed_to_the_last_line_over_the_cut(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.ledger.add_job("a")
    run = shell.ledger.add_run("a", "running")
    log = LogFile(log_place(tmp_path / "data", run), 1024)

    def end() -> None:
        log.close()
        shell.ledger.conn.execute(
            "UPDATE runs SET status = 'ok', finished_at = ?, end_seq = 1 WHERE id = ?", (to_text(NOON), run)
        )

    text = "".join(f"line {n}\n" for n in range(200))
    between_looks(
        monkeypatch, lambda: log.write(text[:500].encode()), lambda: log.write(text[500:].encode()), end
    )
    with shell.server():
        shown = shell.text("logs", "-f", str(run))
    assert shown.startswith(text[:500])
    assert " bytes cut …\n" in shown
    assert shown.endswith("line 198\nline 199\n")


def test_without_a_database_the_next_step_is_named(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell.config.write_text("db_path: elsewhere.sqlite\n")
    for command in ("status", "jobs", "runs", "next"):
        result = shell.run(command)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "there is no database at" in result.stderr
        assert "`jeeves-runner apply` sets it up" in result.stderr
        assert "restart it if data_dir or db_path has changed" in result.stderr
