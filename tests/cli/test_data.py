"""``state`` and ``queue`` on the command line: what they print, store and answer the shell."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.ledger import Store

from jeeves_runner.cli.context import App
from jeeves_runner.cli.main import main
from jeeves_runner.client import Client


@dataclass
class Answer:
    """What a command line left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Command lines in a project whose clock is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "jeeves-runner.yaml"
        self.config.write_text("db_path: runner.sqlite\n")
        self.store = Store(folder / "runner.sqlite")

    def __call__(self, *words: str, stdin: str = "") -> Answer:
        app = App(config_path=self.config, clock=self.store.clock)
        result = CliRunner().invoke(main, list(words), obj=app, input=stdin)
        return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.store.conn.close()


class TestState:
    def test_is_set_shown_and_deleted(self, shell: Shell) -> None:
        assert shell("state", "set", "mail", "cursor", '{"n": 1}').code == 0
        assert shell("state", "list", "--json").json == {"namespaces": ["mail"]}
        assert shell("state", "--json").json == {"namespaces": ["mail"]}
        assert shell("state", "get", "mail", "--json").json == {"cursor": {"n": 1}}
        assert shell("state", "get", "mail", "cursor", "--json").json == {
            "value": {"n": 1},
            "items": [],
            "written_by": None,
            "count": 0,
        }
        assert shell("state", "delete", "mail", "cursor").code == 0
        assert shell("state", "list", "--json").json == {"namespaces": []}

    def test_is_listed_with_the_number_of_keys_whatever_they_hold(self, shell: Shell) -> None:
        with Client(shell.store.path, clock=shell.store.clock) as client:
            for namespace, key in (("mail", "a"), ("mail", "b"), ("notes", "a")):
                client.set_state(namespace, key, 1)
            client.set_item("mail", "c", "an item", None)
        shell.store.conn.execute("UPDATE state SET value = '{no json' WHERE key = 'b'")
        answer = shell("state", "list")
        assert [line.split() for line in answer.out.splitlines()[1:]] == [["mail", "3"], ["notes", "1"]]

    def test_shows_items_with_their_key(self, shell: Shell) -> None:
        with Client(shell.store.path, clock=shell.store.clock) as client:
            client.set_item("mail", "seen", "a", [1])
        answer = shell("state", "get", "mail", "seen", "--json").json
        items = [{"item_key": "a", "value": [1], "updated_at": "2026-03-01T12:00:00.000Z"}]
        assert answer == {"value": None, "items": items, "written_by": None, "count": 1}
        shell.store.clock.advance(hours=2)
        lines = shell("state", "get", "mail", "seen").out.splitlines()
        assert lines[-2:] == ["ITEM  VALUE  UPDATED", "a     [1]    2h ago"]

    def test_shows_what_would_steer_the_terminal(self, shell: Shell) -> None:
        shell("state", "set", "mail", "cursor", '"\x9b2J"')
        assert json.loads(shell("state", "get", "mail", "cursor").out) == "\x9b2J"
        assert "\x9b" not in shell("state", "get", "mail", "cursor").out + shell("state", "get", "mail").out

    def test_expires(self, shell: Shell) -> None:
        shell("state", "set", "mail", "token", "1", "--ttl", "5m")
        shell.store.clock.advance(minutes=5)
        assert shell("state", "get", "mail", "token").code == 2

    def test_hints_at_quotes_for_what_is_not_json(self, shell: Shell) -> None:
        answer = shell("state", "set", "mail", "cursor", "text")
        assert answer.code == 64
        assert "the value is not JSON" in answer.err
        assert """'"text"'""" in answer.err

    @pytest.mark.parametrize(
        "words",
        [("get", "none"), ("get", "none", "k"), ("delete", "none", "k")],
    )
    def test_that_is_not_there_ends_with_2(self, shell: Shell, words: tuple[str, ...]) -> None:
        answer = shell("state", *words)
        assert (answer.code, answer.out) == (2, "")
        assert answer.err.startswith("jeeves-runner: error: ")

    @pytest.mark.parametrize("words", [("get", ""), ("set", "a", "b", "1", "--ttl", "x")])
    def test_values_that_cannot_be_end_with_64(self, shell: Shell, words: tuple[str, ...]) -> None:
        answer = shell("state", *words)
        assert (answer.code, answer.out) == (64, "")
        assert answer.err.startswith("jeeves-runner: error: ")


class TestQueue:
    def test_is_worked_by_scripts_in_any_language(self, shell: Shell) -> None:
        [item_id] = shell("queue", "push", "mail", '{"n": 1}', "--json").json["ids"]
        [item] = shell("queue", "claim", "mail", "--json").json["items"]
        assert (item["id"], item["payload"], item["attempt"]) == (item_id, {"n": 1}, 1)
        assert shell("queue", "complete", str(item_id), item["lease_token"]).code == 0
        again = shell("queue", "complete", str(item_id), item["lease_token"])
        assert again.code == 2
        assert "completed by now" in again.err

    def test_that_is_empty_answers_a_claim_with_3(self, shell: Shell) -> None:
        claimed = shell("queue", "claim", "mail")
        assert (claimed.code, claimed.err) == (3, "nothing is ready in queue mail\n")
        answer = shell("queue", "claim", "mail", "--json")
        assert (answer.code, answer.json) == (3, {"items": []})

    def test_takes_a_payload_a_line_from_standard_input(self, shell: Shell) -> None:
        answer = shell("queue", "push", "mail", "-", "--priority", "2", stdin='1\n\n"a\u2028b"\n')
        assert answer.out == "Added as item 1.\nAdded as item 2.\n"
        items = shell("queue", "peek", "mail", "--json").json["items"]
        assert [(item["payload"], item["priority"]) for item in items] == [(1, 2), ("a\u2028b", 2)]
        assert items[0]["created_at"] == "2026-03-01T12:00:00.000Z"

    def test_tells_when_an_item_is_ready(self, shell: Shell) -> None:
        shell("queue", "push", "mail", "1", "--delay", "2h")
        lines = shell("queue", "peek", "mail").out.splitlines()
        assert [line.split("  ")[0] for line in lines] == ["ITEM", "1"]
        assert "in 2h" in lines[1]
        assert shell("queue", "peek", "mail", "--json").json["items"][0]["ready_at"].endswith("14:00:00.000Z")

    def test_names_the_line_that_is_not_json(self, shell: Shell) -> None:
        answer = shell("queue", "push", "mail", "-", stdin="1\n{\n")
        assert answer.code == 64
        assert "line 2 is not JSON" in answer.err
        assert shell.store.count("queue_items") == 0

    def test_tells_of_duplicates(self, shell: Shell) -> None:
        shell.store.declare_queue("mail", dedup_config='{"key": "$", "scope": "all"}')
        assert shell("queue", "push", "mail", "1", "1", "--json").json == {"ids": [1, None]}

    def test_gives_dead_letters_another_chance(self, shell: Shell) -> None:
        shell("queue", "push", "mail", '"work"', "--max-attempts", "1")
        [item] = shell("queue", "claim", "mail", "--json").json["items"]
        assert shell("queue", "fail", str(item["id"]), item["lease_token"], "no answer").code == 0
        [dead] = shell("queue", "peek", "mail", "--failed", "--json").json["items"]
        assert dead["error"] == "no answer"
        assert shell("queue", "retry", str(dead["id"])).out == "1 item pending again.\n"
        assert shell("queue", "status", "mail", "--json").json == {
            "depth": 1,
            "claimed": 0,
            "failed": 0,
            "oldest_age_ms": 0,
            "paused": None,
        }

    def test_tries_again_all_that_was_given_up(self, shell: Shell) -> None:
        shell("queue", "push", "mail", "1", "2", "--max-attempts", "1")
        for _ in range(2):  # at their last attempt they are claimed one by one
            [item] = shell("queue", "claim", "mail", "--json").json["items"]
            assert shell("queue", "fail", str(item["id"]), item["lease_token"]).code == 0
        assert shell("queue", "retry", "--all-of", "mail").out == "2 items pending again.\n"
        assert shell("queue", "retry", "--all-of", "mail", "--json").json == {"retried": 0, "left": 0}
        assert shell("queue", "status", "mail", "--json").json["depth"] == 2

    def test_tries_again_what_no_answer_came_for_by_its_last_attempt(self, shell: Shell) -> None:
        shell("queue", "push", "mail", "1", "--max-attempts", "1")
        shell("queue", "claim", "mail", "--lease", "1m")
        shell.store.clock.advance(minutes=2)
        assert shell("queue", "status", "mail", "--json").json["failed"] == 1
        assert shell("queue", "retry", "--all-of", "mail").out == "1 item pending again.\n"

    def test_deletes_items_that_are_not_claimed_all_or_none(self, shell: Shell) -> None:
        shell("queue", "push", "mail", "1", "2", "3")
        [item] = shell("queue", "claim", "mail", "--json").json["items"]
        refused = shell("queue", "delete", "2", str(item["id"]))
        assert refused.code == 2
        assert f"item {item['id']} of queue mail is claimed" in refused.err
        assert shell.store.count("queue_items") == 3
        assert shell("queue", "delete", "2", "3").out == "Deleted: 2 pending items.\n"
        assert shell.store.count("queue_items") == 1
        assert shell("queue", "delete", "2").code == 2

    def test_is_paused_and_resumed(self, shell: Shell) -> None:
        shell("queue", "push", "mail", "1")
        answer = shell("queue", "pause", "mail", "--for", "2h", "--reason", "moving")
        assert re.fullmatch(r"Queue mail is paused, ends 2\S+ \S+Z \(in 2h\): moving\.\n", answer.out)
        listed = shell("queue").out.splitlines()[-1]
        assert re.fullmatch(r"Queue mail is paused, ends in (2h|1h 59m): moving\.", listed)
        assert shell("queue", "status", "mail").out.splitlines()[-1] == listed
        claimed = shell("queue", "claim", "mail")
        assert (claimed.code, claimed.err) == (3, "nothing is ready in queue mail: it is paused\n")
        worked = shell("queue", "work", "mail", "--", "cat")
        assert worked.err == "queue mail: 0 items completed, 0 failed: it is paused\n"
        [detail] = shell("queue", "list", "--detail", "--json").json["queues"]
        assert detail["paused"]["reason"] == "moving"
        assert shell("queue", "resume", "mail").out == "Queue mail is resumed.\n"
        assert shell("queue", "resume", "mail").out == "Queue mail is not paused.\n"
        assert shell("queue", "pause", "mail").out == "Queue mail is paused, until resumed.\n"
        assert shell("queue", "resume", "mail", "--json").json["paused"] is None
        assert shell("queue", "claim", "mail").code == 0

    def test_is_listed_with_its_origin(self, shell: Shell) -> None:
        shell.store.declare_queue("mail", file="jobs.d/mail.yaml", line=3)
        shell("queue", "push", "notes", "1")
        assert shell("queue", "list", "--json").json == {"queues": ["mail", "notes"]}
        detail = shell("queue", "list", "--detail", "--json").json["queues"]
        assert [(row["id"], row["declared"], row["depth"]) for row in detail] == [
            ("mail", True, 0),
            ("notes", False, 1),
        ]
        rows = [line.split() for line in shell("queue").out.splitlines()]
        assert rows == [
            ["QUEUE", "DEPTH", "CLAIMED", "FAILED", "OLDEST", "DECLARED"],
            ["mail", "0", "0", "0", "-", "jobs.d/mail.yaml:3"],
            ["notes", "1", "0", "0", "0ms", "undeclared"],
        ]

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("status", "none"), 2),
            (("peek", "none"), 2),
            (("retry", "1"), 2),
            (("retry",), 64),
            (("retry", "1", "--all-of", "mail"), 64),
            (("retry", "--all-of", "none"), 2),
            (("complete", "1", "token"), 2),
            (("complete", "one", "token"), 64),
            (("retry", "99999999999999999999"), 64),
            (("push", "Not an id", "1"), 64),
            (("push", "mail", "NaN"), 64),
            (("claim", "mail", "--lease", "soon"), 64),
            (("pause", "none"), 2),
            (("resume", "none"), 2),
            (("pause", "none", "--until", "2h", "--for", "2h"), 64),
        ],
    )
    def test_errors_are_a_line_and_an_exit_code(
        self, shell: Shell, words: tuple[str, ...], code: int
    ) -> None:
        answer = shell("queue", *words)
        assert (answer.code, answer.out) == (code, "")
        assert answer.err.startswith("jeeves-runner: error: ")


def test_without_a_database_the_way_out_is_named(tmp_path: Path) -> None:
    config = tmp_path / "jeeves-runner.yaml"
    config.write_text("db_path: none.sqlite\n")
    result = CliRunner().invoke(main, ["state", "set", "a", "b", "1"], obj=App(config_path=config))
    assert result.exit_code == 2
    assert "there is no database" in result.stderr
    assert "jeeves-runner apply" in result.stderr
