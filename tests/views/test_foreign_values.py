"""What other programs wrote and is no JSON: it is shown as it stands, or named, and hides nothing else."""

import pytest
from support.ledger import Ledger

from jeeves_runner.api.responses import encoded_parts
from jeeves_runner.db import queue_enqueue, state
from jeeves_runner.errors import DatabaseError
from jeeves_runner.views.jobs import job_view, jobs_view
from jeeves_runner.views.queues import peek_view
from jeeves_runner.views.runs import run_view, runs_view
from jeeves_runner.views.state import namespace_view

NO_JSON = ["NaN", '{"a": [1, -Infinity]}', "[1e999]", "{no json", "[" * 5_000]


@pytest.mark.parametrize("text", NO_JSON)
def test_parameters_and_a_result_are_shown_as_they_stand(ledger: Ledger, text: str) -> None:
    ledger.add_job("a")
    ledger.add_run("a")
    spoilt = ledger.add_run("a", params=text, result_meta=text)
    listed = runs_view(ledger.conn, limit=10)
    assert [(run["params"], run["result_meta"]) for run in listed["runs"]] == [(text, text), (None, None)]
    assert list(encoded_parts(listed))
    assert list(encoded_parts(run_view(ledger.conn, spoilt)))


@pytest.mark.parametrize("text", NO_JSON)
def test_so_is_a_payload(ledger: Ledger, text: str) -> None:
    with ledger.tx() as tx:
        queue_enqueue.enqueue(tx, "mail", ['"fine"', '"spoilt"'])
    ledger.conn.execute("UPDATE queue_items SET payload = ? WHERE id = 2", (text,))
    items = peek_view(ledger.conn, ledger.now, "mail", 10)
    assert [item["payload"] for item in items["items"]] == ["fine", text]
    assert list(encoded_parts(items))


@pytest.mark.parametrize("text", NO_JSON)
def test_a_value_of_state_is_named(ledger: Ledger, text: str) -> None:
    with ledger.tx() as tx:
        state.set_value(tx, "notes", "last", "1")
    ledger.conn.execute("UPDATE state SET value = ?", (text,))
    with pytest.raises(DatabaseError, match="state notes/last does not hold JSON"):
        namespace_view(ledger.conn, ledger.now, "notes")


@pytest.mark.parametrize("text", ["[NaN]", "[1e999]", "[no json"])
def test_a_schedule_is_shown_as_it_stands(ledger: Ledger, text: str) -> None:
    ledger.add_job("a")
    ledger.add_job("b", schedule=("0 * * * *",))
    ledger.conn.execute("UPDATE jobs SET schedule = ? WHERE id = 'a'", (text,))
    listed = jobs_view(ledger.conn, ledger.now, lambda _: None)
    assert [job["schedule"] for job in listed["jobs"]] == [text, "0 * * * *"]
    assert list(encoded_parts(listed))


def test_a_spec_of_a_job_is_named(ledger: Ledger) -> None:
    """SQLite takes a NaN for JSON of a newer kind."""
    ledger.add_job("a")
    ledger.conn.execute("""UPDATE jobs SET spec = '{"priority": NaN}'""")
    with pytest.raises(DatabaseError, match="the spec of job a does not hold JSON: NaN is not JSON"):
        job_view(ledger.conn, ledger.now, "a")


@pytest.mark.parametrize("session", ["5", "[]", '{"max_tokens_per_day": "many"}'])
def test_a_session_that_is_none_has_no_budget(ledger: Ledger, session: str) -> None:
    ledger.add_job("a")
    ledger.conn.execute("UPDATE jobs SET spec = json_set(spec, '$.session', json(?))", (session,))
    assert job_view(ledger.conn, ledger.now, "a")["job"]["tokens_today"] is None
