"""What is carried out without the command line prints what the command line would."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import apsw
import pytest
from support.processes import INTERRUPTIBLE
from support.server import command, database, new_project, save, serving, until

from jeeves_runner.client import Client

HARD: Final[Mapping[str, object]] = {"text": "ä ::error:: \x1b[31m", "list": [1, None, {"a": []}]}

JOBS: Final = {
    "ok": "run: echo well",
    "fails": "run: |\n  echo '::error:: ä' >&2\n  exit 3",
    "again": "run: test $JR_ATTEMPT = 2\nretries: {limit: 1, delay: 10ms}",
    "skips": "run: exit 75\nexit_codes: {skip: [75]}",
    "held": "run: until [ -e go ]; do sleep 0.02; done",
    "rests": "run: 'true'",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with state and a queue."""
    root = new_project(tmp_path_factory.mktemp("quick"))
    (root / "jobs.d/mail.yaml").write_text("queues: [{id: mail, dedup: {key: $.to}}]\n")
    assert command(root, "apply").returncode == 0
    with Client(database(root)) as jr:
        jr.set_state("ns", "number", 1)
        jr.set_state("ns", "hard", HARD)
        jr.set_state("ns", "lines", "one\ntwo")
        jr.set_state("ns", "lone", "…\u200d\x85ü€")
        jr.set_state("ns", "items", 1)
        jr.set_item("ns", "items", "a", 2)
    return root


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a server and jobs that end in each way."""
    root = new_project(tmp_path_factory.mktemp("served"))
    for name, lines in JOBS.items():
        save(root, f"{name}.yaml", f"{lines}\ntimeout: 1m\n")
    with serving(root):
        yield root


def quick(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program, which is told not to load click."""
    program = "import sys; sys.modules['click'] = None; from jeeves_runner.__main__ import main; main()"
    environment: Mapping[str, str] = {"PATH": "/bin", **variables}
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=root, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def in_a_pipe(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program as scripts call it."""
    environment = {"PATH": "/bin", **variables}
    return subprocess.run(
        [sys.executable, "-m", "jeeves_runner", *words], cwd=root, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("key", ["number", "hard", "lines"])
def test_a_value_is_printed_as_by_the_command_line(root: Path, key: str) -> None:
    done = quick(root, "state", "get", "ns", key, PYTHONUTF8="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == command(root, "state", "get", "ns", key).stdout


def test_an_item_is_added_as_by_the_command_line(root: Path) -> None:
    first = quick(root, "queue", "push", "mail", '{"to": "Ada"}')
    assert (first.stdout, first.stderr) == ("Added as item 1.\n", "")
    assert quick(root, "queue", "push", "mail", '{"to": "Ada"}').stdout == "Duplicate: not added.\n"
    assert command(root, "queue", "push", "mail", '{"to": "Ada"}').stdout == "Duplicate: not added.\n"


def test_within_a_run_no_config_is_read(root: Path, tmp_path: Path) -> None:
    done = quick(tmp_path, "state", "get", "ns", "number", JR_DB_PATH=str(database(root)))
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_the_status_is_that_of_the_server(root: Path) -> None:
    with serving(root) as server:
        done = quick(root, "status", "--json")
        assert done.stdout.startswith('{"name": "jeeves-runner"'), done.stderr
        shown = command(root, "status", "--json").stdout
        assert '"status": "running"' in done.stdout
        assert shown.partition('"uptime_ms"')[0] == done.stdout.partition('"uptime_ms"')[0]
        assert server.get("/status")["attention"] == []


@pytest.mark.parametrize(
    "words",
    [
        ("state", "get", "ns", "none"),
        ("state", "get", "ns", "items"),
        ("state", "get", "ns"),
        ("state", "get", "ns", "--json"),
        ("queue", "push", "mail", "no json"),
        ("queue", "push", "mail", "-"),
        ("status",),
        ("status", "--json"),
        ("trigger", "ok", "--wait"),
        ("trigger", "ok"),
        ("trigger", "--wait"),
        ("trigger", "--wait", "--json"),
    ],
)
def test_all_else_is_left_to_the_command_line(root: Path, words: tuple[str, ...]) -> None:
    done = quick(root, *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "import of click halted" in done.stderr


def test_what_is_refused_is_told_as_by_the_command_line(root: Path) -> None:
    program = [sys.executable, "-m", "jeeves_runner", "queue", "push", "no queue!", "1"]
    done = subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)
    told = command(root, "queue", "push", "no queue!", "1")
    assert (done.returncode, done.stdout, done.stderr) == (told.returncode, "", told.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("key", ["number", "hard", "lone"])
def test_a_value_is_encoded_as_by_the_command_line(root: Path, key: str, encoding: str) -> None:
    def printed(program: str) -> bytes:
        words = [sys.executable, "-c", f"from {program} import main; main()", "state", "get", "ns", key]
        environment = {"PYTHONIOENCODING": encoding}
        return subprocess.run(words, cwd=root, env=environment, capture_output=True, check=True).stdout

    assert printed("jeeves_runner.__main__") == printed("jeeves_runner.cli.main")


def without_numbers(text: str) -> str:
    return re.sub(r"[0-9.]+(?=ms|s\b)|(?<=Run )[0-9]+", "N", text)


@pytest.mark.parametrize("job", ["ok", "fails", "again", "skips"])
def test_a_run_is_waited_for_and_told_of_as_by_the_command_line(served: Path, job: str) -> None:
    done = in_a_pipe(served, "trigger", job, "--wait", PYTHONUTF8="1")
    told = command(served, "trigger", job, "--wait")
    assert without_numbers(done.stdout) == without_numbers(told.stdout)
    assert (done.returncode, done.stderr) == (told.returncode, told.stderr)
    asked = "SELECT actor, action, target FROM audit WHERE action = 'run' AND target = 'job ' || ?"
    first, second = apsw.Connection(str(database(served))).execute(asked, (job,))
    assert first == second


def test_a_run_that_ends_well_is_waited_for_without_the_command_line(served: Path) -> None:
    for words in (("ok", "--wait"), ("--wait", "ok")):
        done = quick(served, "trigger", *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert without_numbers(done.stdout) == "Run N of ok ended ok after Nms.\n"


def test_what_cannot_be_triggered_is_left_to_the_command_line(served: Path) -> None:
    command(served, "pause", "rests")
    for job in ("rests", "okay", "no job!"):
        assert "import of click halted" in quick(served, "trigger", job, "--wait").stderr
        done, told = in_a_pipe(served, "trigger", job, "--wait"), command(served, "trigger", job, "--wait")
        assert (done.returncode, done.stdout, done.stderr) == (told.returncode, told.stdout, told.stderr)
    run_of_another = quick(served, "trigger", "rests", "--wait", JR_DB_PATH=str(database(served)))
    assert "import of click halted" in run_of_another.stderr
    counted = "SELECT count(*) FROM runs WHERE job_id = 'rests'"
    assert apsw.Connection(str(database(served))).execute(counted).get == 0


@pytest.mark.parametrize("words", [("--wait",), ("--wait", "--json"), ("--follow",), ("--wait", "--force")])
def test_who_waits_no_longer_hears_that_the_run_goes_on(served: Path, words: tuple[str, ...]) -> None:
    def running() -> int | None:
        query = "SELECT max(id) FROM runs WHERE job_id = 'held' AND status = 'running'"
        number: int | None = apsw.Connection(str(database(served))).execute(query).get
        return number

    (served / "go").unlink(missing_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, "trigger", "held", *words], cwd=served, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        run = until(running)
        process.send_signal(signal.SIGINT)
        said, told = process.communicate(timeout=60)
    goes_on = (
        f"run {run} of held goes on; `jeeves-runner logs {run} -f` follows it,"
        f" `jeeves-runner cancel {run}` ends it\n"
    )
    assert (process.returncode, said, told) == (130, "", goes_on)
    assert running() == run
    (served / "go").touch()
    until(lambda: running() is None)
