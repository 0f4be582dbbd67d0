"""Given manifests, when applied, then rows: what an apply changes and what it must never touch."""

from pathlib import Path

import pytest
from support.project import BACKUP, REPORT, Project, summary

from jeeves_runner.core.alerts.words import Cause
from jeeves_runner.core.model import Trigger
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.db import alerting, revisions
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.errors import BaseMoved, Refused, SourceMismatch
from jeeves_runner.reconcile.apply import ApplyOptions, apply_plan
from jeeves_runner.reconcile.setup import source_of


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_manifests_become_rows_under_one_revision(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.write(
        "more.yaml",
        """\
        jobs:
          - id: report
            schedule: ["0 6 * * mon-fri", "0 9 * * sat"]
            command: [echo, hello]
            timezone: Europe/Berlin
            timeout: 90s
            overlap_policy: queue
          - id: by-hand
            run: echo hi
            timeout: 1m
            enabled: false
        queues:
          - id: mail
            dedup: {key: $.id, scope: all}
        """,
    )
    applied = project.apply()
    assert summary(applied.plan) == ["+job backup", "+job by-hand", "+job report", "+queue mail"]
    columns = "id, schedule, script, source_type, timeout_ms, overlap_policy, enabled, timezone"
    assert project.jobs(columns) == [
        ("backup", "0 3 * * *", "echo backup", "inline", 300_000, "skip", 1, "UTC"),
        ("by-hand", None, "echo hi", "inline", 60_000, "skip", 0, "UTC"),
        ("report", '["0 6 * * mon-fri","0 9 * * sat"]', '["echo","hello"]', "command", 90_000, "queue", 1,
         "Europe/Berlin"),
    ]  # fmt: skip
    assert (
        project.value("SELECT dedup_config FROM queues WHERE id = 'mail'") == '{"key":"$.id","scope":"all"}'
    )
    assert project.value("SELECT count(DISTINCT revision_id) FROM jobs") == 1


def test_channels_are_a_text_a_list_or_nothing_and_are_filled_and_emptied(project: Project) -> None:
    (project.root / "jeeves-runner.yaml").write_text(
        "notifications: {slack: {}, default_on_failure: C0DEFAULT}\n"
    )
    columns = "on_failure, on_success, output_channel"
    channels = "on_success: [C0FIRST, C0SECOND]\noutput_channel: C0OUTPUT\n"
    project.write("a.yaml", f"run: x\ntimeout: 1m\n{channels}")
    project.apply()
    assert project.jobs(columns) == [("C0DEFAULT", '["C0FIRST","C0SECOND"]', "C0OUTPUT")]
    project.write("a.yaml", "run: x\ntimeout: 1m\non_failure: null\n")
    project.apply()
    assert project.jobs(columns) == [(None, None, None)]
    project.write("a.yaml", "run: x\ntimeout: 1m\n")
    project.apply()
    (project.root / "jeeves-runner.yaml").write_text(
        "notifications: {slack: {}, default_on_failure: C0OTHER}\n"
    )
    (change,) = project.plan().changes
    assert [(f.path, f.old, f.new) for f in change.fields] == [("on_failure", ["C0DEFAULT"], ["C0OTHER"])]


def test_the_same_input_gives_an_empty_plan_and_writes_nothing(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    before = project.value("PRAGMA data_version"), revisions.head(project.conn)
    again = project.apply()
    assert again.revision is None
    assert summary(again.plan) == []
    assert (project.value("PRAGMA data_version"), revisions.head(project.conn)) == before


def test_an_update_names_each_field_with_both_values(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("backup.yaml", BACKUP.replace("0 3", "30 4").replace("5m", "10m"))
    (change,) = project.plan().changes
    assert {f.path: (f.old, f.new) for f in change.fields} == {
        "schedule": (["0 3 * * *"], ["30 4 * * *"]),
        "timeout": ("5m", "10m"),
    }


def test_operational_state_survives_every_apply(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    with transaction(project.conn, project.clock) as tx:
        tx.conn.execute("UPDATE jobs SET decided_until = '2026-03-01T03:00:00.000Z'")
        tx.conn.execute(
            "INSERT INTO overrides (job_id, kind, created_by, created_at)"
            " VALUES ('backup', 'pause', 'me', ?)",
            (tx.at,),
        )
        tx.conn.execute(
            "INSERT INTO state (namespace, key, value, updated_at) VALUES ('n', 'k', '1', ?)", (tx.at,)
        )
    project.write("backup.yaml", BACKUP.replace("5m", "10m"))
    project.apply()
    assert project.jobs("decided_until") == [("2026-03-01T03:00:00.000Z",)]
    assert project.value("SELECT count(*) FROM overrides WHERE ended_at IS NULL") == 1
    assert project.value("SELECT value FROM state") == "1"


def test_only_a_change_of_when_it_runs_resets_what_is_looked_back_at(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    first = project.jobs("schedule_since")
    project.clock.advance(hours=1)
    project.write("backup.yaml", BACKUP.replace("5m", "10m"))
    project.apply()
    assert project.jobs("schedule_since") == first
    project.write("backup.yaml", BACKUP.replace("0 3", "0 4"))
    project.apply()
    assert project.jobs("schedule_since") != first


def test_enabling_a_job_forgets_the_time_it_was_disabled(project: Project) -> None:
    project.write("backup.yaml", BACKUP + "enabled: false\n")
    project.apply()
    project.clock.advance(days=3)
    project.write("backup.yaml", BACKUP)
    project.apply()
    assert project.jobs("schedule_since") == [("2026-03-04T12:00:00.000Z",)]


def test_a_deleted_job_is_a_tombstone_and_comes_back(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    project.remove("backup.yaml")
    assert summary(project.apply().plan) == ["-job backup"]
    assert project.jobs() == [("report",)]
    assert project.value("SELECT deleted_at FROM jobs WHERE id = 'backup'") is not None
    project.clock.advance(days=1)
    project.write("backup.yaml", BACKUP)
    assert summary(project.apply().plan) == ["+job backup"]
    assert project.jobs("id, schedule_since")[0] == ("backup", "2026-03-02T12:00:00.000Z")


@pytest.mark.parametrize("how", ["deleted", "disabled"])
def test_what_waits_of_a_stopped_job_is_cancelled_with_it(project: Project, how: str) -> None:
    """No runner need be there to do it."""
    project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    with transaction(project.conn, project.clock) as tx:
        for job_id in ("backup", "report"):
            request_run(tx, RunRequest(job_id=job_id, trigger=Trigger.MANUAL))
    if how == "deleted":
        project.remove("backup.yaml")
    else:
        project.write("backup.yaml", BACKUP + "enabled: false\n")
    project.apply()
    found = project.conn.execute("SELECT job_id, status, reason FROM runs ORDER BY id")
    assert list(found) == [("backup", "cancelled", how), ("report", "scheduled", None)]


@pytest.mark.parametrize("how", ["deleted", "disabled"])
def test_what_is_open_of_a_stopped_job_is_closed_with_it_without_a_word(project: Project, how: str) -> None:
    project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    with transaction(project.conn, project.clock) as tx:
        for job_id in ("backup", "report"):
            alerting.report(tx, Happened(Cause.LATE, job_id, channels=("C0123456",)))
    if how == "deleted":
        project.remove("backup.yaml")
    else:
        project.write("backup.yaml", BACKUP + "enabled: false\n")
    project.apply()
    found = project.conn.execute("SELECT job_id, closed_by FROM incidents ORDER BY id")
    assert list(found) == [("backup", how), ("report", None)]
    assert project.value("SELECT count(*) FROM outbox WHERE said <> 'opened'") == 0


def test_a_changed_spec_closes_nothing(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    with transaction(project.conn, project.clock) as tx:
        alerting.report(tx, Happened(Cause.LATE, "backup"))
    project.write("backup.yaml", BACKUP.replace("5m", "10m"))
    project.apply()
    assert project.value("SELECT closed_at FROM incidents") is None


def test_an_emptied_folder_is_never_taken_as_delete_everything(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.remove("backup.yaml")
    with pytest.raises(Refused, match="no manifest"):
        project.apply(allow_deletes=10)
    assert project.jobs() == [("backup",)]


def test_most_jobs_gone_wants_a_word(project: Project) -> None:
    for n in range(10):
        project.write(f"j{n}.yaml", f"run: echo {n}\ntimeout: 1m\n")
    project.apply()
    project.clock.advance(hours=1)
    for n in range(6):
        project.remove(f"j{n}.yaml")
    with pytest.raises(Refused, match="6 jobs"):
        project.apply()
    assert len(project.jobs()) == 10
    project.apply(allow_deletes=6)
    assert len(project.jobs()) == 4


def test_a_job_may_be_renamed_and_renamed_back_within_minutes(project: Project) -> None:
    for name in ("one", "two", "three"):
        project.write(f"{name}.yaml", "run: echo\ntimeout: 1m\n")
    project.apply()
    for old, new in (("one", "eins"), ("eins", "one"), ("one", "eins"), ("eins", "one")):
        project.clock.advance(minutes=1)
        (project.jobs_dir / f"{old}.yaml").rename(project.jobs_dir / f"{new}.yaml")
        assert summary(project.apply().plan) == sorted([f"+job {new}", f"-job {old}"])
    assert project.jobs() == [("one",), ("three",), ("two",)]


def test_a_folder_that_is_emptied_file_by_file_is_noticed(project: Project) -> None:
    for n in range(9):
        project.write(f"j{n}.yaml", "run: echo\ntimeout: 1m\n")
    project.apply()
    for n in range(4):
        project.remove(f"j{n}.yaml")
        project.clock.advance(minutes=2)
        project.apply()
    project.remove("j4.yaml")
    with pytest.raises(Refused, match="1 job would be deleted, where 5 jobs are live"):
        project.apply()
    project.clock.advance(minutes=10)
    assert summary(project.apply().plan) == ["-job j4"]


def test_what_a_clock_far_ahead_has_deleted_is_no_burden_for_years(project: Project) -> None:
    for n in range(9):
        project.write(f"j{n}.yaml", "run: echo\ntimeout: 1m\n")
    project.apply()
    project.clock.set(hours=24 * 700)
    for n in range(4):
        project.remove(f"j{n}.yaml")
    project.apply()
    project.clock.set(hours=-24 * 700)
    project.remove("j4.yaml")
    assert summary(project.apply().plan) == ["-job j4"]


def test_a_queue_that_holds_items_is_named_and_vetoes_nothing_else_once_confirmed(project: Project) -> None:
    project.write("queues.yaml", "queues: [{id: mail}, {id: post}, {id: rest}]\n")
    project.apply()
    for queue in ("mail", "post"):
        with transaction(project.conn, project.clock) as tx:
            enqueue(tx, queue, ['"a letter"'])
    project.write("queues.yaml", "queues: []\n")
    with pytest.raises(Refused) as refused:
        project.apply(allow_deletes=3, allow_delete=["mail"])
    assert str(refused.value) == (
        "queue post still holds items; confirm with `jeeves-runner apply --allow-deletes 3"
        " --allow-delete queue:mail --allow-delete queue:post`"
    )
    assert summary(project.plan()) == ["-queue mail", "-queue post", "-queue rest"]
    applied = project.apply(allow_deletes=3, allow_delete=["mail", "post"]).plan
    assert summary(applied) == ["-queue mail", "-queue post", "-queue rest"]


def test_a_plan_made_before_another_apply_is_not_applied(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    old = project.plan()
    project.apply()
    options = ApplyOptions(applied_by=AppliedBy.CLI, source=source_of(project.config))
    with pytest.raises(BaseMoved), transaction(project.conn, project.clock) as tx:
        apply_plan(tx, old, options)


def test_a_database_belongs_to_one_folder(project: Project, tmp_path: Path) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    (tmp_path / "other").mkdir()
    (tmp_path / "jeeves-runner.yaml").write_text("jobs_dir: other\n")
    (tmp_path / "other" / "x.yaml").write_text("run: echo x\ntimeout: 1m\n")
    with pytest.raises(SourceMismatch) as caught:
        project.apply()
    assert str(tmp_path / "jobs.d") in caught.value.message
    assert str(tmp_path / "other") in caught.value.message
    project.apply(take_over=True, allow_deletes=1)
    assert project.jobs() == [("x",)]
    assert list(project.conn.execute("SELECT actor, action, target, detail FROM audit")) == [
        ("cli", "take over", f"source {tmp_path / 'other'}", f"was {tmp_path / 'jobs.d'}")
    ]


def test_a_link_is_part_of_where_a_source_is(project: Project, tmp_path: Path) -> None:
    """A deploy that lets the link lead to a new release is no other source."""
    for release in ("one", "two"):
        (tmp_path / release).mkdir()
        (tmp_path / release / "x.yaml").write_text(f"run: echo {release}\ntimeout: 1m\n")
    link = tmp_path / "current"
    link.symlink_to("one")
    (tmp_path / "jeeves-runner.yaml").write_text("jobs_dir: current\n")
    project.apply()
    link.unlink()
    link.symlink_to("two")
    project.apply()
    assert project.jobs("script") == [("echo two",)]
    assert project.value("SELECT location FROM source") == str(link)


def test_another_path_to_the_same_folder_is_the_same_source(project: Project, tmp_path: Path) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    (tmp_path / "linked").symlink_to("jobs.d")
    (tmp_path / "jeeves-runner.yaml").write_text("jobs_dir: linked\n")
    project.apply()
    assert project.value("SELECT location FROM source") == str(tmp_path / "jobs.d")
    project.apply(take_over=True)
    assert project.value("SELECT location FROM source") == str(tmp_path / "linked")
    (tmp_path / "linked").unlink()
    (tmp_path / "linked").mkdir()
    (tmp_path / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    with pytest.raises(SourceMismatch):
        project.apply()
