"""A round of the chaos with alerts: jobs fail and recover, Slack fails, the runner is killed."""

import json
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest
from support.chaos_attacks import HOLD
from support.chaos_round import Figures
from support.chaos_server import Broken, Victim, check_output
from support.chaos_told import (
    CHANNELS,
    JOBS,
    KILL_GRACE,
    MANY,
    SHUTDOWN_GRACE,
    alert_of,
    database_id_of,
    kept,
    lay_out,
    outbox_of,
    pending,
)
from support.db import child
from support.disk import fill, small_disk
from support.server import PATIENCE, SERVE, until
from support.slack import Fault, Slack, slack_double
from support.slack.faults import limited

from jeeves_runner.db.connection import connect

LONGEST_STOP: Final = SHUTDOWN_GRACE + KILL_GRACE + 6
"""Seconds that a stop may take here whatever Slack does: no lock and no disk keeps it."""
_SAID_IN: Final = 150.0
"""Seconds after which all is said once nothing is wrong any more: one message per second, and a backoff."""

_POST: Final = "chat.postMessage"
_WORDS: Final = ("internal_error", "fatal_error", "request_timeout", "service_unavailable", "some_new_word")


class Told:
    """A server with its Slack, and what is done to both."""

    def __init__(self, root: Path, slack: Slack, draw: Random, *, has_own_disk: bool) -> None:
        self.root = root
        self.slack = slack
        self.draw = draw
        self.has_own_disk = has_own_disk
        self.story: list[str] = []
        self.figures: Counter[str] = Counter()
        self.longest_stop = 0.0
        self.logs: list[Path] = []
        self.server: Victim | None = None
        self.is_disturbed = False
        self._began = time.monotonic()
        lay_out(root, slack)

    @property
    def database(self) -> Path:
        return self.root / "disk" / "runner.sqlite"

    def note(self, text: str) -> None:
        self.story.append(f"{time.monotonic() - self._began:6.2f} s  {text}")

    def let_work(self, calls: int, most: float = 1.0) -> None:
        """Wait until Slack has been called so many times more, or as long as ``most`` seconds."""
        wanted = self.slack.calls.total() + calls
        with suppress(AssertionError):
            until(lambda: self.slack.calls.total() >= wanted, patience=most)

    # The server

    def start(self) -> None:
        if self.server is not None and self.server.ended() is None:
            return
        self.logs.append(self.root / f"serve-{len(self.logs)}.log")
        self.server = Victim(self.root, self.logs[-1])
        server = self.server
        until(lambda: server.answers() or server.ended() is not None)
        self.note(f"start of server {len(self.logs)}")
        if server.ended() is not None and not self.is_disturbed:
            raise Broken(f"the server does not start: {server.log.read_text()[-2000:]}")

    def kill(self) -> None:
        if self.server is not None and self.server.ended() is None:
            self.server.kill()

    def stop(self) -> None:
        server = self.server
        if server is None or server.ended() is not None:
            return
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        server.wait(PATIENCE)
        took = time.monotonic() - began
        self.longest_stop = max(self.longest_stop, took)
        self.note(f"the stop took {took:.1f} s")
        if took > LONGEST_STOP and not self.is_disturbed:
            raise Broken(f"a stop took {took:.1f} s")
        check_output("the server", server.log.read_text())

    def ask(self, path: str, body: object = None) -> None:
        """A request, whatever becomes of it."""
        if self.server is None or not self.server.answers() or self.server.ended() is not None:
            return
        request = urllib.request.Request(
            self.server.url + path,
            data=json.dumps(body or {}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with suppress(OSError), urllib.request.urlopen(request, timeout=3) as response:
            response.read()


# What people do


def triggered(told: Told) -> None:
    for _ in range(told.draw.randint(1, 6)):
        told.ask(f"/jobs/{told.draw.choice(list(JOBS))}/run?wait=0s")


def turned(told: Told) -> None:
    """Some jobs do well from now on, or no longer."""
    for name in told.draw.sample(list(JOBS), 3):
        path = told.root / "ok" / name
        if path.exists():
            path.unlink()
        else:
            path.touch()
        told.ask(f"/jobs/{name}/run?wait=0s")


def flooded(told: Told) -> None:
    """Many fail at once, or are well again."""
    are_well = told.draw.random() < 0.4
    for name in MANY:
        path = told.root / "ok" / name
        if are_well:
            path.touch()
        else:
            path.unlink(missing_ok=True)
        told.ask(f"/jobs/{name}/run?wait=0s")


def muted(told: Told) -> None:
    told.ask("/jobs/muted/mute", {"for": told.draw.choice(["1s", "2s"])})
    told.ask("/jobs/muted/run?wait=0s")
    if told.draw.random() < 0.3:
        told.ask("/jobs/muted/unmute")


def paused(told: Told) -> None:
    name = told.draw.choice(["muted", "few", "switched", "tick"])
    told.ask(f"/jobs/{name}/pause")
    told.ask(f"/jobs/{name}/run?wait=0s")
    told.ask(f"/jobs/{name}/resume")


def switched(told: Told) -> None:
    """Disabled, deleted, or there as before."""
    path = told.root / "jobs.d" / "switched.yaml"
    text = told.draw.choice([None, "enabled: false\n" + JOBS["switched"], JOBS["switched"]])
    if text is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(text)
    if told.server is not None and told.server.ended() is None and told.server.answers():
        told.server.signal(signal.SIGHUP)


def renamed(told: Told) -> None:
    """The file of a job has another name; its id may not."""
    folder = told.root / "jobs.d"
    old, new = folder / "tick.yaml", folder / "tock.yaml"
    if new.exists():
        old, new = new, old
    old.rename(new)


# What goes wrong with the runner


def killed(told: Told) -> None:
    told.kill()


def killed_in_a_send(told: Told) -> None:
    """Before Slack has acted, or after."""
    told.start()
    acted = told.draw.random() < 0.5
    told.slack.switch_off()
    told.slack.switch_on(Fault(on=_POST, kind="hang", acted=acted, times=2))
    before = told.slack.calls[_POST]
    turned(told)
    triggered(told)
    with suppress(AssertionError):
        until(lambda: told.slack.calls[_POST] > before, patience=2)
    told.kill()


def stopped(told: Told) -> None:
    told.stop()


# What goes wrong with Slack


def failing(told: Told) -> None:
    draw = told.draw
    on = draw.choice([_POST, _POST, _POST, "conversations.history", "conversations.replies", "*"])
    kind = draw.choice(["error", "limited", "status", "html", "hang", "drop", "slow"])
    times = draw.choice([1, 2, 3])
    channel = draw.choice(["", *CHANNELS])
    acted = draw.random() < 0.5
    match kind:
        case "error":
            fault = Fault(on=on, word=draw.choice(_WORDS), acted=acted, times=times)
            if fault.word == "service_unavailable":
                fault.acted = False
        case "limited":
            fault = limited(draw.choice([0, 1, 2]), on=on, times=times)
        case "status":
            fault = Fault(on=on, kind="answer", status=draw.choice([500, 502, 503]), body="{}", acted=acted)
        case "html":
            text = "<html>Sorry!</html>"
            status = draw.choice([200, 502])
            fault = Fault(
                on=on, kind="answer", status=status, body=text, content_type="text/html", acted=acted
            )
        case "slow":
            fault = Fault(on=on, kind="slow", delay=draw.choice([0.3, 2.0]), times=times)
        case _:
            fault = Fault(on=on, kind="hang" if kind == "hang" else "drop", acted=acted, times=1)
    fault.channel = channel
    told.note(f"  {fault}")
    told.slack.switch_on(fault)


def mended(told: Told) -> None:
    told.slack.switch_off()


def down(told: Told) -> None:
    told.slack.down()
    triggered(told)
    turned(told)
    told.let_work(1, most=told.draw.random())
    told.slack.up()


# What goes wrong with the database


def locked(told: Told) -> None:
    if told.server is None or told.server.ended() is not None:
        return
    with child(HOLD, told.database) as process:
        assert process.stdout is not None
        process.stdout.readline()
        triggered(told)
        told.let_work(5, most=0.5 + 2 * told.draw.random())
        with suppress(BrokenPipeError):
            process.communicate("go\n")


def full(told: Told) -> None:
    if not told.has_own_disk or told.server is None or told.server.ended() is not None:
        return
    filler = fill(told.root / "disk")
    triggered(told)
    told.let_work(5, most=0.5 + told.draw.random())
    if told.draw.random() < 0.3:
        told.kill()
    filler.unlink()


def copied(told: Told) -> None:
    """A copy of the project is served for a moment: what is to be said is the first one's to say."""
    told.stop()
    copy = told.root.with_name(f"{told.root.name}-copy-{told.figures['copied']}")
    shutil.copytree(told.root, copy, ignore=shutil.ignore_patterns("*.lock", "*.log", "*.sock"))
    for name in ("tick", "tock"):
        (copy / "jobs.d" / f"{name}.yaml").unlink(missing_ok=True)
    waiting = [row["id"] for row in pending(told.database)]
    newest = max((row["id"] for row in outbox_of(told.database)), default=0)
    database_id = database_id_of(told.database)
    before = len(told.slack.messages)
    subprocess.run(
        [*SERVE[:-1], "apply", "--take-over"], cwd=copy, capture_output=True, timeout=PATIENCE, check=True
    )
    server = Victim(copy, copy / "serve.log")
    try:
        until(lambda: server.answers() or server.ended() is not None)
        told.let_work(3)
    finally:
        server.kill()
    told.logs += [server.log, copy / "runner.log"]
    said = told.logs[-1].read_text()
    if waiting and "messages left to the database that this one is a copy of" not in said:
        raise Broken(f"a copy does not say what it leaves alone: {said[-2000:]}")
    for alert in map(alert_of, told.slack.messages[before:]):
        database, _, row = alert.partition("/")
        if alert and (database == database_id or int(row) <= newest):
            raise Broken(f"a copy has sent what is not its own: {alert}, it was copied with {waiting}")


QUIET: Final[tuple[Callable[[Told], None], ...]] = (
    *(triggered, turned, triggered, turned, muted, paused, switched, renamed),
    *(killed, killed_in_a_send, killed_in_a_send, stopped),
    *(failing, failing, failing, failing, mended, down),
    *(locked, full, copied),
)
"""Those of a short round: few messages, of which one channel takes one per second."""
ACTS: Final = (*QUIET, flooded, flooded)


def play(seed: int, root: Path, *, is_long: bool) -> Figures:
    """Play a round in a new folder; AssertionError with seed and story when a promise is broken."""
    root.mkdir(parents=True)
    with ExitStack() as stack:
        has_own_disk = True
        try:
            stack.enter_context(small_disk(root / "disk"))
        except pytest.skip.Exception:
            has_own_disk = False
        slack = stack.enter_context(slack_double())
        told = Told(root, slack, Random(seed), has_own_disk=has_own_disk)
        stack.callback(told.kill)
        try:
            _play(told, [told.draw.choice(ACTS if is_long else QUIET) for _ in range(20 if is_long else 5)])
        except Exception as error:
            said = "\n".join(told.story)
            with closing(connect(told.database)) as conn, suppress(Exception):
                conn.execute("VACUUM INTO ?", (str(root / "failed.sqlite"),))
            raise AssertionError(
                f"seed {seed} (play it again: make chaos CHAOS_SEED={seed}), in {root}\n{said}\n{error!r}"
            ) from error
        return Figures(told.figures, told.longest_stop)


def _play(told: Told, acts: list[Callable[[Told], None]]) -> None:
    told.start()
    for act in acts:
        if told.draw.random() < 0.7:
            told.start()
        told.note(act.__name__)
        told.figures[act.__name__] += 1
        act(told)
        told.let_work(told.draw.randrange(4))
    told.slack.switch_off()
    told.note("nothing is wrong any more")
    _let_end(told)
    told.stop()
    _hurry(told.database)
    told.start()
    until(lambda: not pending(told.database), patience=_SAID_IN)
    told.stop()
    told.note("all is said")
    told.figures += kept(told.database, told.slack, [*told.logs, told.root / "runner.log"])


def _let_end(told: Told) -> None:
    """Nothing runs any more: the times of the schedule are over too."""
    for name in ("tick", "tock"):
        (told.root / "jobs.d" / f"{name}.yaml").unlink(missing_ok=True)
    told.start()
    until(lambda: not _active(told.database))


def _active(database: Path) -> bool:
    with closing(connect(database)) as conn:
        return bool(
            conn.execute(
                "SELECT EXISTS (SELECT 1 FROM runs WHERE status IN ('scheduled', 'running')"
                " AND job_id NOT IN ('tick', 'tock'))"
            ).get
        )


def _hurry(database: Path) -> None:
    """There is no wait here for the end of a minute, or of a backoff: other tests do."""
    with closing(connect(database)) as conn:
        conn.execute("UPDATE outbox SET not_before = NULL, delay_ms = NULL WHERE status = 'pending'")
