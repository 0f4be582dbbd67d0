"""The whole server under a wall clock that is ahead, put right, and behind."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest
from support.server import RARELY, SERVE, database, new_project, save, serving, until
from support.wrong_clock import WrongClock, needs_compiler

pytestmark = needs_compiler

FAILS_AT_FIRST = """
schedule: '* * * * * *'
run: '[ -e good ] || exit 1'
timeout: 5s
retries: {limit: 1, delay: 2s}
"""
EVERY_SECOND = "schedule: '* * * * * *'\nrun: 'true'\ntimeout: 5s\n"
YEARS = timedelta(days=730)


@pytest.fixture
def clock(tmp_path: Path) -> WrongClock:
    return WrongClock(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return new_project(folder)


def ask(root: Path, query: str, *bindings: object) -> list[Any]:
    if not database(root).exists():
        return []
    with closing(apsw.Connection(str(database(root)), flags=apsw.SQLITE_OPEN_READONLY)) as conn:
        conn.set_busy_timeout(10_000)
        return [row[0] for row in conn.execute(query, bindings)]


def command(root: Path, clock: WrongClock, *words: str) -> str:
    """What a command prints that has the same clock."""
    program = clock.program(sys.executable, "-m", "jeeves_runner", *words)
    done = subprocess.run(
        program, cwd=root, capture_output=True, text=True, check=True, env={**os.environ, "NO_COLOR": "1"}
    )
    return done.stdout


def script(root: Path, clock: WrongClock, code: str) -> str:
    """What a script prints that has the same clock, and uses the client without a run."""
    text = f"from jeeves_runner.client import Client\nwith Client({str(database(root))!r}) as jr: {code}"
    done = subprocess.run(
        clock.program(sys.executable, "-c", text), cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def went_on(root: Path, job: str) -> bool:
    """Whether a job has run well after all else that is recorded of it."""
    query = "SELECT status FROM runs WHERE job_id = ? AND started_at IS NOT NULL ORDER BY id DESC LIMIT 1"
    return ask(root, query, job) == ["ok"]


def play_ahead_and_right(root: Path, clock: WrongClock, ahead: timedelta) -> None:
    """Everything that waits begins under a clock that is ahead; then it is put right."""
    clock.set(ahead)
    with serving(root, clock.program(*SERVE)) as server:
        save(root, "fails.yaml", FAILS_AT_FIRST)
        save(root, "new.yaml", EVERY_SECOND)
        save(root, "rarely.yaml", RARELY)
        until(lambda: server.job("rarely"))
        until(lambda: ask(root, "SELECT 1 FROM runs WHERE trigger = 'retry' AND status = 'scheduled'"))
        until(lambda: went_on(root, "new"))
        command(root, clock, "pause", "new", "--until", "2s")
        script(root, clock, "jr.enqueue('mail', 1); jr.claim('mail', lease='1s'); jr.enqueue('mail', 2)")
        script(root, clock, "jr.set_state('space', 'key', 1, ttl='1s')")
        (root / "good").touch()
        clock.set(timedelta(0))
        until(lambda: "the clock was set back by" in server.log.read_text())
        until(lambda: went_on(root, "fails"))
        until(lambda: went_on(root, "new"))  # also after its pause
        until(lambda: script(root, clock, "print(jr.get_state('space', 'key'))") == "None")
        until(lambda: script(root, clock, "print(len(jr.claim('mail', count=2)))") == "2")
        next_run = f"{clock.now().year + 1}-01-01T00:00:00.000Z"
        assert server.job("rarely")["next_run"] == next_run
        assert json.loads(command(root, clock, "job", "rarely", "--json"))["job"]["next_run"] == next_run
        assert server.get("/status")["uptime_ms"] < 120_000
    rows = "SELECT count(*) FROM runs WHERE"
    assert ask(root, f"{rows} finished_at < started_at OR finished_at < created_at") == [0]
    assert ask(root, f"{rows} last_for < scheduled_for") == [0]
    assert ask(root, "SELECT count(*) FROM audit WHERE action = 'clock'") == [1]


def test_after_a_clock_four_hours_ahead_everything_goes_on(root: Path, clock: WrongClock) -> None:
    play_ahead_and_right(root, clock, timedelta(hours=4))


@pytest.mark.campaign
def test_after_a_clock_two_years_ahead_everything_goes_on(root: Path, clock: WrongClock) -> None:
    play_ahead_and_right(root, clock, YEARS)


@pytest.mark.campaign
@pytest.mark.parametrize("ahead", [timedelta(hours=4), YEARS], ids=["4 hours", "2 years"])
def test_a_start_far_behind_waits_and_a_stop_ends_it_at_once(
    root: Path, clock: WrongClock, ahead: timedelta
) -> None:
    save(root, "new.yaml", EVERY_SECOND)
    clock.set(ahead)
    with serving(root, clock.program(*SERVE)):
        until(lambda: went_on(root, "new"))
    runs = ask(root, "SELECT count(*) FROM runs")
    clock.set(timedelta(0))
    log = root / "waiting.log"
    with log.open("wb") as file:
        waiting = subprocess.Popen(clock.program(*SERVE), cwd=root, stdout=file, stderr=file)
    try:
        until(lambda: ask(root, "SELECT waits_for FROM runner") != [None])
        assert "it may be wrong" in command(root, clock, "status")
        assert ask(root, "SELECT count(*) FROM runs") == runs
        waiting.terminate()
        assert waiting.wait(10) == 0
        assert "the start waits up to 2m: the clock says" in log.read_text()
    finally:
        waiting.kill()
        waiting.wait()
    clock.set(ahead)  # it is put right: here it was behind
    with serving(root, clock.program(*SERVE)):
        until(lambda: ask(root, "SELECT count(*) FROM runs") > runs)


@pytest.mark.campaign
def test_a_start_far_ahead_deletes_nothing(root: Path, clock: WrongClock) -> None:
    save(root, "new.yaml", EVERY_SECOND)
    clock.set(timedelta(0))
    with serving(root, clock.program(*SERVE)):
        until(lambda: went_on(root, "new"))
    before = ask(root, "SELECT id FROM runs")
    clock.set(YEARS)
    for _ in range(2):
        with serving(root, clock.program(*SERVE)):
            until(lambda: ask(root, "SELECT max(id) FROM runs")[0] > max(before) + 2)
        assert set(before) <= set(ask(root, "SELECT id FROM runs"))
