"""The published plugin of OpenClaw for the original works with ``/v0`` as its ``apiUrl``."""

from pathlib import Path
from typing import Any, Final

import pytest
from support.openclaw_plugin import Plugin
from support.server import database, save, serving, until

from jeeves_runner.client import Client

pytestmark = pytest.mark.service

GREET: Final = "name: Greet\nrun: echo hello\nschedule: '0 3 1 1 *'\ntimeout: 10s\n"

REPLACED: Final = ("runner_create_job", "runner_update_job", "runner_delete_job", "runner_update_script")
"""The tools whose work files do."""


@pytest.fixture
def plugin(pytestconfig: pytest.Config) -> Plugin:
    cache = pytestconfig.cache
    assert cache is not None
    return Plugin(Path(cache.mkdir("openclaw-plugin")))


def test_every_tool_that_files_do_not_replace_works(tmp_path: Path, plugin: Plugin) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "greet.yaml", GREET)
        until(lambda: server.job("greet"))
        with Client(database(tmp_path)) as jr:
            jr.enqueue("mail", {"to": "ann"})
            jr.set_state("ns", "cursor", "7")
            jr.set_item("ns", "seen", "one", "1")
        job = {"jobId": "greet"}
        tools, written, *answers = plugin.call(
            server.url,
            [
                ("tools", {}),
                ("written", {}),
                ("runner_jobs", {}),
                ("runner_job_detail", job),
                ("runner_trigger", job),
                ("runner_runs", {**job, "limit": 5}),
                ("runner_disable", job),
                ("runner_trigger", job),
                ("runner_job_detail", job),
                ("runner_enable", job),
                ("runner_list_queues", {}),
                ("runner_queue_status", {"queueName": "mail"}),
                ("runner_queue_peek", {"queueName": "mail", "limit": 3}),
                ("runner_list_namespaces", {}),
                ("runner_query_state", {"namespace": "ns", "path": "$.cursor"}),
                ("runner_query_collection", {"namespace": "ns", "key": "seen"}),
                ("runner_status", {}),
                ("runner_config", {}),
            ],
        )
    assert len(tools) == 19
    assert "| Total jobs | 1 |" in written
    assert [answer for answer in answers if "failed" in answer] == []
    _look_at_jobs(*answers[:8])
    ids, counts, items, namespaces, found, collection, status, config = answers[8:]
    assert ids == {"queues": ["mail"]}
    assert (counts["depth"], counts["claimedCount"], counts["failedCount"]) == (1, 0, 0)
    assert [item["payload"] for item in items["items"]] == [{"to": "ann"}]
    assert namespaces == {"namespaces": ["ns"]}
    assert found == {"result": ["7"], "count": 1}
    assert (collection["items"][0]["itemKey"], collection["count"]) == ("one", 1)
    assert status["status"] == "running"
    assert config["port"] == 0


def _look_at_jobs(
    jobs: Any, job: Any, ran: Any, runs: Any, disabled: Any, again: Any, after: Any, enabled: Any
) -> None:
    assert [each["id"] for each in jobs["jobs"]] == ["greet"]
    assert (job["job"]["name"], job["job"]["enabled"]) == ("Greet", 1)
    assert (ran["result"]["status"], ran["result"]["stdoutTail"]) == ("ok", "hello")
    assert [run["exit_code"] for run in runs["runs"]] == [0]
    assert (disabled, enabled) == ({"ok": True}, {"ok": True})
    assert (again["result"]["status"], after["job"]["enabled"]) == ("ok", 0)


def test_tools_that_files_replace_say_which(tmp_path: Path, plugin: Plugin) -> None:
    sent = {"id": "new", "jobId": "greet", "name": "N", "schedule": "0 3 * * *", "script": "x.sh"}
    with serving(tmp_path) as server:
        save(tmp_path, "greet.yaml", GREET)
        until(lambda: server.job("greet"))
        answers = plugin.call(server.url, [(name, sent) for name in REPLACED])
        unknown, applied = plugin.call(
            server.url,
            [("runner_delete_job", {"jobId": "a/b <c>"}), ("runner_config_apply", {"config": {"port": 1}})],
        )
    for answer in answers:
        assert answer["failed"].startswith("Error: HTTP 405: ")
        assert "jobs.d" in answer["failed"]
    assert "Job not found" in unknown["failed"]
    assert applied["failed"].startswith("Error: HTTP 404: ")
