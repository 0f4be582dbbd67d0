"""A pipeline that is disturbed: five jobs, two queues, three datastores, and scripts that fail as told.

``fetch`` reads letters into a queue, ``sort`` moves them from there to a folder and a second queue, ``send``
takes them from that, ``index`` follows changes of the folder, ``report`` follows ``send``. What sorting and
sending a letter does is an item of state in the transaction that completes the letter. Its name is one that
only this attempt at this item has: a repeated effect is a second item.
"""

import signal
from pathlib import Path
from typing import Final

from support.server import SERVE, Server, new_project, save

LETTERS: Final = 36
POISON: Final = {7: "refused", 23: "deadly"}
"""Letters that cannot be sorted: at the first the script says so, by the second it dies."""
POISON_ATTEMPTS: Final = 2
RETRIES: Final = 3
KINDS: Final = ("exit", "kill", "hang")
"""How a script fails."""
MOMENTS: Final = ("before", "within", "after")
"""When it does: before the transaction of a letter, at the end of its block, or after it."""

CONFIG: Final = "port: 0\nmin_free: 1MiB\nshutdown_grace: 1s\nmax_concurrency: 3\nsync: {interval: 5s}\n"
MANIFEST: Final = f"""
defaults:
  timeout: 4s
  kill_grace: 500ms
  retries: {{limit: {RETRIES}, delay: 100ms, on: [error, timeout, interrupted]}}
queues:
  - {{id: inbox, max_attempts: 50, backoff: {{delay: 100ms}}}}
  - {{id: outbox, max_attempts: 50, backoff: {{delay: 100ms}}}}
nodes:
  - {{kind: source, id: mailbox}}
  - {{kind: auth, id: token}}
  - {{kind: datastore, id: sorted, path: sorted}}
  - {{kind: datastore, id: index, path: index.txt}}
  - {{kind: datastore, id: report, path: report.txt}}
  - {{kind: sink, id: recipients}}
jobs:
  - id: fetch
    schedule: "* * * * * *"
    catch_up: none
    script: scripts/fetch.py
    exit_codes: {{skip: [78]}}
    reads: [source:mailbox]
    uses: [auth:token]
    writes: [queue:inbox]
  - id: sort
    on_queue: {{queue: inbox, batch: 5, max_wait: 500ms}}
    script: scripts/sort.py
    writes: [datastore:sorted, queue:outbox]
  - id: send
    on_queue: {{queue: outbox, batch: 5, max_wait: 500ms}}
    script: scripts/send.py
    uses: [auth:token]
    writes: [sink:recipients]
  - id: index
    on_change: {{of: ["datastore:sorted"], debounce: 300ms}}
    script: scripts/index.py
    writes: [datastore:index]
  - id: report
    after: send
    schedule: "*/3 * * * * *"
    catch_up: none
    needs: {{job: index, within: 1m}}
    overlap_policy: queue
    script: scripts/report.py
    reads: [datastore:index]
    writes: [datastore:report]
"""

_COMMON: Final = """
import os, signal, sys
from pathlib import Path
from jeeves_runner.client import MISSING, Client

ROOT = Path(os.environ["JR_PROJECT_DIR"])
JOB, RUN = os.environ["JR_JOB_ID"], os.environ["JR_RUN_ID"]

def say(word, what="-"):
    with open(ROOT / "ledger", "ab", buffering=0) as ledger:
        ledger.write(f"{word} {JOB} {RUN} {what}\\n".encode())

def log_in():
    if (ROOT / "token").read_text() != "good":
        say("refused")
        sys.exit("the token has expired")

def perhaps_fail(moment, letter):
    place = ROOT / "faults" / f"{JOB}-{moment}-{letter}"
    if not place.exists():
        return
    kind = place.read_text()
    place.unlink()
    say(kind, letter)
    if kind == "exit":
        sys.exit(1)
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()

def write_whole(name, text):
    draft = ROOT / f".{name}.{RUN}"
    draft.write_text(text)
    draft.rename(ROOT / name)

def record(jr, item):
    # Within the transaction that completes the item: a name that no other attempt has, and a sum.
    total = jr.get_state(JOB, "total")
    jr.set_state(JOB, "total", (total or 0) + 1, expect=MISSING if total is None else total)
    jr.set_item(JOB, f"letter-{item.payload}", f"{RUN}/{item.id}/{item.attempt}")
    jr.complete(item)

say("began")
"""
SCRIPTS: Final = {
    "common": _COMMON,
    "fetch": f"""
from common import *
log_in()
with Client() as jr:
    cursor = jr.get_state("fetch", "cursor")
    start = cursor or 0
    letters = range(start, min(start + 6, {LETTERS}))
    if not letters:
        sys.exit(78)
    perhaps_fail("before", start)
    with jr.transaction():
        for letter in letters:
            jr.enqueue("inbox", letter, max_attempts={POISON_ATTEMPTS} if letter in {tuple(POISON)} else None)
        jr.set_state("fetch", "cursor", letters.stop, expect=MISSING if cursor is None else cursor)
        perhaps_fail("within", start)
    perhaps_fail("after", start)
say("ended")
""",
    "sort": f"""
from common import *
with Client() as jr:
    for item in jr.claim("inbox", 5):
        how = {POISON}.get(item.payload)
        if how == "refused":
            jr.fail(item, "it cannot be read", retry_in=0.1)
            continue
        if how == "deadly":
            say("deadly", item.payload)
            os.kill(os.getpid(), signal.SIGSEGV)
        perhaps_fail("before", item.payload)
        (ROOT / "sorted" / str(item.payload)).touch()
        with jr.transaction():
            jr.enqueue("outbox", item.payload)
            record(jr, item)
            perhaps_fail("within", item.payload)
        perhaps_fail("after", item.payload)
say("ended")
""",
    "send": """
from common import *
log_in()
with Client() as jr:
    for item in jr.claim("outbox", 5):
        perhaps_fail("before", item.payload)
        with jr.transaction():
            record(jr, item)
            perhaps_fail("within", item.payload)
        perhaps_fail("after", item.payload)
say("ended")
""",
    "index": """
from common import *
write_whole("index.txt", "\\n".join(sorted(os.listdir(ROOT / "sorted"))))
say("ended")
""",
    "report": """
from common import *
with Client() as jr:
    write_whole("report.txt", str(jr.get_state("send", "total", 0)))
say("ended")
""",
}


def lay_out(root: Path) -> None:
    """Write the project."""
    new_project(root, CONFIG)
    for folder in ("scripts", "sorted", "faults"):
        (root / folder).mkdir()
    for name, text in SCRIPTS.items():
        (root / "scripts" / f"{name}.py").write_text(text)
    (root / "ledger").touch()
    renew_token(root)
    save(root, "letters.yaml", MANIFEST)


def renew_token(root: Path, text: str = "good") -> None:
    """Let ``fetch`` and ``send`` in; with another text, keep them out."""
    draft = root / ".token"
    draft.write_text(text)
    draft.rename(root / "token")


def plan_fault(root: Path, job: str, moment: str, letter: int, kind: str) -> None:
    """Have a script fail once, at its first pass of that moment."""
    (root / "faults" / f"{job}-{moment}-{letter}").write_text(kind)


def steps_done(root: Path) -> int:
    """How many lines the scripts have written to their ledger."""
    return (root / "ledger").read_bytes().count(b"\n")


class Doomed(Server):
    """A server that may be killed at any moment, also before it answers."""

    def __init__(self, root: Path, program: list[str] | None = None) -> None:
        super().__init__(root, program or SERVE)

    def _address(self) -> str | None:
        return "nowhere" if self.ended() is not None else super()._address()

    def fall(self) -> None:
        """Kill it, if it is not dead yet. AssertionError if it has died of anything else, or complained."""
        if self.ended() is None:
            self.kill()
        text = self.log.read_text()
        assert self.ended() == -signal.SIGKILL, text
        assert "Traceback" not in text, text
