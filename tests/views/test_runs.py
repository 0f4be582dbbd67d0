"""What is told of runs: given rows, then documents."""

from typing import Any

import pytest
from support.ledger import Ledger, as_document

from jeeves_runner.db.run_list import WholeRunRow
from jeeves_runner.errors import NotFound
from jeeves_runner.views.runs import active_runs, run_view, runs_view, tails


def test_runs_come_newest_first_by_job_status_and_page(ledger: Ledger) -> None:
    ledger.add_job("one")
    ledger.add_job("two")
    ids = [ledger.add_run(job, status) for job in ("one", "two") for status in ("ok", "error", "ok")]

    def found(**wanted: Any) -> list[int]:
        return [run["id"] for run in runs_view(ledger.conn, **{"limit": 50, **wanted})["runs"]]

    assert found() == ids[::-1]
    assert found(job_id="two") == ids[:2:-1]
    assert found(status="error") == [ids[4], ids[1]]
    assert found(status="ok") == [ids[5], ids[3], ids[2], ids[0]]
    assert found(status="running") == []
    assert found(before=ids[2], limit=1) == [ids[1]]
    assert found(job_id="nobody") == []


@pytest.mark.parametrize(
    ("limit", "room", "shown", "next_before"),
    [(2, None, 2, 2), (3, None, 3, None), (3, 1, 1, 3), (3, 20, 2, 2), (3, 30, 3, None)],
)
def test_a_page_of_runs_holds_what_has_room_and_says_where_the_next_begins(
    ledger: Ledger, limit: int, room: int | None, shown: int, next_before: int | None
) -> None:
    ledger.add_job("job")
    for _ in range(3):
        ledger.add_run("job", params='{"A": "1"}')
    document = runs_view(ledger.conn, limit=limit, room=room)
    assert (len(document["runs"]), document.get("next_before")) == (shown, next_before)


def test_a_list_of_runs_leaves_out_what_they_wrote(ledger: Ledger) -> None:
    ledger.add_job("job")
    ledger.add_run("job", stdout="out", stderr="err")
    (run,) = runs_view(ledger.conn, limit=1)["runs"]
    assert not {"stdout", "stderr"} & set(run)


def test_every_column_of_a_run_is_told_but_those_of_the_runner(ledger: Ledger) -> None:
    own = {"mark", "handle", "origin", "epoch", "deadline", "timeout_ms", "delay_ms", "end_seq"}
    own |= {
        "is_occurrence",
        "given_params",
        "noted",
        "token_digest",
        "start_digest",
        "claimed",
        "told_by_items",
    }
    assert set(ledger.columns("runs")) - own == set(WholeRunRow.__annotations__) - {"commit"}


def test_a_run_is_told_whole_but_for_its_secrets(ledger: Ledger) -> None:
    ledger.add_job("job")
    run_id = ledger.add_run(
        "job", "error", exit_code=3, message="exit code 3", stdout="out\n", stderr="err\n", mark="secret",
        params='{"DAY": "1"}', result_meta='{"rows": 7}', forced=1, revision_id=ledger.revision,
    )  # fmt: skip
    run = run_view(ledger.conn, run_id)["run"]
    assert (run["exit_code"], run["stdout"], run["stderr"]) == (3, "out\n", "err\n")
    assert (run["params"], run["result_meta"], run["forced"]) == ({"DAY": "1"}, {"rows": 7}, True)
    assert run["commit"] == "f00dfeed" * 5
    assert "secret" not in str(run)
    assert as_document(run) == run


def test_a_result_that_is_no_json_is_shown_as_it_is(ledger: Ledger) -> None:
    ledger.add_job("job")
    run_id = ledger.add_run("job", result_meta="{half")
    assert run_view(ledger.conn, run_id)["run"]["result_meta"] == "{half"


def test_an_unknown_run_is_answered_with_the_newest(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="there is no run 7") as none_yet:
        run_view(ledger.conn, 7)
    ledger.add_job("job")
    newest = ledger.add_run("job")
    with pytest.raises(NotFound) as caught:
        run_view(ledger.conn, newest + 1)
    assert none_yet.value.hint == "no run has been recorded yet"
    assert caught.value.hint == f"the newest run is {newest}"


def test_the_tails_of_both_streams_are_one_text(ledger: Ledger) -> None:
    ledger.add_job("job")
    run_id = ledger.add_run("job", stdout="the tail", stderr="and errors\n")
    assert tails(run_view(ledger.conn, run_id)["run"]) == "the tail\nand errors\n"


def test_active_runs_are_those_that_run_then_those_that_wait(ledger: Ledger) -> None:
    ledger.add_job("job")
    waiting = ledger.add_run("job", "scheduled")
    ledger.add_run("job", "ok")
    running = ledger.add_run("job", "running")
    assert [run["id"] for run in active_runs(ledger.conn)] == [running, waiting]
