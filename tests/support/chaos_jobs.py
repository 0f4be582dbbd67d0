"""The project that the chaos campaign works in: jobs of many kinds, whose scripts keep a ledger.

A script writes a line to the ledger, a file that no attack touches, when it begins, when a call of the client
has returned, and as the last thing before it ends well. So the ledger tells what was done and promised,
whatever has become of the database.
"""

from pathlib import Path
from typing import Final, NamedTuple

SHUTDOWN_GRACE: Final = 1.0
KILL_GRACE: Final = 1.0
"""Seconds, the longest of all jobs."""

CONFIG: Final = """
port: 0
data_dir: disk
min_free: 1MiB
shutdown_grace: 1s
max_concurrency: 6
pools: {one: 1}
log: {file: runner.log}
sync: {interval: 2s}
"""

DEFAULTS: Final = """
defaults:
  timeout: 20s
  kill_grace: 1s
  overlap_policy: allow
"""

SAY: Final = """
set -e
say() {
  echo "$1 $JR_JOB_ID $JR_RUN_ID $JR_ATTEMPT $JR_TRIGGER ${JR_SCHEDULED_FOR:--} ${2:-$JR_RUN_MARK}" \\
    >> "$JR_PROJECT_DIR/ledger"
}
say began
"""

MANIFESTS: Final = {
    "tick": "schedule: '* * * * * *'\noverlap_policy: skip\nrun: . scripts/say.sh; say ended\n",
    "gapless": "schedule: '*/3 * * * * *'\ncatch_up: all\noverlap_policy: queue\n"
    "run: . scripts/say.sh; say ended\n",
    "short": "run: . scripts/say.sh; say ended\n",
    "long": "run: . scripts/say.sh; sleep 3; say ended\n",
    "script": "script: scripts/plain.sh\n",
    "failing": "run: . scripts/say.sh; exit 3\n",
    "retried": "retries: {limit: 2, delay: 300ms, on: [error, timeout, interrupted]}\n"
    "run: . scripts/say.sh; test $JR_ATTEMPT = 3; say ended\n",
    "limited": "pool: one\noverlap_policy: queue\nrun: . scripts/say.sh; sleep 0.3; say ended\n",
    "replaced": "overlap_policy: replace\nrun: . scripts/say.sh; sleep 2; say ended\n",
    "queued": "overlap_policy: queue\npool: one\nrun: . scripts/say.sh; sleep 0.5; say ended\n",
    "stubborn": "timeout: 1s\nkill_grace: 500ms\n"
    "run: trap '' TERM; . scripts/say.sh; setsid sleep 600 & sleep 600; sleep 600\n",
    "probe": "pool: one\nrun: . scripts/say.sh; say ended\n",
    "producer": "script: scripts/producer.py\n",
    "worker": "schedule: '*/4 * * * * *'\ncatch_up: none\noverlap_policy: skip\nscript: scripts/worker.py\n",
}
"""By id. None of them is the only one of its kind: what one attack keeps from running others still do."""

TRIGGERED: Final = tuple(name for name in MANIFESTS if name not in ("tick", "gapless", "worker", "probe"))
"""Those that are run by hand, over HTTP or by a command. The probe is run once the attacks are over."""

QUEUES: Final = "queues:\n  - id: items\n    max_attempts: 1000\n    lease: 15s\n"
QUEUE: Final = "items"
NAMESPACE: Final = "chaos"

_CLIENT: Final = """
import os, sys
from jeeves_runner.client import MISSING, Client
from jeeves_runner.errors import JeevesError

def say(word, what=""):
    env = os.environ
    words = (word, env["JR_JOB_ID"], env["JR_RUN_ID"], env["JR_ATTEMPT"], env["JR_TRIGGER"],
             env.get("JR_SCHEDULED_FOR", "-"), what or env["JR_RUN_MARK"])
    with open(env["JR_PROJECT_DIR"] + "/ledger", "ab", buffering=0) as ledger:
        ledger.write((" ".join(words) + "\\n").encode())

say("began")
try:
    with Client() as jr:
        work(jr)
except JeevesError as error:
    sys.exit(str(error))
say("ended")
"""

PRODUCER: Final = """
def work(jr):
    for number in range(5):
        name = f"{os.environ['JR_RUN_ID']}-{number}"
        jr.enqueue("items", name)
        say("queued", name)
        jr.set_item("chaos", "kept", name, number)
        say("kept", name)
"""

WORKER: Final = """
def work(jr):
    for item in jr.claim("items", count=20):
        total = jr.get_state("chaos", "total")
        with jr.transaction():
            jr.set_state("chaos", "total", (total or 0) + 1, expect=MISSING if total is None else total)
            jr.complete(item)
        say("done", item.payload)
"""


class Line(NamedTuple):
    """What a script has written to the ledger."""

    word: str
    """``began``, ``ended``, or what a call of the client has done: ``queued``, ``kept``, ``done``."""
    job: str
    run: int
    attempt: int
    trigger: str
    scheduled_for: str
    """``-`` for a run that is no occurrence."""
    what: str
    """The name of an item; of ``began`` and ``ended`` the run's mark."""


def lay_out(root: Path) -> None:
    """Write the project."""
    for folder in ("jobs.d", "scripts"):
        (root / folder).mkdir()
    (root / "jeeves-runner.yaml").write_text(CONFIG)
    (root / "jobs.d" / "_defaults.yaml").write_text(DEFAULTS)
    (root / "jobs.d" / "queues.yaml").write_text(QUEUES)
    for name, text in MANIFESTS.items():
        manifest_of(root, name).write_text(text)
    (root / "scripts" / "say.sh").write_text(SAY)
    (root / "scripts" / "plain.sh").write_text(". scripts/say.sh\nsay ended\n")
    (root / "scripts" / "producer.py").write_text(PRODUCER + _CLIENT)
    (root / "scripts" / "worker.py").write_text(WORKER + _CLIENT)
    ledger_of(root).touch()


def manifest_of(root: Path, name: str) -> Path:
    return root / "jobs.d" / f"{name}.yaml"


def ledger_of(root: Path) -> Path:
    return root / "ledger"


def read_ledger(root: Path) -> list[Line]:
    """What the scripts have written so far. A line is written by one system call, so none is half there."""
    lines = (text.split() for text in ledger_of(root).read_text().splitlines())
    return [
        Line(word, job, int(run), int(attempt), trigger, scheduled_for, what)
        for word, job, run, attempt, trigger, scheduled_for, what in lines
    ]
