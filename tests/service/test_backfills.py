"""Backfills of a whole server: through a crash, watched by a command, and called off."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path
from typing import Any

from support.processes import INTERRUPTIBLE
from support.server import Server, command, save, serving, until

HOURLY = "schedule: '0 * * * *'\n"
FIVE_HOURS = ("--from", "2026-03-01T00:00Z", "--to", "2026-03-01T05:00Z")
NOTE = 'run: |\n  echo "$JR_JOB_ID $JR_SCHEDULED_FOR" >> "$JR_PROJECT_DIR/done"\ntimeout: 10s\n'
HELD = (
    'run: |\n  echo "$JR_JOB_ID $JR_SCHEDULED_FOR" >> "$JR_PROJECT_DIR/done"\n'
    '  until test -e "$JR_PROJECT_DIR/go"; do sleep 0.02; done\ntimeout: 60s\nkill_grace: 1s\n'
)


def done(root: Path) -> list[str]:
    """Job and hour of what has run, in order."""
    path = root / "done"
    lines = path.read_text().splitlines() if path.exists() else []
    return [f"{line.split()[0]} {line.split('T')[1][:2]}" for line in lines]


def backfill(server: Server, number: int = 1) -> Any:
    return server.get(f"/backfills/{number}")["backfill"]


def is_over(server: Server, number: int = 1) -> bool:
    return bool(backfill(server, number)["status"] != "active")


def test_it_goes_on_after_a_crash_and_takes_up_again_what_was_cut_off_alone(root: Path) -> None:
    save(root, "a.yaml", f"{HOURLY}{HELD}")
    save(root, "b.yaml", f"after: [a]\n{NOTE}")
    with serving(root) as server:
        asked = command(root, "backfill", "a", *FIVE_HOURS, "--downstream", "--no-wait")
        assert (asked.returncode, asked.stdout) == (
            0,
            "Backfill 1 of a is asked for: 5 times, each with b after it.\n",
        )
        until(lambda: done(root) == ["a 00"])
        server.kill()
    with serving(root) as server:
        until(lambda: done(root) == ["a 00"] * 2)
        server.kill()
    (root / "go").touch()
    with serving(root) as server:
        until(lambda: is_over(server))
        found = backfill(server)
        assert (found["entered"], found["ok"], found["failed"], found["taken_up"]) == (5, 5, 0, 2)
        attempts = [(run["trigger"], run["attempt"]) for run in server.get("/jobs/a/runs")["runs"]]
        assert attempts == [("backfill", 1)] * 4 + [("retry", 3), ("retry", 2), ("backfill", 1)]
        # Nothing else brings b, whose upstream has not ended ok but for the backfill.
        assert {run["trigger"] for run in server.get("/jobs/b/runs")["runs"]} == {"backfill"}
    each_time = [f"{name} 0{hour}" for hour in range(5) for name in "ab"]
    assert done(root) == ["a 00"] * 2 + each_time


def test_a_command_waits_for_the_end_says_what_has_run_and_exits_by_it(root: Path) -> None:
    save(root, "a.yaml", f"{HOURLY}{NOTE}")
    save(root, "bad.yaml", f"{HOURLY}run: exit 1\ntimeout: 10s\n")
    with serving(root):
        first = command(root, "backfill", "a", *FIVE_HOURS[:2], "--to", "2026-03-01T02:00Z")
        assert (first.returncode, first.stdout.splitlines()[-1]) == (
            0,
            "Backfill 1 of a is done: 2 times, 2 ok.",
        )
        planned = command(root, "backfill", "a", *FIVE_HOURS, "--dry-run")
        assert planned.stdout.splitlines()[0] == (
            "A backfill of a would have 5 times; 2 of them have run and are left out"
            " (--again repeats what has run)."
        )
        second = command(root, "backfill", "a", *FIVE_HOURS)
        assert second.stdout.splitlines()[-1] == ("Backfill 2 of a is done: 5 times, 3 ok, 2 had run before.")
        failed = command(root, "backfill", "bad", *FIVE_HOURS, "--json")
        assert (failed.returncode, json.loads(failed.stdout)["backfill"]["failed"]) == (1, 5)
        assert command(root, "alerts").stdout.startswith("Nothing is wrong.")
    assert done(root) == [f"a 0{hour}" for hour in range(5)]
    refused = command(root, "backfill", "a", *FIVE_HOURS, "--again")
    assert (refused.returncode, "no server runs" in refused.stderr) == (2, True)


def test_a_command_says_what_it_waits_for(root: Path) -> None:
    save(root, "a.yaml", f"{HOURLY}{NOTE}")
    with serving(root):
        command(root, "pause", "a")
        asked = command(root, "backfill", "a", *FIVE_HOURS, "--no-wait")
        assert asked.stderr == "backfill 1 waits: job a is paused\n"
        waits = subprocess.Popen(
            (sys.executable, "-m", "jeeves_runner", "backfill", "a", *FIVE_HOURS, "--again"),
            cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert waits.stderr is not None
        assert waits.stderr.readline() == "backfill 2 waits: job a is paused\n"
        listed = command(root, "backfill", "list").stdout.splitlines()[1]
        assert listed.endswith("active  0 of 5 times; job a is paused")
        command(root, "resume", "a")
        assert (waits.wait(60), waits.communicate()[1]) == (0, "")


def test_on_a_terminal_a_bar_shows_how_far_it_is(root: Path) -> None:
    save(root, "a.yaml", f"{HOURLY}{HELD}")
    (root / "go").touch()
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with serving(root), os.fdopen(ours, "rb", buffering=0) as screen:
        words = (sys.executable, "-m", "jeeves_runner", "backfill", "a", *FIVE_HOURS)
        plain = {**os.environ, "NO_COLOR": "1"}
        waits = subprocess.Popen(words, cwd=root, stdin=theirs, stdout=theirs, stderr=theirs, env=plain)
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the other end is closed
            while part := screen.read(4096):
                shown += part
        assert waits.wait(60) == 0
    lines = shown.decode().replace("\r", "\n").splitlines()
    bars = [line.split()[0] for line in lines if line.startswith("[")]
    assert {len(bar) for bar in bars} == {32}
    assert bars == sorted(bars, key=lambda bar: bar.count("#"))
    assert [line.rstrip() for line in lines if line.strip()][-1] == "Backfill 1 of a is done: 5 times, 5 ok."


def test_an_interrupt_ends_the_wait_alone_and_cancel_ends_the_backfill(root: Path) -> None:
    save(root, "a.yaml", f"{HOURLY}{HELD}")
    with serving(root) as server:
        words = (sys.executable, "-c", INTERRUPTIBLE, "backfill", "a", *FIVE_HOURS)
        waits = subprocess.Popen(words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: done(root) == ["a 00"])
        waits.send_signal(signal.SIGINT)
        _, said = waits.communicate(timeout=60)
        assert (waits.returncode, said) == (
            130,
            "backfill 1 goes on; `jeeves-runner backfill cancel 1` ends it\n",
        )
        assert not is_over(server)
        ended = command(root, "backfill", "cancel", "1")
        assert ended.stdout.splitlines() == [
            "Backfill 1 of a is cancelled: 5 times, 0 ok, 1 under way when it was cancelled, 4 left.",
            "Run 1 goes on; `jeeves-runner cancel 1` ends it.",
        ]
        (root / "go").touch()
        until(lambda: server.get("/runs/1")["run"]["status"] == "ok")
        assert command(root, "backfill", "list").stdout.splitlines()[1].split()[:2] == ["1", "a"]
    assert done(root) == ["a 00"]
