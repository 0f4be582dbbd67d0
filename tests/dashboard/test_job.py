"""The page of a job, as people read it."""

from pathlib import Path

import pytest
from support.api import Api, shell_job, with_api
from support.ledger import Ledger
from support.pages import BROWSER, page

from jeeves_runner.core.edge_spec import After, OnChange, OnQueue
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import overrides
from jeeves_runner.db.renames import Rename, rename


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def test_all_that_is_known_of_it_stands_there(ledger: Ledger) -> None:
    shell_job(
        ledger, "backup", "true", name="Nightly <b>", description="Saves <i>", owner="ops", tags=("db",),
        schedule=("0 3 * * *",), timezone="Europe/Berlin", writes=("datastore:shop",),
    )  # fmt: skip
    ledger.add_job("check", after=After(("backup",)))
    runs = [ledger.add_run("backup", status) for status in ("ok", "error", "skipped")]

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backup")
        for text in (
            "Nightly <b>",
            "Saves <i>",
            "0 3 * * * Europe/Berlin",
            "jobs.d/backup.yaml:1",
            "revision 1",
            "f00dfeedf0 First jobs",
            "It is due next at",
            "Last 2 runs",
            "1 went wrong",
            "writes datastore shop",
            "is followed by check",
            "These are the values that were applied.",
        ):
            assert text in found.text, text
        assert all(f'<tr id="run-{run}"' in found.html for run in runs)
        assert 'href="/state/backup"' in found.html
        assert 'href="/revisions/1"' in found.html

    with_api(ledger, scenario)


def test_the_first_bar_of_few_is_not_said_to_be_where_the_chart_begins(ledger: Ledger) -> None:
    ledger.add_job("backup")

    async def ends(api: Api) -> str:
        html = (await page(api, "/jobs/backup")).html
        return html.partition('<p class="ends aside">')[2].partition("</p>")[0]

    async def scenario(api: Api) -> None:
        ledger.add_run("backup")
        assert await ends(api) == "<span></span><span>newest</span>"
        for _ in range(30):
            ledger.add_run("backup")
        assert "<time " in await ends(api)

    with_api(ledger, scenario)


def test_what_is_unusual_stands_at_the_top(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",))
    ledger.hold("backup", "line 3: <no>")
    with ledger.tx() as tx:
        overrides.pause(tx, "backup", until=None, reason="a move", by=Actor("test"))

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backup")
        assert "at its last good spec since" in found.text
        assert "line 3: <no> See the file" in found.text
        assert "Paused until resumed: a move" in found.text
        assert "Nothing comes by its schedule while it is paused." in found.text
        assert "It has never run." in found.text

    with_api(ledger, scenario)


def test_a_job_that_is_disabled_does_not_come_once_its_pause_is_over(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",), enabled=False)
    with ledger.tx() as tx:
        overrides.pause(tx, None, until=None, reason=None, by=Actor("test"))

    async def scenario(api: Api) -> None:
        assert "Nothing comes by its schedule while it is disabled." in (await page(api, "/jobs/backup")).text
        assert "Its manifest says enabled: false" in (await page(api, "/jobs/backup/act")).text

    with_api(ledger, scenario)


@pytest.mark.parametrize(("spec", "acting"), [("'{}'", 409), ("json_remove(spec, '$.enabled')", 200)])
def test_a_paused_job_whose_row_was_damaged_has_its_pages(ledger: Ledger, spec: str, acting: int) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",))
    with ledger.tx() as tx:
        overrides.pause(tx, None, until=None, reason=None, by=Actor("test"))
        tx.conn.execute(f"UPDATE jobs SET spec = {spec}")

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backup")
        assert found.status == 200
        assert "Nothing comes by its schedule while it is paused." in found.text
        found = await page(api, "/jobs/backup/act")
        assert found.status == acting
        told = "jeeves-runner apply heals it" if acting == 409 else "Only a forced run starts."
        assert told in found.text
        assert "Its manifest says" not in found.text

    with_api(ledger, scenario)


def test_what_is_wrong_with_it_stands_there_until_it_is_over(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/bad")
        assert "failure #" in found.text
        assert "What is wrong" not in (await page(api, "/jobs/good")).html
        await api.post("/jobs/bad/run")
        assert "failure #" not in (await page(api, "/jobs/bad")).text

    for job_id in ("bad", "good"):
        shell_job(ledger, job_id, "test -e made || { touch made; exit 1; }")

    async def fails(api: Api) -> None:
        await api.post("/jobs/bad/run")

    with_api(ledger, fails)
    with_api(ledger, scenario)


def test_what_starts_it_without_a_time_is_told(ledger: Ledger) -> None:
    ledger.add_job("copy")
    ledger.add_job("check", after=After(("copy",)), on_queue=OnQueue("mails"), on_change=OnChange(("in/*",)))

    async def scenario(api: Api) -> None:
        starts = "after copy; by items of queue mails; when in/* changes"
        found = await page(api, "/jobs/check")
        assert f"Schedule none Starts {starts} Next run" in found.text
        assert f"Nothing comes by the clock. It starts {starts}." in found.text
        assert "Schedule when triggered Next run" in (await page(api, "/jobs/copy")).text

    with_api(ledger, scenario)


def test_messages_show_code_as_code(ledger: Ledger) -> None:
    ledger.add_job("backup")
    ledger.hold("backup", "line 3: unknown key `timout`")

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backup")
        assert "unknown key <code>timout</code>" in found.html
        assert "`" not in found.text

    with_api(ledger, scenario)


def test_it_answers_why_at_a_time(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 * * *",))

    async def scenario(api: Api) -> None:
        asked = await page(api, "/jobs/backup?at=2026-03-01T03:00")
        assert "Why, at 2026-03-01T03:00" in asked.text
        mistaken = await page(api, "/jobs/backup?at=%3Cb%3E")
        assert mistaken.status == 200
        assert 'value="&lt;b&gt;"' in mistaken.html
        assert "<b>" in mistaken.text

    with_api(ledger, scenario)


def test_a_deleted_job_has_a_page_for_as_long_as_its_runs(ledger: Ledger) -> None:
    ledger.add_job("backup")
    run = ledger.add_run("backup", "error", message="no <disk>")
    ledger.delete_job("backup")

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backup")
        assert found.status == 200
        assert "it came from jobs.d/backup.yaml" in found.text
        assert "The job is deleted" in found.text
        assert "no <disk>" in found.text
        assert f'<tr id="run-{run}"' in found.html

    with_api(ledger, scenario)


def test_an_old_id_leads_to_the_new_one(ledger: Ledger) -> None:
    ledger.add_job("old")
    with ledger.tx() as tx:
        rename(tx, [Rename("old", "new")], ledger.revision)

    async def scenario(api: Api) -> None:
        url = f"http://127.0.0.1:{api.port}/jobs/old"
        async with api.session.get(url, headers={"Accept": BROWSER}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "/jobs/new")

    with_api(ledger, scenario)


def test_an_unknown_job_is_not_found(ledger: Ledger) -> None:
    ledger.add_job("backup")

    async def scenario(api: Api) -> None:
        found = await page(api, "/jobs/backu")
        assert found.status == 404
        assert '<a href="/jobs">Jobs</a>' in found.html
        assert "backup" in found.text

    with_api(ledger, scenario)
