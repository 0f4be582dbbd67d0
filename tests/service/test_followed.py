"""Following a whole server: over its death, to its stop, and as `logs --follow` does."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from support.events import listening
from support.processes import INTERRUPTIBLE
from support.server import Server, command, new_project, save, serving, until

pytestmark = pytest.mark.service

HELD = "run: |\n  echo $JR_RUN_ID\n  until [ -e go ]; do sleep 0.02; done\n  echo done\ntimeout: 1m\n"
QUEUED = f"{HELD}overlap_policy: queue\n"
QUICK = "command: ['true']\ntimeout: 10s\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return new_project(tmp_path)


def triggered(root: Path, job_id: str) -> str:
    answer = command(root, "trigger", job_id)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()[1]


@contextmanager
def following(root: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process


def test_the_log_of_a_run_that_waits_is_followed_once_it_starts(root: Path) -> None:
    save(root, "held.yaml", QUEUED)
    with serving(root):
        first, second = triggered(root, "held"), triggered(root, "held")
        with following(root, "logs", "-f", first) as one, following(root, "logs", "-f", second) as other:
            assert one.stdout is not None
            assert other.stdout is not None
            assert one.stdout.readline() == f"{first}\n".encode()
            (root / "go").touch()
            assert one.stdout.read() == b"done\n"
            assert other.stdout.read() == f"{second}\ndone\n".encode()
            assert (one.wait(60), other.wait(60)) == (0, 0)


def test_a_person_who_has_seen_enough_gets_no_traceback(root: Path) -> None:
    save(root, "held.yaml", HELD)
    with serving(root):
        run_id = triggered(root, "held")
        with following(root, "logs", "-f", run_id) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) != 0
            assert b"Traceback" not in process.stderr.read()
        (root / "go").touch()


def test_a_log_is_followed_over_the_death_of_its_server(root: Path) -> None:
    save(root, "held.yaml", QUEUED)
    with serving(root) as server:
        first, second = triggered(root, "held"), triggered(root, "held")
        with following(root, "logs", "-f", first) as one, following(root, "logs", "-f", second) as other:
            assert one.stdout is not None
            assert other.stdout is not None
            assert one.stdout.readline() == f"{first}\n".encode()
            server.kill()
            with serving(root):
                # The run that has died with its server is interrupted, and the one behind it starts.
                assert (one.stdout.read(), one.wait(60)) == (b"", 0)
                assert other.stdout.readline() == f"{second}\n".encode()
                (root / "go").touch()
                assert (other.stdout.read(), other.wait(60)) == (b"done\n", 0)


def test_triggered_runs_are_followed_over_the_death_of_their_server(root: Path) -> None:
    save(root, "held.yaml", QUEUED)
    with (
        serving(root) as server,
        following(root, "trigger", "held", "--follow") as runs,
    ):
        assert runs.stdout is not None
        assert runs.stdout.readline() == b"1\n"
        with following(root, "trigger", "held", "--follow") as waits:
            assert waits.stdout is not None
            assert waits.stderr is not None
            assert waits.stderr.readline().startswith(b"run 2 of held waits")
            server.kill()
            with serving(root):
                died = b"Run 1 of held ended interrupted: the runner died while this ran.\n"
                assert (runs.stdout.read(), runs.wait(60)) == (died, 1)
                assert waits.stdout.readline() == b"2\n"
                (root / "go").touch()
                said, told = waits.communicate(timeout=60)
            assert (waits.returncode, said.partition(b" after ")[0]) == (0, b"done\nRun 2 of held ended ok")
            assert told == b""


def test_a_run_that_dies_with_its_server_is_told_of_after_the_restart(root: Path) -> None:
    save(root, "held.yaml", HELD)
    with serving(root) as server, following(root, "trigger", "held", "--wait") as process:
        until(lambda: command(root, "runs", "--status", "running", "--json").stdout.count('"held"'))
        server.kill()
        with serving(root):
            said, told = process.communicate(timeout=60)
    died = b"Run 1 of held ended interrupted: the runner died while this ran.\n"
    assert (process.returncode, said, told) == (1, died, b"")


def test_who_knows_an_event_of_a_server_that_was_killed_begins_anew(root: Path) -> None:
    save(root, "quick.yaml", QUICK)

    async def known(server: Server) -> str:
        async with aiohttp.ClientSession() as session, listening(session, f"{server.url}/events") as events:
            await events.next()
            await asyncio.to_thread(triggered, root, "quick")
            await events.until(lambda event: event.kind == "run" and event.run[1] == "ended")
            server.kill()
            with pytest.raises((EOFError, aiohttp.ClientError)):
                await events.next()
            return events.last_id

    async def told(server: Server, last_id: str) -> None:
        async with (
            aiohttp.ClientSession() as session,
            listening(session, f"{server.url}/events?kind=run", last_id) as events,
        ):
            reset = await events.next()
            assert (reset.kind, reset.data["epoch"]) == ("reset", int(last_id.partition(".")[0]) + 1)
            await asyncio.to_thread(triggered, root, "quick")
            await events.until(lambda event: event.run[1] == "ended")
            assert await asyncio.to_thread(server.stop) == 0
            *_, last = await events.rest()
            assert last.data["reason"] == "stopping"

    with serving(root) as server:
        last_id = asyncio.run(known(server))
    with serving(root) as server:
        asyncio.run(told(server, last_id))
