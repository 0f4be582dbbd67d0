"""A whole server under a service manager: what it tells, and what its runs do not hear of it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from support.manager import Manager, manager
from support.server import Server, save, serving

WATCHED = """
import os, sys
os.environ.update(
    NOTIFY_SOCKET=sys.argv[1], WATCHDOG_USEC="1000000", WATCHDOG_PID=str(os.getpid()),
    LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
{patch}
from jeeves_runner.__main__ import main
sys.argv = ["jeeves-runner", "serve"]
main()
"""
HANGS_AT_A_LOOK = """
import time
from jeeves_runner import service
service.Follower.look_soon = lambda _: time.sleep(1000)
"""
FED = "WATCHDOG=1"


@contextmanager
def managed(root: Path, patch: str = "") -> Iterator[tuple[Server, Manager]]:
    """A server with a watchdog of one second, and who is told."""
    with TemporaryDirectory() as folder, manager(Path(folder)) as told:
        program = [sys.executable, "-c", WATCHED.format(patch=patch), told.address]
        with serving(root, program) as server:
            yield server, told


def test_a_server_tells_of_its_start_a_look_and_its_end(root: Path) -> None:
    with managed(root) as (server, told):
        assert told.told_besides(FED) == ["READY=1", f"STATUS=answers on {server.url}"]
        assert told.told() == [FED]
        server.signal(signal.SIGHUP)
        assert told.told_besides(FED)[0] == "RELOADING=1"
        assert told.told_besides(FED)[0] == "READY=1"
        assert server.stop() == 0
        assert told.told_besides(FED) == ["STOPPING=1", "STATUS=stopping"]


def test_a_server_whose_loop_hangs_gives_no_sign_of_life(root: Path) -> None:
    with managed(root, HANGS_AT_A_LOOK) as (server, told):
        told.told_besides(FED)
        assert told.told() == [FED]
        server.signal(signal.SIGHUP)
        assert told.is_told_nothing(but=FED, seconds=2)
        server.kill()


def test_its_runs_take_themselves_for_no_service(root: Path) -> None:
    save(root, "env.yaml", "command: [env]\ntimeout: 1m\noverlap_policy: allow\n")
    with managed(root) as (server, _):
        _, answer = server.post("/jobs/env/run")
        names = {line.partition("=")[0] for line in answer["result"]["stdout"].splitlines()}
        assert names & {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"} == set()
        assert names >= {"PATH", "JR_RUN_MARK"} | ({"HOME"} & set(os.environ))
