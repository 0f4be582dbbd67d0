"""The page of the metrics says what the program says; the dashboard and the rules of the examples name no
others."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.docs import DOCS, ROOT, code, only_code, read, table

from jeeves_runner.metrics.catalogue import ALL, PREFIX, Definition

RULES = ROOT / "examples/prometheus/alerts.yaml"
DASHBOARD = ROOT / "examples/grafana/jeeves-runner.json"
GUIDE = DOCS / "how-to/watch-with-prometheus.md"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus"
)


def names_of(each: Definition) -> set[str]:
    """The names of its samples."""
    if each.kind != "histogram":
        return {each.name}
    return {f"{each.name}_bucket", f"{each.name}_sum", f"{each.name}_count"}


SAMPLES = {name: each for each in ALL for name in names_of(each)}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def expressions() -> Iterator[str]:
    """All queries of the examples."""
    yield from (rule["expr"] for rule in rules())
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    yield from (target["expr"] for panel in board["panels"] for target in panel.get("targets", ()))
    yield from (note["expr"] for note in board["annotations"]["list"])
    yield board["templating"]["list"][1]["query"]["query"].partition("(")[2].partition(",")[0]


def test_the_page_has_every_metric_as_the_catalogue_has_it() -> None:
    rows = [
        (only_code(name), kind, tuple(code(labels)), text)
        for name, kind, labels, text in table(read("reference/metrics.md"), "metric")
    ]
    assert rows == [(each.name, each.kind, each.labels, each.help) for each in ALL]


def test_the_examples_name_metrics_and_labels_that_exist() -> None:
    queries = list(expressions())
    assert len(queries) > 50
    for query in queries:
        for name, labels in re.findall(rf"({PREFIX}[a-z_]+)(?:\{{([^}}]*)\}})?", query):
            assert name in SAMPLES, query
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels))
            assert asked <= {*SAMPLES[name].labels, "instance"}, query


def test_the_examples_show_every_metric() -> None:
    named = {name for query in expressions() for name in re.findall(rf"{PREFIX}[a-z_]+", query)}
    assert [each.name for each in ALL if not named & names_of(each)] == []


def test_the_guide_names_metrics_that_exist() -> None:
    for name in re.findall(rf"{PREFIX}[a-z_]+", GUIDE.read_text(encoding="utf-8")):
        assert name in SAMPLES


def test_every_rule_says_what_is_wrong_and_how_much_it_matters() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_examples(tmp_path: Path) -> None:
    told = promtool("check", "rules", str(RULES))
    assert f"{len(rules())} rules found" in told
    promtool("check", "config", "--syntax-only", str(RULES.parent / "prometheus.yaml"))
    asked = [
        {"record": f"q{number}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
        for number, query in enumerate(expressions())
    ]
    every = tmp_path / "every.yaml"
    every.write_text(json.dumps({"groups": [{"name": "all", "rules": asked}]}))
    promtool("check", "rules", str(every))


OUTAGE = {
    "rule_files": [str(RULES)],
    "evaluation_interval": "1m",
    "tests": [
        {
            "interval": "1m",
            "input_series": [
                {"series": 'up{job="jeeves-runner", instance="a"}', "values": "1x10 0x20"},
                {"series": 'jeeves_runner_queue_failed{instance="a", queue="mail"}', "values": "0x5 2x25"},
                {
                    "series": 'jeeves_runner_runs_total{instance="a", job_id="mail", status="error"}',
                    "values": "0x10 1 2 3 3x15",
                },
                {"series": 'jeeves_runner_last_tick_age_seconds{instance="a"}', "values": "1x30"},
            ],
            "alert_rule_test": [
                {"eval_time": "9m", "alertname": "JeevesRunnerDown"},
                {
                    "eval_time": "15m",
                    "alertname": "JeevesRunnerDown",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "critical", "job": "jeeves-runner", "instance": "a"},
                            "exp_annotations": {
                                "summary": "The runner does not answer",
                                "description": "Nothing is started on schedule while it is down."
                                " `jeeves-runner doctor` on its machine tells more.",
                            },
                        }
                    ],
                },
                {
                    "eval_time": "15m",
                    "alertname": "JeevesRunnerDeadLetters",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warning", "instance": "a", "queue": "mail"},
                            "exp_annotations": {
                                "summary": "Queue mail holds 2 dead letters",
                                "description": "`jeeves-runner queue peek mail --failed` shows them with"
                                " their errors.",
                            },
                        }
                    ],
                },
                {"eval_time": "10m", "alertname": "JeevesRunnerJobFailsOften"},
                {
                    "eval_time": "20m",
                    "alertname": "JeevesRunnerJobFailsOften",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warning", "instance": "a", "job_id": "mail"},
                            "exp_annotations": {
                                "summary": "mail has failed 3 times within an hour",
                                "description": "`jeeves-runner why mail` says how the last run ended.",
                            },
                        }
                    ],
                },
                {"eval_time": "20m", "alertname": "JeevesRunnerDoesNotTick"},
            ],
        }
    ],
}
"""An outage of twenty minutes, and what is to be told of it."""


@needs_promtool
def test_the_rules_tell_of_an_outage(tmp_path: Path) -> None:
    scene = tmp_path / "outage.yaml"
    scene.write_text(json.dumps(OUTAGE))
    promtool("test", "rules", str(scene))


def promtool(*words: str) -> str:
    """What it says of something that is right."""
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
