"""What the API tells of jobs that are late and wait for their moment."""

from datetime import timedelta
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.why import since


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def test_what_is_late_is_told_with_its_moment(ledger: Ledger) -> None:
    for name in ("late", "other"):
        ledger.add_job(name, schedule=("0 3 * * *",))
        since(ledger, name, ledger.at(days=7), decided=ledger.at(hours=20))

    async def scenario(api: Api) -> None:
        assert (await api.get("/catching-up")).body == {"jobs": []}
        api.late["late"] = ledger.now + timedelta(minutes=8)
        at = "2026-03-01T12:08:00.000Z"
        assert (await api.get("/catching-up")).body == {"jobs": [{"job_id": "late", "catches_up_at": at}]}
        health = (await api.get("/status")).body["health"]
        assert (health["catching_up"], health["catching_up_until"]) == (1, at)
        jobs = (await api.get("/jobs")).body["jobs"]
        assert [each["catches_up_at"] for each in jobs] == [at, None]
        assert (await api.get("/jobs/late")).body["job"]["catches_up_at"] == at
        assert (await api.get("/jobs/late/why")).body["answer"] == "to_catch_up"
        assert (await api.get("/jobs/other/why")).body["answer"] == "undecided"

    with_api(ledger, scenario)
