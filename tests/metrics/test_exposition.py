"""The two texts, as the parsers of Prometheus's own library read them."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from support.ledger import Ledger

from jeeves_runner.core.histogram import Histogram
from jeeves_runner.core.plan import Held, Plan
from jeeves_runner.db.measures import measures
from jeeves_runner.metrics import catalogue, gathering
from jeeves_runner.metrics.exposition import Form, KeptLines, form_for, written
from jeeves_runner.metrics.gathering import Answered, Look, Vitals, found
from jeeves_runner.metrics.run_totals import OTHER, JobTotals, Totals
from jeeves_runner.reconcile.sync_status import SyncStatus

AWKWARD = 'a "queue"\\\nof two lines'


@pytest.fixture
def look(tmp_path: Path) -> Look:
    ledger = Ledger(tmp_path / "runner.sqlite")
    ledger.add_job("mail")
    ledger.add_run("mail", "scheduled", reason="pool")
    ledger.add_run("mail", "running")
    ledger.declare_queue(AWKWARD)
    ledger.add_node("datastore:lake", fresh_within_ms=60_000, created_at="2026-02-01T00:00:00.000Z")
    latency = Histogram((0.01, 0.1))
    latency.add(0.02)
    vitals = Vitals(
        timetable=1,
        tick_age=0.25,
        catching_up=0,
        sync=SyncStatus(
            state="held",
            revision=3,
            commit="abc",
            checked_at=ledger.at(seconds=30),
            plan=Plan(held=(Held(kind="job", id="mail", file="jobs.d/mail.yaml", message="no"),)),
        ),
        backlog=2,
        latency=latency,
        stalls=1,
        answer=0.002,
    )
    mail = JobTotals()
    mail.ends["ok"] = 4
    mail.tokens = 7
    mail.durations = Histogram((1.0,))
    mail.durations.add(0.5)
    return Look(
        now=ledger.now,
        vitals=vitals,
        requests={Answered("/jobs/{job}", "GET", "200"): 9},
        measures=measures(ledger.conn, ledger.now, 10),
        totals=Totals({"mail": mail}, {"manual": latency}),
        free={"data": 1 << 30},
        most=10,
    )


def text_of(look: Look, form: Form, kept: KeptLines | None = None) -> str:
    return b"".join(written(found(look), form, kept or KeptLines())).decode()


def values(look: Look) -> dict[tuple[str, ...], float]:
    """By the name of the sample and the values of its labels, in the order of the labels' names."""
    lines = [line for family in read_text(text_of(look, Form.TEXT)) for line in family.samples]
    return {(line.name, *(line.labels[name] for name in sorted(line.labels))): line.value for line in lines}


def test_says_what_is_so(look: Look) -> None:
    told = values(look)
    p = catalogue.PREFIX
    assert told[p + "runs_total", "mail", "ok"] == 4
    assert told[p + "runs_total", "mail", "error"] == 0
    assert told[p + "run_duration_seconds_bucket", "mail", "1.0"] == 1
    assert told[p + "run_duration_seconds_bucket", "mail", "+Inf"] == 1
    assert told[p + "run_duration_seconds_sum", "mail"] == 0.5
    assert told[p + "tokens_total", "mail"] == 7
    assert told[p + "start_lag_seconds_count", "manual"] == 1
    assert told[p + "runs_waiting", "pool"] == 1
    assert told[(p + "runs_running",)] == 1
    assert told[p + "sync_state", "held"] == 1
    assert told[p + "sync_state", "in_sync"] == 0
    assert told[(p + "reconcile_age_seconds",)] == 30
    assert told[p + "commit_info", "abc"] == 1
    assert told[(p + "held_files",)] == 1
    assert told[p + "queue_depth", AWKWARD] == 0
    assert told[p + "incidents_open", "failure"] == 0
    assert told[p + "data_stale", "datastore:lake"] == 1
    assert told[p + "disk_free_bytes", "data"] == 1 << 30
    assert told[p + "writer_latency_seconds_bucket", "0.1"] == 1
    assert told[(p + "loop_stalls_total",)] == 1
    assert told[p + "http_requests_total", "GET", "/jobs/{job}", "200"] == 9
    assert told[("process_open_fds",)] > 0


@pytest.mark.parametrize("form", Form)
def test_both_forms_have_every_metric_of_the_catalogue_once(look: Look, form: Form) -> None:
    read = read_openmetrics if form is Form.OPENMETRICS else read_text
    text = text_of(look, form)
    families = [family for family in read(text) if family.name.startswith(catalogue.PREFIX)]
    ours = {line.name for family in families for line in family.samples}
    for each in catalogue.ALL:
        assert {name for name in (each.name, f"{each.name}_count") if name in ours}, each.name
    heads = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert sorted(heads) == sorted(set(heads))
    assert text.endswith("# EOF\n") == (form is Form.OPENMETRICS)


def test_a_metric_of_many_samples_has_one_heading(look: Look) -> None:
    jobs = {f"job-{number}": JobTotals() for number in range(400)}
    text = text_of(look._replace(totals=Totals(jobs, {})), Form.TEXT)
    assert text.count("# TYPE jeeves_runner_runs_total counter\n") == 1
    assert text.count("jeeves_runner_runs_total{") == 1600


def ends_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(f"{catalogue.PREFIX}run")]


def test_lines_that_are_kept_are_those_that_would_be_written(look: Look) -> None:
    kept = KeptLines()
    jobs = {f'job-{number} "\\\n\r\u2028': JobTotals() for number in range(120)}
    before = look._replace(totals=look.totals._replace(jobs={**jobs, **look.totals.jobs}))
    text_of(before, Form.TEXT, kept)
    changed = look.totals.jobs["mail"].copy()
    changed.ends["timeout"] = 5
    changed.tokens = 8
    after = before._replace(totals=before.totals._replace(jobs={"new": JobTotals(), **jobs, "mail": changed}))
    for now in (before, after):
        for form in Form:
            assert ends_of(text_of(now, form, kept)) == ends_of(text_of(now, form))


def test_what_has_not_changed_is_not_written_again(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptLines()
    text_of(look, Form.TEXT, kept)
    monkeypatch.setattr(gathering, "_ends", None)
    monkeypatch.setattr(gathering, "_durations", None)
    monkeypatch.setattr(gathering, "_tokens", None)
    assert ends_of(text_of(look, Form.OPENMETRICS, kept)) == ends_of(text_of(look, Form.TEXT, kept))


def test_queues_beyond_the_bound_share_a_name(look: Look) -> None:
    (counts,) = look.measures.queues.values()
    three = {name: counts.__class__(depth, 0, 0, depth * 1000) for depth, name in enumerate("abc", 1)}
    told = values(look._replace(most=1, measures=look.measures._replace(queues=three)))
    assert told[catalogue.PREFIX + "queue_depth", OTHER] == 5
    assert told[catalogue.PREFIX + "queue_oldest_age_seconds", OTHER] == 3
    assert (catalogue.PREFIX + "queue_depth", "b") not in told


def test_before_the_first_look_there_is_no_age_of_it(look: Look) -> None:
    vitals = look.vitals._replace(tick_age=None, sync=SyncStatus(state="starting"))
    told = values(look._replace(vitals=vitals, now=look.now + timedelta(1)))
    assert (catalogue.PREFIX + "last_tick_age_seconds",) not in told
    assert (catalogue.PREFIX + "reconcile_age_seconds",) not in told


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.TEXT),
        ("*/*", Form.TEXT),
        ("text/plain", Form.TEXT),
        ("application/openmetrics-text; version=1.0.0; q=0.5, text/plain;q=0.2", Form.OPENMETRICS),
        ("Application/OpenMetrics-Text;version=9.9", Form.OPENMETRICS),
        ("application/openmetrics-text;q=0, text/plain", Form.TEXT),
        ("application/openmetrics-text; q=0.000", Form.TEXT),
        (";;,,=;q", Form.TEXT),
    ],
)
def test_the_client_chooses_the_form(accept: str, form: Form) -> None:
    assert form_for(accept) is form


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
def test_promtool_finds_nothing_wrong(look: Look) -> None:
    text = "".join(
        line + "\n" for line in text_of(look, Form.TEXT).splitlines() if not re.search(r"(^| )process_", line)
    )
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
