"""What lies beside a job: given what jobs say of nodes and of each other."""

from support.ledger import Ledger

from jeeves_runner.core.edge_spec import After, OnQueue
from jeeves_runner.views.neighbours import MOST, Tie, neighbours


def told(ties: "list[Tie] | tuple[Tie, ...]") -> list[tuple[str, str, list[str]]]:
    return [(tie.words, tie.node, list(tie.jobs)) for tie in ties]


def test_both_sides_are_told_with_the_jobs_beyond(ledger: Ledger) -> None:
    ledger.add_job("first")
    ledger.add_job("fetch", writes=("queue:orders",), after=After(("first",)))
    ledger.add_job("pack", on_queue=OnQueue("orders"), writes=("datastore:shop",))
    ledger.add_job("report", reads=("datastore:shop",), after=After(("pack",)))
    ledger.add_job("other", reads=("queue:orders",))
    found = neighbours(ledger.conn, "pack")
    assert told(list(found.before)) == [("is started by items of", "queue:orders", ["fetch"])]
    assert told(list(found.after)) == [
        ("writes", "datastore:shop", ["report"]),
        ("is followed by", "process:report", []),
    ]
    found = neighbours(ledger.conn, "fetch")
    assert told(list(found.before)) == [("runs after", "process:first", [])]
    assert told(list(found.after)) == [("writes", "queue:orders", ["other", "pack"])]
    assert neighbours(ledger.conn, "nothing") == ([], [])


def test_only_some_of_many_are_named(ledger: Ledger) -> None:
    ledger.add_job("write", writes=("datastore:shop",))
    for number in range(MOST + 3):
        ledger.add_job(f"read{number:02}", reads=("datastore:shop",))
    (tie,) = neighbours(ledger.conn, "write").after
    assert (len(tie.jobs), tie.more) == (MOST, 3)
