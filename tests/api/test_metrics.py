"""``GET /metrics``."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from support.api import MOST, Answer, Api, get, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.metrics.run_totals import OTHER


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "runner.sqlite")
    shell_job(ledger, "mail", "true")
    return ledger


def value(answer: Answer, name: str, **labels: str) -> float | None:
    """Of one sample; None: there is none."""
    samples = (line for family in read_text(answer.body) for line in family.samples)
    return next((line.value for line in samples if line.name == name and line.labels == labels), None)


def test_is_the_text_of_prometheus(ledger: Ledger) -> None:
    answer = get(ledger, "/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert value(answer, "jeeves_runner_jobs") == 1
    assert value(answer, "jeeves_runner_runs_total", job_id="mail", status="error") == 0


def test_is_openmetrics_for_those_who_ask_for_it(ledger: Ledger) -> None:
    answer = get(ledger, "/metrics", Accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert answer.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = read_openmetrics(answer.body)  # type: ignore[no-untyped-call]
    assert {family.name for family in families} > {"jeeves_runner_runs"}


def test_a_run_that_has_ended_is_counted(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        await api.get("/metrics")
        for _ in range(2):
            assert (await api.post("/jobs/mail/run")).body["result"]["status"] == "ok"
        answer = await api.get("/metrics")
        assert value(answer, "jeeves_runner_runs_total", job_id="mail", status="ok") == 2
        assert value(answer, "jeeves_runner_run_duration_seconds_count", job_id="mail") == 2
        assert value(answer, "jeeves_runner_start_lag_seconds_count", trigger="manual") == 2
        assert (value(answer, "jeeves_runner_writer_latency_seconds_count") or 0) >= 4

    with_api(ledger, scenario)


def test_requests_are_counted_by_route(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        for path in ("/jobs/mail", "/jobs/no", "/jobs/mail", "/no/such/path"):
            await api.get(path)
        await api.ask("PROPFIND", "/jobs")
        answer = await api.get("/metrics")
        name = "jeeves_runner_http_requests_total"
        assert value(answer, name, route="/jobs/{job}", method="GET", status="200") == 2
        assert value(answer, name, route="/jobs/{job}", method="GET", status="404") == 1
        assert value(answer, name, route="none", method="GET", status="404") == 1
        assert value(answer, name, route="none", method=OTHER, status="405") == 1

    with_api(ledger, scenario)


def test_a_client_that_hangs_up_amid_its_body_is_no_fault_of_the_server(ledger: Ledger) -> None:
    async def scenario(api: Api) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        head = f"POST /jobs/mail/run HTTP/1.1\r\nHost: 127.0.0.1:{api.port}\r\n"
        writer.write(f"{head}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n".encode())
        await reader.readline()
        writer.close()
        async with asyncio.timeout(30):
            while not (acts := (await api.get("/audit")).body["audit"]):  # noqa: ASYNC110 - nothing else tells
                await asyncio.sleep(0.01)
        assert [(act["action"], act["answer"]) for act in acts] == [("run", 400)]

        async def counted(status: str) -> float | None:
            labels = {"route": "/jobs/{job}/run", "method": "POST", "status": status}
            return value(await api.get("/metrics"), "jeeves_runner_http_requests_total", **labels)

        async with asyncio.timeout(30):
            while await counted("400") is None:  # noqa: ASYNC110 - it comes after the line of the audit
                await asyncio.sleep(0.01)
        assert (await counted("400"), await counted("500")) == (1, None)

    with_api(ledger, scenario)


def test_the_number_of_names_is_bounded(ledger: Ledger) -> None:
    for number in range(MOST + 3):
        ledger.add_job(f"job-{number}")
        ledger.declare_queue(f"queue-{number}")
    answer = get(ledger, "/metrics")
    for name, label in (("jeeves_runner_runs_total", "job_id"), ("jeeves_runner_queue_depth", "queue")):
        samples = [line for family in read_text(answer.body) for line in family.samples if line.name == name]
        assert len({line.labels[label] for line in samples} - {OTHER}) == MOST


def test_takes_no_parameters(ledger: Ledger) -> None:
    assert get(ledger, "/metrics?name[]=jeeves_runner_jobs").status == 400
