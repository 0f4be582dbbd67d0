"""``queue item`` and ``run --lineage``: what a person reads of where items come from and what took them."""

from pathlib import Path

import pytest
from support.cli import Shell, refused
from support.ledger import Ledger

from jeeves_runner.core.causes import Causes
from jeeves_runner.db import queue_claims, queue_enqueue, run_retention
from jeeves_runner.db.lineage import Effects


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A run has enqueued two items, of which the one that it caused has completed the first."""
    shell = Shell(tmp_path)
    ledger = shell.ledger
    ledger.add_job("fetch")
    ledger.add_job("send")
    causes = Causes(runs=(1,)).as_text()
    ledger.add_run("fetch", revision_id=ledger.revision)
    ledger.add_run("send", "running", revision_id=ledger.revision, caused_by=causes)
    ledger.conn.execute("INSERT INTO run_causes VALUES (1, 2)")
    fetch, send = Effects(1), Effects(2)
    with ledger.tx() as tx:
        queue_enqueue.enqueue(tx, "mail", ['{"to": "Ada"}', "2"], effects=fetch)
        fetch.write(tx)
        [item] = queue_claims.claim(tx, "mail", effects=send)
        queue_claims.complete(tx, item.id, item.lease_token, send)
        send.write(tx)
    return shell


def forget(ledger: Ledger, run: int) -> None:
    ledger.add_run("fetch")
    with ledger.tx() as tx:
        run_retention.delete(tx, [run])


def test_an_item_is_led_back_to_its_runs_and_commits(shell: Shell) -> None:
    text = shell.text("queue", "item", "1")
    assert "Item 1 of queue mail" in text
    assert "enqueued by  run 1 of fetch, ok, revision 1, commit f00dfee" in text
    assert "claimed by   run 2 of send, running, revision 1, commit f00dfee" in text
    assert '{"to": "Ada"}' in text
    assert "claimed by   no run" in shell.text("queue", "item", "2")


def test_a_run_that_is_no_longer_kept_is_named_with_its_commit(shell: Shell) -> None:
    forget(shell.ledger, 1)
    gone = "run 1, which is no longer kept, revision 1, commit f00dfee"
    assert f"enqueued by  {gone}" in shell.text("queue", "item", "1")
    assert gone.capitalize() in shell.text("run", "1", "--lineage")


def test_a_run_tells_what_it_has_done_and_caused(shell: Shell) -> None:
    text = shell.text("run", "1", "--lineage")
    assert text.startswith("Run 1 of fetch, ok, revision 1, commit f00dfee")
    assert "Follows from" not in text
    assert "enqueued" in text
    assert "Items that it enqueued" in text
    assert "Has caused\n  run 2 of send, running" in text


def test_a_run_tells_what_it_follows_from(shell: Shell) -> None:
    text = shell.text("run", "2", "--lineage")
    assert "Follows from\n  run 1 of fetch, ok" in text
    assert "Items that it claimed" in text
    assert "Has caused" not in text


def test_a_run_says_that_it_follows_from_more_runs_than_are_named(shell: Shell) -> None:
    causes = Causes(runs=(1, 2), total=1_250).as_text()
    run = shell.ledger.add_run("send", caused_by=causes)
    text = shell.text("run", str(run), "--lineage")
    assert "Follows from (the newest 2 of 1,250)\n  run 1 of fetch" in text
    assert shell.json("run", str(run), "--lineage")["lineage"]["more_causes"]


def test_a_run_tells_which_items_it_follows_from(shell: Shell) -> None:
    causes = Causes(items=(1, 2), queue="mail").as_text()
    run = shell.ledger.add_run("send", caused_by=causes)
    text = shell.text("run", str(run), "--lineage")
    assert "Follows from\n  2 items of queue mail: 1 and 2" in text


def test_a_run_that_touched_nothing_says_so(shell: Shell) -> None:
    run = shell.ledger.add_run("fetch")
    assert "has touched neither a queue nor state" in shell.text("run", str(run), "--lineage")


def test_a_run_tells_of_the_items_that_have_started_it(shell: Shell) -> None:
    causes = Causes(items=(1, 2), queue="mail")
    run = shell.ledger.add_run("send", caused_by=causes.as_text())
    told = shell.text("run", str(run), "--lineage")
    assert "Follows from\n  2 items of queue mail: 1 and 2" in told


def test_a_run_tells_of_the_change_that_has_started_it_beside_the_run_that_made_it(shell: Shell) -> None:
    causes = Causes(runs=(1,), node="datastore:mail")
    run = shell.ledger.add_run("send", caused_by=causes.as_text())
    told = shell.text("run", str(run), "--lineage")
    assert "Follows from\n  a change of datastore:mail\n  run 1 of fetch, ok" in told


def test_an_item_that_is_not_there_is_said(shell: Shell) -> None:
    refused(shell.run("queue", "item", "99"), "there is no queue item 99")
