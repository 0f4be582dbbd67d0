"""What ran when, as people read it."""

from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.clock import to_text
from jeeves_runner.dashboard.pages import timeline as rooms

AT = "/timeline?until=2026-03-01T12:00Z"
"""When a ledger is filled."""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "runner.sqlite")
    for job in ("greet", "sweep"):
        made.add_job(job)
    return made


def ran(
    ledger: Ledger, job: str, status: str = "ok", *, at: float = 60, took: float = 10, waited: float = 0
) -> int:
    """A run that was asked for so many minutes ago."""
    return ledger.add_run(
        job,
        status,
        created_at=to_text(ledger.at(minutes=at)),
        started_at=to_text(ledger.at(minutes=at - waited)),
        finished_at=to_text(ledger.at(minutes=at - waited - took)),
    )


def test_where_nothing_ran_it_says_so(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        assert "Nothing ran in this time." in (await page(api, "/timeline")).text
        assert "No job like this ran" in (await page(api, f"{AT}&job=no&tag=")).text

    with_api(ledger, scenario)


def test_a_run_says_how_long_it_waited_and_ran(ledger: Ledger) -> None:
    run = ran(ledger, "greet", waited=5)
    skipped = ledger.add_run("sweep", "skipped", reason="overlap")

    async def scenario(api: Api) -> None:
        shown = await page(api, AT)
        assert f'href="/runs/{run}"' in shown.html
        assert f"#{run} ok, 2026-03-01 11:00:00 UTC, waited 5m, ran 10m" in shown.text
        assert f"#{skipped} skipped, 2026-03-01 11:59:00 UTC: another run of it was active" in shown.text
        assert "2 runs of 2 jobs" in shown.text
        assert 'class="hatch wait"' in shown.html

    with_api(ledger, scenario)


def test_jobs_that_are_wrong_come_first_and_the_others_by_id(ledger: Ledger) -> None:
    ledger.add_job("alpha")
    for job, status in (("sweep", "ok"), ("alpha", "ok"), ("greet", "error")):
        ran(ledger, job, status)

    async def scenario(api: Api) -> None:
        html = (await page(api, AT)).html
        assert "of 3 jobs: first those that failed, then those that run or wait" in html
        places = [html.index(f'id="lane-{job}"') for job in ("greet", "alpha", "sweep")]
        assert places == sorted(places)

    with_api(ledger, scenario)


def test_one_goes_through_time_by_links(ledger: Ledger) -> None:
    ran(ledger, "greet")

    async def scenario(api: Api) -> None:
        shown = await page(api, f"{AT}&span=1h&job=gre")
        assert "/timeline?span=1h&amp;until=2026-03-01T11%3A30%3A00.000Z&amp;job=gre" in shown.html
        assert "/timeline?span=1h&amp;until=2026-03-01T12%3A30%3A00.000Z&amp;job=gre" in shown.html
        assert "/timeline?span=1h&amp;job=gre" in shown.html
        # Closer, the middle stays where it is.
        assert "/timeline?span=15m&amp;until=2026-03-01T11%3A37%3A30.000Z&amp;job=gre" in shown.html
        newest = await page(api, "/timeline?span=15m")
        assert 'id="later"' not in newest.html
        assert "/timeline?span=1h&amp;until" not in newest.html
        assert "span must be one of 15m, 1h, 6h, 24h, 3d" in (await page(api, "/timeline?span=2h")).text
        assert "until is neither a time" in (await page(api, "/timeline?until=soon")).text

    with_api(ledger, scenario)


@pytest.mark.parametrize("until", ["0001-01-01T00:00Z", "9999-12-31T23:59Z", "-1000000d"])
def test_times_far_away_are_no_fault(ledger: Ledger, until: str) -> None:
    async def scenario(api: Api) -> None:
        for span in rooms.ZOOMS:
            shown = await page(api, f"/timeline?until={until}&span={span}")
            assert shown.status in (200, 400)
        assert (await page(api, f"/schedule?from={until}")).status in (200, 400)

    with_api(ledger, scenario)


def test_many_short_runs_lead_to_a_closer_look(ledger: Ledger) -> None:
    for n in range(20):
        ran(ledger, "greet", at=60 - n / 10, took=0.01)

    async def scenario(api: Api) -> None:
        shown = await page(api, AT)
        assert "20 runs, all ok, 2026-03-01 11:00:00 UTC to 2026-03-01 11:01:54 UTC" in shown.text
        assert "/timeline?span=15m&amp;until=2026-03-01T11%3A08%3A27.300Z&amp;job=greet" in shown.html
        closest = await page(api, "/timeline?span=15m&until=2026-03-01T11:08Z")
        assert "20 runs" in closest.text
        assert 'href="/runs/' in closest.html

    with_api(ledger, scenario)


def test_there_are_only_so_many_jobs_on_a_page(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "JOBS", 1)
    for job in ("greet", "sweep"):
        ran(ledger, job)

    async def scenario(api: Api) -> None:
        first = await page(api, AT)
        assert ('id="lane-greet"' in first.html, 'id="lane-sweep"' in first.html) == (True, False)
        assert "1 more job" in first.text
        second = await page(api, f"{AT}&page=2")
        assert 'id="lane-sweep"' in second.html
        assert "Busier jobs" in second.text

    with_api(ledger, scenario)


def test_a_page_has_only_so_many_marks(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MOST_MARKS", 5)
    for n in range(20):
        ran(ledger, "greet", at=200 - 10 * n, took=0.1)

    async def scenario(api: Api) -> None:
        assert (await page(api, AT)).html.count('data-at="') <= 5

    with_api(ledger, scenario)


def test_how_many_ran_at_once_is_told(ledger: Ledger) -> None:
    for job in ("greet", "sweep"):
        ran(ledger, job)

    async def scenario(api: Api) -> None:
        assert "At most 2 of 4 runs of scripts ran at once" in (await page(api, AT)).html

    with_api(ledger, scenario)
