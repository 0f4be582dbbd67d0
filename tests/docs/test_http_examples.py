"""The scripts of examples/http, run by a server as jobs: what they leave in state and queues."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.server import Server, command, new_project, save, serving, until

from jeeves_runner.client import Client

EXAMPLES = Path(__file__).parents[2] / "examples" / "http"

pytestmark = pytest.mark.service


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = new_project(tmp_path)
    shutil.copytree(EXAMPLES, root / "examples")
    with serving(root) as server:
        yield server


def work(server: Server, argv: str) -> str:
    """What a job prints that runs this command, which must end well."""
    save(server.root, "letters.yaml", f"command: {argv}\ntimeout: 1m\n")
    assert command(server.root, "apply").returncode == 0
    answer = command(server.root, "trigger", "letters", "--wait")
    printed = command(server.root, "logs", "1").stdout
    assert answer.returncode == 0, answer.stdout + answer.stderr + printed
    return printed


def left(server: Server) -> tuple[object, int, list[str]]:
    """The count in state, how many items are completed, and the names of what is written."""
    with Client(server.root / "data" / "runner.sqlite") as jr:
        written = jr.list_item_keys("letters", "written", order="asc")
        count = jr.get_state("letters", "count")
    status = command(server.root, "queue", "status", "letters", "--json").stdout
    assert '"depth": 0, "claimed": 0, "failed": 0' in status
    return count, server.get("/jobs/letters/runs")["runs"][0]["id"], written


ANSWERED_BEFORE = """
const ask = globalThis.fetch;
globalThis.fetch = async (url, request) => {
  if (url.endsWith("/complete")) await ask(url, request);
  return ask(url, request);
};
"""
"""Loaded before a script, it has each claim answered already when the script does so: the lease is lost."""


def needs(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"there is no {program}")


def test_in_a_shell_by_curl(server: Server) -> None:
    needs("curl")
    needs("jq")
    printed = work(server, "[sh, examples/work.sh]")
    assert "a letter to ada\n" in printed
    assert left(server) == (2, 1, ["1", "2"])


def test_a_watcher_tells_what_is_open_and_what_comes_and_nothing_twice(server: Server) -> None:
    needs("curl")
    needs("jq")
    save(server.root, "first.yaml", "run: exit 3\ntimeout: 1m\n")
    save(server.root, "second.yaml", "run: test -e mended\ntimeout: 1m\n")
    assert command(server.root, "apply").returncode == 0
    command(server.root, "trigger", "first", "--wait")
    seen = server.root / "watch.seen"
    with watching(server) as told:
        until(lambda: told.read_text() == "open: first failure exit code 3\n")
        before = until(lambda: seen.exists() and seen.read_text())
        command(server.root, "trigger", "second", "--wait")
        until(lambda: told.read_text().endswith("\nopened: second failure exit code 1\n"))
        until(lambda: seen.read_text() not in ("", before))  # it keeps its place after it has told
    (server.root / "mended").touch()
    command(server.root, "trigger", "second", "--wait")
    with watching(server) as told:  # it goes on where it was
        until(lambda: told.read_text().startswith("closed: second failure "))


UNANSWERED_ONCE = """#!/bin/sh
case "$*" in */alerts*) mkdir "$0.once" 2>&- && exit 22 ;; esac
exec {} "$@"
"""
"""A curl to which the first question for alerts brings nothing."""


def test_a_watcher_asks_again_for_what_is_open_if_no_answer_came(server: Server) -> None:
    needs("curl")
    needs("jq")
    save(server.root, "first.yaml", "run: exit 3\ntimeout: 1m\n")
    assert command(server.root, "apply").returncode == 0
    command(server.root, "trigger", "first", "--wait")
    folder = server.root / "bin"
    folder.mkdir()
    (folder / "curl").write_text(UNANSWERED_ONCE.format(shutil.which("curl")))
    (folder / "curl").chmod(0o755)
    with watching(server, PATH=f"{folder}:{os.environ['PATH']}", WATCH_PAUSE="0") as told:
        until(lambda: told.read_text() == "open: first failure exit code 3\n")
    assert (folder / "curl.once").is_dir()


@contextmanager
def watching(server: Server, **more: str) -> Iterator[Path]:
    """The watcher of the examples, and the file of what it tells."""
    told = server.root / "told"
    given = {**os.environ, "JR_API_URL": server.url, "JR_TOKEN": "", **more}
    with told.open("wb") as out:
        watcher = subprocess.Popen(
            ["sh", "examples/watch.sh"], cwd=server.root, env=given, stdout=out, start_new_session=True
        )
    try:
        yield told
    finally:
        os.killpg(watcher.pid, signal.SIGTERM)
        watcher.wait()


def test_in_node_by_fetch(server: Server) -> None:
    needs("node")
    printed = work(server, "[node, examples/work.mjs]")
    assert "a letter to grace\n" in printed
    assert left(server) == (2, 1, [])


def test_in_node_an_item_whose_lease_is_lost_is_passed_over(server: Server) -> None:
    needs("node")
    (server.root / "examples" / "before.mjs").write_text(ANSWERED_BEFORE)
    work(server, "[node, --import, ./examples/before.mjs, examples/work.mjs]")
    assert left(server) == (2, 1, [])


def test_in_typescript(server: Server, tmp_path_factory: pytest.TempPathFactory) -> None:
    needs("node")
    examples = server.root / "examples"
    (examples / "package.json").write_text('{"type": "module"}')
    (examples / "before.mjs").write_text(ANSWERED_BEFORE)
    compile_types(examples, tmp_path_factory.mktemp("npm"))
    printed = work(server, "[node, examples/work.js]")
    assert "Dear ada: a letter to ada\n" in printed
    assert left(server) == (2, 1, ["ada", "grace"])
    with Client(server.root / "data" / "runner.sqlite") as jr:
        jr.prune_items("letters", "written", keep=0)
    work(server, "[node, --import, ./examples/before.mjs, examples/work.js]")  # each lease is lost
    assert left(server) == (2, 2, ["ada", "grace"])


def test_in_typescript_as_it_is(server: Server) -> None:
    needs("node")
    if subprocess.run(
        ["node", "--experimental-strip-types", "--version"], capture_output=True, check=False
    ).returncode:
        pytest.skip("this Node takes no TypeScript: it does from 22.6 on")
    printed = work(server, "[node, --experimental-strip-types, examples/work.ts]")
    assert "Dear ada: a letter to ada\n" in printed
    assert left(server) == (2, 1, ["ada", "grace"])


def compile_types(folder: Path, npm: Path) -> None:
    """Compile as strictly as there is; skipped where there is no compiler, and npm has none to give."""
    found = shutil.which("tsc")
    if found is None:
        needs("npm")
        quietly = ("--silent", "--no-audit", "--no-fund", "--prefer-offline")
        try:
            ask(npm, "npm", "install", *quietly, "--prefix", str(npm), "typescript@5")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("npm gives no TypeScript")
        found = str(npm / "node_modules" / ".bin" / "tsc")
    kind = ("--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom")
    as_it_is = ("--rewriteRelativeImportExtensions", "--erasableSyntaxOnly")
    ask(folder, found, "--strict", "--noUnusedLocals", *kind, *as_it_is, "work.ts")


def ask(folder: Path, *words: str) -> None:
    """Run a program that must end well."""
    subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, timeout=60, check=True)
