"""What comes, as people read it. The runner's clock is that of the machine."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import get_ident
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import page

from jeeves_runner.api.kept_finds import KeptFinds
from jeeves_runner.dashboard.choices import tags_offered
from jeeves_runner.dashboard.pages import schedule as rooms
from jeeves_runner.dashboard.pages.schedule import ComingQuery
from jeeves_runner.views.job_search import JobMarks


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def job(ledger: Ledger, job_id: str, *schedule: str, **fields: Any) -> None:
    ledger.add_job(job_id, schedule=schedule, **fields)


def test_before_anything_is_scheduled_it_says_so(ledger: Ledger) -> None:
    job(ledger, "by-hand")

    async def scenario(api: Api) -> None:
        assert "Nothing is scheduled." in (await page(api, "/schedule")).text
        assert "No job like this has a schedule." in (await page(api, "/schedule?job=x&tag=")).text

    with_api(ledger, scenario)


def test_the_calendar_counts_the_starts_of_each_hour(ledger: Ledger) -> None:
    for name in ("a", "b"):
        job(ledger, name, "*/10 * * * *")

    async def scenario(api: Api) -> None:
        shown = await page(api, "/schedule")
        assert "The next 14 days" in shown.text
        assert "of 2 jobs" in shown.text
        calendar = shown.html.partition('<table class="coming"')[0]
        days = re.findall(r'<th scope="row">.*?</tr>', calendar, re.DOTALL)
        assert len(days) == 14
        assert [re.findall(r">(\d+)</a></td>", day) for day in days[1:]] == [["12"] * 24] * 13
        assert "12 starts, at most 2 in a minute" in days[1]
        assert ">288</td>" in days[1]

    with_api(ledger, scenario)


def test_many_jobs_are_counted_with_a_comma(ledger: Ledger) -> None:
    for number in range(1_001):
        job(ledger, f"job-{number}", "0 6 * * *")

    async def scenario(api: Api) -> None:
        text = (await page(api, "/schedule")).text
        assert " starts of 1,001 jobs by their schedules" in text
        assert ", 06:00 : 1,001 " in text

    with_api(ledger, scenario)


def test_an_hour_leads_to_its_runs(ledger: Ledger) -> None:
    job(ledger, "often", "0 */5 * * * *")
    job(ledger, "daily", "30 12 * * *")

    async def scenario(api: Api) -> None:
        shown = await page(api, "/schedule?job=daily")
        path = re.findall(r'href="(/schedule\?from=[^"]+T12%3A00[^"]+)" tabindex', shown.html)[-1]
        hour = await page(api, path.replace("&amp;", "&").replace("job=daily", "job="))
        lines = re.findall(r'id="at-([^"]+)', hour.html)
        assert [re.sub("^.*T", "", line) for line in lines[:2]] == [
            "12:00:00.000Z~often",
            "12:30:00.000Z~daily",
        ]
        assert "11 more , the last at" in hour.text
        assert "From now on" in hour.text

    with_api(ledger, scenario)


def test_the_list_goes_on_in_pages(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "LINES", 3)
    for number in range(5):
        job(ledger, f"j{number}", "0 12 * * *")

    async def scenario(api: Api) -> None:
        seen: list[str] = []
        path: str | None = "/schedule"
        for _ in range(3):
            assert path is not None
            shown = await page(api, path)
            seen += re.findall(r'id="at-[^"]+~(j\d)"', shown.html)
            path = next(iter(re.findall(r'href="([^"]+)" rel="next"', shown.html)), "").replace("&amp;", "&")
        assert seen == [f"j{number % 5}" for number in range(9)]
        assert "cursor is none of this list" in (await page(api, "/schedule?cursor=x")).text

    with_api(ledger, scenario)


def test_a_job_that_occurs_each_second_does_not_fill_the_list(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "MOST_RUNS", 50)
    job(ledger, "tick", "* * * * * *")

    async def scenario(api: Api) -> None:
        shown = await page(api, "/schedule")
        assert len(re.findall(r'id="at-', shown.html)) in (1, 2)
        assert 'rel="next"' in shown.html

    with_api(ledger, scenario)


def test_what_is_paused_stands_there_as_that(ledger: Ledger) -> None:
    job(ledger, "a", "0 12 * * *")
    job(ledger, "b", "0 13 * * *")
    ledger.pause("a")

    async def scenario(api: Api) -> None:
        shown = await page(api, "/schedule")
        assert len(re.findall(r'class="instead"', shown.html)) == 50
        assert "paused" in shown.text

    with_api(ledger, scenario)


def test_jobs_are_chosen_by_id_and_tag(ledger: Ledger) -> None:
    job(ledger, "nightly-sync", "0 12 * * *", tags=("night",))
    job(ledger, "other", "0 12 * * *")

    async def scenario(api: Api) -> None:
        for query in ("job=LY-S", "tag=night", "job=sync&tag=night"):
            shown = await page(api, f"/schedule?{query}")
            assert "of 1 job by" in shown.text
            assert "other" not in re.findall(r"~(\w+)", shown.html)
        assert "No job like this" in (await page(api, "/schedule?tag=no")).text

    with_api(ledger, scenario)


def test_a_shade_says_what_the_number_in_it_does(ledger: Ledger) -> None:
    """Also beside a job of each second, and where all of an hour start in one minute."""
    job(ledger, "tick", "* 3 * * *")
    for number in range(8):
        job(ledger, f"at-once-{number}", "0 4 * * *")
    job(ledger, "once", "0 5 * * *")

    async def scenario(api: Api) -> None:
        tomorrow = re.findall(r'<th scope="row">.*?</tr>', (await page(api, "/schedule")).html, re.DOTALL)[1]
        assert re.findall(r'class="h([1-5])".*?>(\d+)</a>', tomorrow) == [("5", "60"), ("3", "8"), ("1", "1")]

    with_api(ledger, scenario)


def test_tags_are_offered(ledger: Ledger) -> None:
    job(ledger, "a", "0 12 * * *", tags=("night", "b&w"))

    async def scenario(api: Api) -> None:
        for path in ("/schedule", "/timeline"):
            html = (await page(api, f"{path}?tag=gone")).html
            assert re.findall(r"<option[^>]*>(.*?)</option>", html) == ["any", "b&amp;w", "gone", "night"]
            assert "<option selected>gone" in html

    with_api(ledger, scenario)


@pytest.mark.parametrize("name", ["schedule", "timeline"])
def test_tags_are_counted_beside_the_event_loop(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of 10,000 jobs that takes longer than all else in its turn."""
    counted: list[bool] = []

    def offered(jobs: Iterable[JobMarks], chosen: str) -> Sequence[str]:
        counted.append(get_ident() == loops)
        return tags_offered(jobs, chosen)

    monkeypatch.setattr(f"jeeves_runner.dashboard.pages.{name}.tags_offered", offered)
    job(ledger, "a", "0 12 * * *", tags=("night",))
    loops = get_ident()

    async def scenario(api: Api) -> None:
        assert "<option>night" in (await page(api, f"/{name}")).html

    with_api(ledger, scenario)
    assert counted == [False]


def test_the_worst_minute_and_its_jobs_are_named(ledger: Ledger) -> None:
    for number in range(12):
        job(ledger, f"j{number:02}", "0 12 * * *")

    async def scenario(api: Api) -> None:
        text = (await page(api, "/schedule")).text
        assert re.search(r"Most in the minute of .* 12:00 : 12 , of which 4 may run at once", text)
        assert "j09 and 2 more" in text

    with_api(ledger, scenario)


def test_shifts_of_clocks_stand_there_with_what_they_do(ledger: Ledger) -> None:
    job(ledger, "night", "30 2 * * *", timezone="Europe/Berlin")

    async def scenario(api: Api) -> None:
        text = (await page(api, "/schedule")).text
        assert "02:30 comes twice, and runs the first time only: night" in text
        # No time of the viewer's stands before the zone: it would be read as one of that.
        assert re.search(r"Clocks of Europe/Berlin \d{4}-\d\d-\d\d \d\d:00:00 UTC", text)
        assert "02:30 does not exist, and runs once at 03:00: night" in text

    with_api(ledger, scenario)


def test_a_shift_within_the_calendar_is_marked_in_it(ledger: Ledger) -> None:
    job(ledger, "night", "30 2 * * *", timezone="Europe/Berlin")
    zone, now = ZoneInfo("Europe/Berlin"), datetime(2026, 3, 20, 12, tzinfo=UTC)
    found = rooms._read(ledger.conn, now, ComingQuery(), zone, 4, KeptFinds(), ())
    assert [f"{each.at:%d %H:%M}" for each in found.soon] == ["29 01:00"]
    assert [f"{each.at:%m-%d}" for each in found.far] == ["10-25"]
    (day,) = [day for day in found.days if day.is_shifted]
    assert (day.name, [cell.hour for cell in day.cells if cell.is_gap]) == ("Sun 29 Mar", [2])
    assert [(cell.hour, cell.starts) for cell in day.cells if cell.starts] == [(3, 1)]


def test_it_changes_with_a_pause(ledger: Ledger) -> None:
    """What is kept is not shown once it is another."""
    job(ledger, "a", "0 12 * * *")

    async def scenario(api: Api) -> None:
        assert 'class="instead"' not in (await page(api, "/schedule")).html
        await api.post("/jobs/a/pause")
        assert 'class="instead"' in (await page(api, "/schedule")).html

    with_api(ledger, scenario)
