"""HTTP as those see it who look: the documents are those of the views, whole or in pages."""

import asyncio
import os
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.alerts import AlertLedger
from support.api import Api, get, with_api
from support.clock import NOON
from support.ledger import Ledger, as_document
from support.logs import log_file, log_place
from support.queues import push

from jeeves_runner import __version__
from jeeves_runner.access import TooOpen
from jeeves_runner.api import app, route
from jeeves_runner.api.handlers import runner
from jeeves_runner.execute.output.log_file import LogFile
from jeeves_runner.execute.output.log_reader import LogReader
from jeeves_runner.views.graph import graph_view
from jeeves_runner.views.jobs import jobs_view
from jeeves_runner.views.lineage import item_lineage_view, run_lineage_view
from jeeves_runner.views.queues import queue_view, queues_view
from jeeves_runner.views.runs import run_view, runs_view
from jeeves_runner.views.sync import sync_view
from jeeves_runner.views.why import why_view


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def test_the_documents_are_those_of_the_views(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 1 1 *",), writes=("datastore:copy",))
    ledger.declare_queue("mail")
    run = ledger.add_run("backup", "error", stdout="out", stderr="err")
    [item] = push(ledger, 1)
    assert item is not None
    ledger.conn.execute("UPDATE queue_items SET status = 'completed', completed_at = created_at")
    ledger.conn.execute(
        "INSERT INTO state (namespace, key, value, updated_at) VALUES ('ns', 'key', '1', '2026-03-01T12:00Z')"
    )

    async def scenario(api: Api) -> Mapping[str, Any]:
        paths = [
            "/runs", f"/runs/{run}", f"/runs/{run}/lineage", "/jobs/backup/runs", "/queues",
            "/queues?detail=1", "/queues/mail/status", "/queues/mail/peek", f"/queues/mail/items/{item}",
            "/state", "/state/ns", "/state/ns/key",
            "/graph", "/graph/stale", "/graph?impact=queue:mail", "/graph?around=backup",
        ]  # fmt: skip
        return {path: (await api.get(path)).body for path in paths}

    conn = ledger.conn
    assert with_api(ledger, scenario) == {
        "/runs": runs_view(conn, limit=50),
        f"/runs/{run}": run_view(conn, run),
        f"/runs/{run}/lineage": run_lineage_view(conn, NOON, run),
        "/graph": graph_view(conn, NOON),
        "/graph/stale": {"stale": []},
        "/graph?impact=queue:mail": graph_view(conn, NOON, impact="queue:mail"),
        "/graph?around=backup": graph_view(conn, NOON, near="backup"),
        "/jobs/backup/runs": runs_view(conn, job_id="backup", limit=50),
        "/queues": {"queues": ["mail"]},
        "/queues?detail=1": queues_view(conn, NOON),
        f"/queues/mail/items/{item}": item_lineage_view(conn, NOON, item),
        "/queues/mail/status": queue_view(conn, NOON, "mail"),
        "/queues/mail/peek": {"items": [], "more": False},
        "/state": {"namespaces": ["ns"]},
        "/state/ns": {"key": 1},
        "/state/ns/key": {"value": 1, "items": [], "written_by": None, "count": 0},
    }


def test_jobs_come_with_the_next_run_of_the_timetable(ledger: Ledger) -> None:
    ledger.add_job("backup", schedule=("0 3 1 1 *",))
    jobs = get(ledger, "/jobs").body["jobs"]
    assert [(job["id"], job["status"]) for job in jobs] == [("backup", "idle")]
    assert re.fullmatch(r"\d{4}-01-01T03:00:00\.000Z", jobs[0]["next_run"])
    job = get(ledger, "/jobs/backup").body["job"]
    assert {name: job[name] for name in jobs[0]} == jobs[0]
    assert job["spec"]["schedule"] == ["0 3 1 1 *"]


@pytest.mark.parametrize(
    ("query", "ids", "cursor"),
    [
        ("", ["a", "b", "c", "d"], None),
        ("?limit=2", ["a", "b"], "b"),
        ("?limit=2&cursor=b", ["c", "d"], None),
        ("?cursor=b", ["c", "d"], None),
        ("?limit=4", ["a", "b", "c", "d"], None),
        ("?limit=1&cursor=b7", ["c"], "c"),
        ("?limit=1&cursor=d", [], None),
    ],
)
def test_jobs_are_whole_or_paged(ledger: Ledger, query: str, ids: list[str], cursor: str | None) -> None:
    for job in ("b", "a", "d", "c"):
        ledger.add_job(job)
    document = get(ledger, f"/jobs{query}").body
    assert [job["id"] for job in document.pop("jobs")] == ids
    assert document == ({} if cursor is None else {"next_cursor": cursor})


def test_the_list_of_jobs_is_the_document_of_the_command(ledger: Ledger) -> None:
    for job in ("a", "b"):
        ledger.add_job(job, description='"é", \\')
    assert get(ledger, "/jobs").body == as_document(jobs_view(ledger.conn, ledger.now))


def test_alerts_come_in_pages_and_with_what_is_over(tmp_path: Path) -> None:
    ledger = AlertLedger(tmp_path / "alerts.sqlite")
    for name in "abc":
        ledger.add_told_job(name)
        ledger.end(name, "error")
    ledger.end("c", "ok")

    async def scenario(api: Api) -> None:
        first = (await api.get("/alerts?limit=1")).body
        assert [each["job_id"] for each in first["incidents"]] == ["b"]
        assert [(each["said"], each["job_id"]) for each in first["messages"]] == [("recovered", "c")]
        places = f"before_incident={first['next_before_incident']}"
        places += f"&before_message={first['next_before_message']}"
        rest = (await api.get(f"/alerts?{places}")).body
        assert [each["job_id"] for each in rest["incidents"]] == ["a"]
        assert [each["job_id"] for each in rest["messages"]] == ["c", "b", "a"]
        assert not {"next_before_incident", "next_before_message"} & rest.keys()
        every = (await api.get("/alerts?all=1")).body["incidents"]
        assert (every[0]["job_id"], every[0]["closed_by"]) == ("c", "recovered")
        assert (await api.get("/alerts?all=perhaps")).status == 400

    with_api(ledger, scenario)


def test_status_sync_config_and_the_rest_answer(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        status = (await api.get("/status")).body
        named = (status["name"], status["version"], status["status"])
        assert named == ("jeeves-runner", __version__, "running")
        assert status["sync"]["state"] == "in_sync"
        assert 0 <= status["uptime_ms"] < 60_000
        assert (await api.get("/sync")).body == sync_view(api.sync.status)
        assert (await api.get("/healthz")).body == {"status": "ok"}
        assert (await api.get("/config")).body["port"] == 1937
        for path in (await api.get("/")).body["links"].values():
            if path != "/events":  # that one goes on
                assert (await api.get(path)).status == 200

    with_api(ledger, scenario)


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", [4, 3, 2, 1]), ("?limit=2", [4, 3]), ("?limit=2&before=3", [2, 1]), ("?job=a", [2, 1]),
     ("?status=error&job=b", [4]), ("?since=-1h", []), ("?since=2026-03-01&until=1h&status=ok", [3, 1])],
)  # fmt: skip
def test_runs_are_paged_and_chosen(ledger: Ledger, query: str, expected: list[int]) -> None:
    for job in ("a", "b"):
        ledger.add_job(job)
        ledger.add_run(job, "ok")
        ledger.add_run(job, "error")
    assert [run["id"] for run in get(ledger, f"/runs{query}").body["runs"]] == expected


def test_the_schedule_is_paged_and_tells_what_has_become_of_the_past(ledger: Ledger) -> None:
    for job in ("a", "b"):
        ledger.add_job(job, schedule=("0 * * * *",))
    run = ledger.add_run("b", "ok", trigger="schedule", scheduled_for="2026-02-01T08:00:00.000Z")
    span = "/schedule?from=2026-02-01T08:00Z&to=2026-02-01T10:00Z&limit=3"

    async def scenario(api: Api) -> None:
        first = (await api.get(span)).body
        assert [(each["job_id"], each["scheduled_for"][11:16]) for each in first["occurrences"]] == [
            ("a", "08:00"), ("b", "08:00"), ("a", "09:00"),
        ]  # fmt: skip
        assert [each["run_id"] for each in first["occurrences"]] == [None, run, None]
        rest = (await api.get(f"{span}&cursor={first['next_cursor']}")).body
        assert [(each["job_id"], each["scheduled_for"][11:16]) for each in rest["occurrences"]] == [
            ("b", "09:00"), ("a", "10:00"), ("b", "10:00"),
        ]  # fmt: skip
        assert "next_cursor" not in rest
        only = (await api.get("/schedule?job=b&limit=2")).body["occurrences"]
        assert [(each["job_id"], each["status"]) for each in only] == [("b", None), ("b", None)]
        assert (await api.get("/schedule?job=c")).status == 404
        for wrong in ("from=soon", "to=2026-13-01", "cursor=x"):
            assert (await api.get(f"/schedule?{wrong}")).status == 400

    with_api(ledger, scenario)


def test_a_part_of_the_graph_is_of_one_node_that_is_there(ledger: Ledger) -> None:
    ledger.add_job("a", writes=("queue:x",))
    assert get(ledger, "/graph?impact=b").status == 404
    assert get(ledger, "/graph?impact=a&around=a").status == 400
    ledger.add_job("b", reads=("queue:x",))
    near, far = (get(ledger, f"/graph?around=a&distance={steps}").body["nodes"] for steps in (1, 2))
    assert (len(near), len(far)) == (2, 3)
    assert get(ledger, "/graph?around=a&distance=0").status == 400


def test_logs_are_the_file_or_the_tails_as_plain_text(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("a")
    whole = ledger.add_run("a", stdout="it")
    log_file(tmp_path / "data", whole).write_text("all of it: <b>é</b>\n")
    tail = ledger.add_run("a", stdout="it", stderr="and that")
    answers = [get(ledger, f"/runs/{run}/logs") for run in (whole, tail)]
    assert [answer.body for answer in answers] == ["all of it: <b>é</b>\n", "it\nand that\n"]
    for answer in answers:
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_log_over_its_cap_is_told_in_its_order_while_it_is_written(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add_job("a")
    run = ledger.add_run("a", "running")
    LogFile(log_place(tmp_path / "data", run), 1024).write(
        "".join(f"line {n}\n" for n in range(200)).encode()
    )
    answer = get(ledger, f"/runs/{run}/logs")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    head, tail = answer.body.split(" bytes cut …\n")
    assert head.startswith("line 0\nline 1\n")
    assert tail.endswith("line 198\nline 199\n")


def test_a_path_in_a_row_is_not_read(ledger: Ledger, tmp_path: Path) -> None:
    """Scripts may write the database."""
    ledger.add_job("a")
    (tmp_path / "precious").write_text("precious")
    run = ledger.add_run("a", log_path=str(tmp_path / "precious"), stdout="the end")
    assert get(ledger, f"/runs/{run}/logs").body == "the end\n"


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_log_is_neither_waited_for_nor_shown(ledger: Ledger, tmp_path: Path, kind: str) -> None:
    ledger.add_job("a")
    run = ledger.add_run("a", stdout="the end")
    path = log_file(tmp_path / "data", run)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            (tmp_path / "secret").write_text("secret")
            path.symlink_to(tmp_path / "secret")
        case "folder":
            path.mkdir()
    assert get(ledger, f"/runs/{run}/logs").body == "the end\n"


def test_other_answers_do_not_wait_for_the_disk_of_a_log(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk hangs in the middle of the log."""
    ledger.add_job("a")
    run = ledger.add_run("a")
    log_file(tmp_path / "data", run).write_text("first, ")
    hangs, goes_on = threading.Event(), threading.Event()

    def hanging(self: LogReader) -> Iterator[bytes]:
        yield from read(self)
        hangs.set()
        assert goes_on.wait(30)
        yield b"second"

    read = LogReader.read
    monkeypatch.setattr(LogReader, "read", hanging)

    async def scenario(api: Api) -> tuple[int, str]:
        log = asyncio.create_task(api.get(f"/runs/{run}/logs"))
        await asyncio.to_thread(hangs.wait, 30)
        other = await api.get("/runs")
        goes_on.set()
        return other.status, (await log).body

    assert with_api(ledger, scenario) == (200, "first, second")


def test_a_log_whose_disk_hangs_takes_no_thread_that_all_share(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a time its end is shown instead, which the database has."""
    monkeypatch.setattr(route, "PATIENCE", 0.1)
    ledger.add_job("a")
    run = ledger.add_run("a", stdout="the end")
    goes_on = threading.Event()

    def hanging(_self: LogReader) -> Iterator[bytes]:
        assert goes_on.wait(30)
        yield b"all of it"

    monkeypatch.setattr(LogReader, "read", hanging)

    async def scenario(api: Api) -> list[str]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        try:
            async with asyncio.timeout(20):
                answers = await asyncio.gather(*(api.get(f"/runs/{run}/logs") for _ in range(2)))
                assert await asyncio.to_thread(lambda: 7) == 7
        finally:
            goes_on.set()
        return [answer.body for answer in answers]

    assert with_api(ledger, scenario) == ["the end\n", "the end\n"]


def test_a_log_whose_disk_hangs_after_a_part_ends_with_its_connection(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(route, "PATIENCE", 1.5)  # the part comes within it
    ledger.add_job("a")
    run = ledger.add_run("a")
    goes_on = threading.Event()

    def hanging(_self: LogReader) -> Iterator[bytes]:
        yield b"first"
        assert goes_on.wait(30)

    monkeypatch.setattr(LogReader, "read", hanging)

    async def scenario(api: Api) -> None:
        with pytest.raises(aiohttp.ClientPayloadError):
            await api.get(f"/runs/{run}/logs")
        goes_on.set()

    with_api(ledger, scenario)
    assert [record.getMessage() for record in caplog.records] == [
        f"the log of run {run} cannot be read further: its disk does not answer"
    ]


def test_status_does_not_look_at_the_files_each_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look takes another thread: a third of what the answer costs."""
    looks: list[object] = []

    def looking(*settings: object) -> list[TooOpen]:
        looks.append(settings)
        return [TooOpen(Path("/srv/data"), 0o755)]

    monkeypatch.setattr(runner, "too_open_files", looking)
    monkeypatch.setattr(app, "_TOO_OPEN_KEPT", 60.0)

    async def scenario(api: Api) -> list[object]:
        return [(await api.get("/status")).body["health"]["too_open"] for _ in range(3)]

    assert with_api(ledger, scenario) == 3 * [[{"path": "/srv/data", "mode": "0755"}]]
    assert len(looks) == 1


def test_status_answers_while_the_disk_of_the_data_folder_hangs(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And takes no thread from the lists."""
    goes_on = threading.Event()

    def hanging(*_: object) -> list[TooOpen]:
        assert goes_on.wait(30)
        return []

    monkeypatch.setattr(route, "PATIENCE", 0.1)
    monkeypatch.setattr(runner, "too_open_files", hanging)

    async def scenario(api: Api) -> tuple[int, list[object], int]:
        try:
            async with asyncio.timeout(20):
                answers = await asyncio.gather(*(api.get("/status") for _ in range(3)))
                lists = await api.get("/runs")
        finally:
            goes_on.set()
        return answers[0].status, answers[0].body["health"]["too_open"], lists.status

    assert with_api(ledger, scenario) == (200, [], 200)


def test_why_is_asked_of_a_time_a_run_or_what_was_last(ledger: Ledger) -> None:
    ledger.add_job("backup")
    run = ledger.add_run("backup")

    async def scenario(api: Api) -> Mapping[str, Any]:
        queries = ("", "?at=2026-03-02T03:00", f"?run={run}", f"?at=03:00&run={run}", "?at=soon", "?run=99")
        return {query: await api.get(f"/jobs/backup/why{query}") for query in queries}

    found = with_api(ledger, scenario)
    assert {query: (each.status, each.body.get("answer")) for query, each in found.items()} == {
        "": (200, "ran"),
        "?at=2026-03-02T03:00": (200, "no_schedule"),
        f"?run={run}": (200, "ran"),
        f"?at=03:00&run={run}": (400, None),
        "?at=soon": (400, None),
        "?run=99": (404, None),
    }
    assert found[""].body == why_view(ledger.conn, NOON, "backup", served=True)
