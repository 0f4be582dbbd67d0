"""``queue work``: a command for each item, in real processes; and ``queue purge``."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.ledger import Store

from jeeves_runner.client import Client
from jeeves_runner.clock import SystemClock

PROGRAM = [sys.executable, "-m", "jeeves_runner"]


class Shop:
    """A project with one queue, ``mail``, under the clock of this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "jeeves-runner.yaml").write_text("db_path: runner.sqlite\n")
        self.store = Store(folder / "runner.sqlite")
        self.store.declare_queue("mail", max_attempts=2, lease_ms=60_000)

    def push(self, *payloads: object) -> None:
        with Client(self.store.path, clock=SystemClock()) as client:
            client.enqueue_many("mail", payloads)

    def start(self, *words: str, **more: Any) -> "subprocess.Popen[str]":
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*PROGRAM, *words], cwd=self.folder, text=True, **{**pipes, **more})

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*words) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def work(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return self.run("queue", "work", "mail", *words)

    def lease_end(self) -> object:
        return self.store.conn.execute("SELECT lease_until FROM queue_items").get

    def items(self) -> list[Any]:
        """Status, attempt and error of each, by id."""
        return [*self.store.conn.execute("SELECT status, attempt, error FROM queue_items ORDER BY id")]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    with closing(made.store.conn):
        yield made


class TestWork:
    def test_gives_each_payload_and_completes_what_ends_well(self, shop: Shop) -> None:
        shop.push({"thread": "ä"}, 2)
        answer = shop.work("--", "sh", "-c", "echo $JR_QUEUE $JR_ITEM_ID $JR_ITEM_ATTEMPT; cat")
        assert answer.stdout == 'mail 1 1\n{"thread":"ä"}\nmail 2 1\n2\n'
        assert answer.returncode == 0
        assert answer.stderr == "queue mail: 2 items completed, 0 failed\n"
        assert [status for status, _, _ in shop.items()] == ["completed", "completed"]

    def test_puts_the_payload_in_the_place_of_a_word(self, shop: Shop) -> None:
        shop.push("it's $HOME")
        assert shop.work("--", "printf", "%s|", "{}", "a{}").stdout == '"it\'s $HOME"|a{}|'

    def test_fails_an_item_with_the_last_line_of_standard_error(self, shop: Shop) -> None:
        shop.push(1)
        answer = shop.work(
            "--json", "--", "sh", "-c", "echo first >&2; echo no such thread >&2; echo >&2; exit 3"
        )
        assert answer.returncode == 1
        assert json.loads(answer.stdout) == {"completed": 0, "failed": 2, "lost": 0}
        assert answer.stderr.startswith("first\nno such thread\n")
        assert shop.items() == [("failed", 2, "no such thread")]

    @pytest.mark.parametrize(
        ("script", "error"), [("exit 7", "exit code 7"), ("kill -9 $$", "killed by SIGKILL")]
    )
    def test_says_how_a_silent_command_ended(self, shop: Shop, script: str, error: str) -> None:
        shop.push(1)
        assert shop.work("--max", "1", "--", "sh", "-c", script).returncode == 1
        assert shop.items() == [("pending", 1, error)]

    def test_gives_several_at_a_time_and_no_more_than_were_asked_for(self, shop: Shop) -> None:
        shop.push(1, 2, 3, 4)
        answer = shop.work("--batch", "2", "--max", "3", "--", "sh", "-c", "tr '\\n' ' '; echo")
        assert answer.stdout == "1 2 \n3 \n"
        assert shop.work("--batch", "2", "--", "echo", "{}").stdout == "[4]\n"

    def test_gives_a_long_payload_also_to_a_command_that_reads_none_of_it(self, shop: Shop) -> None:
        shop.push("x" * 1_000_000, "y" * 1_000_000)
        assert shop.work("--max", "1", "--", "wc", "-c").stdout.strip() == "1000003"
        assert shop.work("--", "true").returncode == 0

    def test_is_done_when_its_command_is_whatever_that_leaves_behind(self, shop: Shop) -> None:
        shop.push(1)
        answer = shop.work("--", "sh", "-c", "sleep 300 >/dev/null & echo $!")
        os.kill(int(answer.stdout), signal.SIGKILL)
        assert shop.items()[0][0] == "completed"

    def test_touches_nothing_for_a_command_that_there_is_not(self, shop: Shop) -> None:
        shop.push(1)
        answer = shop.work("--", "no-such-program")
        assert answer.returncode == 64
        assert "there is no program no-such-program" in answer.stderr
        assert shop.items() == [("pending", 0, None)]

    def test_extends_the_lease_while_it_works(self, shop: Shop) -> None:
        shop.push(1)
        began = shop.folder / "began"
        os.mkfifo(began)
        with shop.start("queue", "work", "mail", "--lease", "600ms", "--", "sh", "-c", "cat began") as worker:
            with began.open("w"):
                first = shop.lease_end()
                while shop.lease_end() == first:
                    assert worker.poll() is None
            worker.communicate(timeout=60)
        assert shop.items()[0][0] == "completed"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_ends_after_the_item_in_hand_when_told_to(self, shop: Shop, number: int) -> None:
        shop.push(1, 2)
        gate = shop.folder / "gate"
        os.mkfifo(gate)
        with shop.start("queue", "work", "mail", "--wait", "--", "sh", "-c", "cat gate") as worker:
            with gate.open("w"):
                worker.send_signal(number)
            worker.communicate(timeout=60)
        assert worker.returncode == 0
        assert [status for status, _, _ in shop.items()] == ["completed", "pending"]

    def test_passes_a_second_signal_on(self, shop: Shop) -> None:
        shop.push(1)
        gate = shop.folder / "gate"
        os.mkfifo(gate)
        script = "trap 'echo told >&2; exit 1' TERM; echo > gate; while :; do sleep 0.01; done"
        with shop.start("queue", "work", "mail", "--", "sh", "-c", script) as worker:
            gate.read_text()
            worker.send_signal(signal.SIGTERM)
            while worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
            worker.communicate(timeout=60)
        assert shop.items() == [("pending", 1, "told")]

    def test_waits_for_items_that_come_and_for_those_that_were_delayed(self, shop: Shop) -> None:
        with shop.start("queue", "work", "mail", "--wait", "--max", "2", "--", "cat") as worker:
            assert worker.stdout is not None
            with Client(shop.store.path, clock=SystemClock()) as client:
                client.enqueue("mail", "later", delay="1s")
                client.enqueue("mail", "now")
            out, _ = worker.communicate(timeout=60)
        assert out == '"now"\n"later"\n'


class TestPurge:
    def prepared(self, shop: Shop) -> None:
        """Three pending, one completed, one failed, one claimed."""
        shop.push(*range(6))
        with Client(shop.store.path, clock=SystemClock()) as client:
            completed, failed, _ = (client.claim("mail")[0] for _ in range(3))
            client.complete(completed)
            client.fail(failed, "no", retry_in="0s")
        shop.store.conn.execute(
            "UPDATE queue_items SET status = 'failed', completed_at = '2026' WHERE id = 2"
        )

    def test_deletes_what_is_named_or_all_but_what_is_claimed(self, shop: Shop) -> None:
        self.prepared(shop)
        answer = shop.run("queue", "purge", "mail", "--failed", "--yes")
        assert answer.stdout == "Deleted from queue mail: 1 failed item.\n"
        answer = shop.run("queue", "purge", "mail", "--yes", "--json")
        assert json.loads(answer.stdout) == {"deleted": {"failed": 0, "completed": 1, "pending": 3}}
        assert [status for status, _, _ in shop.items()] == ["claimed"]
        assert shop.run("queue", "purge", "mail").stdout == "Nothing to delete in queue mail.\n"
        acts = "SELECT action, target, detail FROM audit ORDER BY id"
        assert list(shop.store.conn.execute(acts)) == [
            ("purge", "queue mail", "1 failed"),
            ("purge", "queue mail", "1 completed"),
            ("purge", "queue mail", "3 pending"),
        ]

    def test_asks_and_says_what_goes_and_what_stays(self, shop: Shop) -> None:
        self.prepared(shop)
        answer = shop.run("queue", "purge", "mail", "--pending")
        assert answer.returncode == 64
        assert answer.stderr.startswith(
            "This deletes from queue mail: 3 pending items. 1 claimed item stays.\n"
        )
        assert len(shop.items()) == 6

    @pytest.mark.parametrize(("word", "left"), [("y", 3), ("n", 6)])
    def test_takes_an_answer_from_a_terminal(self, shop: Shop, word: str, left: int) -> None:
        self.prepared(shop)
        terminal, other = os.openpty()
        with shop.start("queue", "purge", "mail", "--pending", stdin=other) as process:
            os.write(terminal, f"{word}\n".encode())
            process.communicate(timeout=60)
        os.close(terminal)
        os.close(other)
        assert len(shop.items()) == left

    def test_of_a_queue_that_there_is_not_is_an_error(self, shop: Shop) -> None:
        assert shop.run("queue", "purge", "no", "--yes").returncode == 2

    def test_works_in_portions(self, shop: Shop) -> None:
        shop.push(*range(6_000))
        answer = shop.run("queue", "purge", "mail", "--yes")
        assert answer.stdout == "Deleted from queue mail: 6,000 pending items.\n"
        assert shop.items() == []
        counts = "SELECT count(*) FROM audit WHERE action = 'purge'"
        assert shop.store.conn.execute(counts).get == 2
