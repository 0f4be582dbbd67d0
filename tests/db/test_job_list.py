"""Jobs are listed by id, with what stands about them in other tables."""

from pathlib import Path

import pytest
from support.clock import NOON
from support.ledger import Ledger

from jeeves_runner.db.job_list import listed_jobs


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("a")
    made.add_job("b")
    return made


def test_tags_that_were_changed_to_no_list_are_none(ledger: Ledger) -> None:
    ledger.conn.execute("""UPDATE jobs SET spec = json_set(spec, '$.tags', 'not a list') WHERE id = 'a'""")
    (job,) = listed_jobs(ledger.conn, NOON, ["a"])
    assert job.tags == []


def test_jobs_are_listed_by_their_ids_or_from_one_on(ledger: Ledger) -> None:
    def ids(*asked: list[str], **page: object) -> list[str]:
        return [job.columns["id"] for job in listed_jobs(ledger.conn, NOON, *asked, **page)]  # type: ignore[arg-type]

    assert ids() == ["a", "b"]
    assert ids(["b", "nothing", "b"]) == ["b"]
    assert ids([]) == []
    assert ids(after="a") == ["b"]
    assert ids(limit=1) == ["a"]
