"""Given a manifest that says which id its job had before, when applied, then it goes on under the new one."""

from pathlib import Path

import pytest
from support.project import BACKUP, REPORT, Project, summary

from jeeves_runner.clock import to_text
from jeeves_runner.core.consequences import LiveTiming, Timing
from jeeves_runner.core.model import Trigger
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.jobs import unknown_job
from jeeves_runner.db.run_requests import RunRequest, request_run
from jeeves_runner.db.timetable_rows import timetable_rows
from jeeves_runner.views.forecast import forecast_of_live

COPY = BACKUP.replace("id: backup", "id: copy\n    renamed_from: backup")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("backup.yaml", BACKUP)
    project.apply()
    return project


def rename(project: Project, text: str = COPY) -> None:
    (project.jobs_dir / "backup.yaml").unlink()
    project.write("copy.yaml", text)


def ended(project: Project, job_id: str, count: int) -> None:
    """So many runs of a job that were ok."""
    with transaction(project.conn, project.clock) as tx:
        for _ in range(count):
            tx.conn.execute(
                "INSERT INTO runs (job_id, status, trigger, created_at, started_at, finished_at, end_seq)"
                " VALUES (?, 'ok', 'manual', ?, ?, ?, 1)",
                (job_id, tx.at, tx.at, tx.at),
            )


def errors(project: Project) -> list[str]:
    return [str(p) for p in project.plan().problems if p.code == "rename"]


def test_a_rename_is_an_update_that_loses_nothing(project: Project) -> None:
    with transaction(project.conn, project.clock) as tx:
        run = request_run(tx, RunRequest(job_id="backup", trigger=Trigger.MANUAL))
        tx.conn.execute("UPDATE jobs SET decided_until = '2026-03-01T03:00:00.000Z'")
        for kind in ("pause", "mute"):
            tx.conn.execute(
                "INSERT INTO overrides (job_id, kind, created_by, created_at) VALUES ('backup', ?, 'me', ?)",
                (kind, tx.at),
            )
        tx.conn.execute(
            "INSERT INTO incidents (cause, job_id, opened_at, count) VALUES ('failure', 'backup', ?, 1)",
            (tx.at,),
        )
    ended(project, "backup", 3)
    kept = "name, namespace, created_at, decided_until, schedule_since, drifted, deleted_at"
    before = project.jobs(kept)
    project.clock.advance(hours=1)
    rename(project)
    (change,) = project.plan().changes
    assert (change.action, change.id, change.renamed_from) == ("update", "copy", "backup")
    applied = project.apply()
    assert applied.revision is not None
    assert project.jobs(kept + ", id")[0] == (*(("copy", *before[0][1:])), "copy")
    assert project.value("SELECT status FROM runs WHERE id = ?", run) == "scheduled"
    for table in ("runs", "overrides", "incidents"):
        assert project.value(f"SELECT group_concat(DISTINCT job_id) FROM {table}") == "copy", table
    assert project.value("SELECT count(*) FROM overrides WHERE ended_at IS NULL") == 2
    assert summary(project.plan()) == []


def test_the_old_id_is_known(project: Project) -> None:
    rename(project)
    project.apply()
    assert unknown_job(project.conn, "backup").message == "job backup was renamed to copy"
    project.write("copy.yaml", COPY.replace("copy", "third").replace("from: backup", "from: [copy, backup]"))
    project.apply()
    assert unknown_job(project.conn, "backup").message == "job backup was renamed to third"
    assert project.jobs("namespace") == [("backup",)]


def test_a_change_of_the_schedule_looks_back_no_further_than_the_rename(project: Project) -> None:
    project.clock.advance(hours=1)
    rename(project, COPY.replace("0 3", "0 4"))
    project.apply()
    assert project.jobs("id, schedule_since = updated_at") == [("copy", 1)]


def test_a_rename_moves_no_occurrence(project: Project) -> None:
    spread = BACKUP.replace("0 3 *", "H H *")
    project.write("backup.yaml", spread)
    project.apply()
    rename(project, spread.replace("id: backup", "id: copy\n    renamed_from: backup"))
    assert forecast_of_live(project.conn, project.plan(), project.clock.time)["jobs"] == []


def test_times_of_a_new_job_are_foretold_by_the_namespace_it_gets(project: Project) -> None:
    rename(project)
    project.apply()
    project.write("copy.yaml", COPY.replace("renamed_from: backup", ""))
    project.write("backup.yaml", BACKUP.replace("0 3 *", "H H *"))
    now = project.clock.time
    (told,) = forecast_of_live(project.conn, project.plan(), now)["jobs"]
    project.apply()
    (job,) = [row for row in timetable_rows(project.conn) if row.id == "backup"]
    times = LiveTiming(Timing(job.enabled, job.schedule, job.timezone, job.exclude), job.namespace).times()
    assert times is not None
    assert told["first_gained"][0] == to_text(times.next_after(now) or now)


def test_a_rename_is_no_loss_for_the_guard(project: Project) -> None:
    rename(project)
    applied = project.apply()
    assert applied.refusals == ()
    (project.jobs_dir / "copy.yaml").unlink()
    project.write("report.yaml", REPORT)
    assert summary(project.apply().plan) == ["+job report", "-job copy"]


def test_a_job_that_is_renamed_back_has_its_own_namespace_and_runs(project: Project) -> None:
    ended(project, "backup", 100)
    rename(project)
    project.apply()
    (project.jobs_dir / "copy.yaml").unlink()
    project.write("backup.yaml", BACKUP + "renamed_from: copy\n")
    project.apply()
    assert project.jobs("id, namespace") == [("backup", "backup")]
    assert project.value("SELECT count(*) FROM namespaces") == 0


def test_a_new_job_of_the_old_id_gets_a_namespace_of_its_own(project: Project) -> None:
    rename(project)
    project.apply()
    project.write("copy.yaml", COPY.replace("renamed_from: backup", ""))
    project.write("backup.yaml", BACKUP)
    (consequence,) = project.plan().consequences
    assert consequence.message == (
        "job backup keeps its state as backup~2: backup is the namespace of job copy,"
        " which was made with that id"
    )
    project.apply()
    assert project.jobs("id, namespace") == [("backup", "backup~2"), ("copy", "backup")]
    project.conn.execute("UPDATE jobs SET namespace = 'elsewhere'")
    project.apply()
    assert project.jobs("id, namespace") == [("backup", "backup~2"), ("copy", "backup")]


def test_the_first_that_is_live_is_taken_and_the_others_are_not(project: Project) -> None:
    project.write("report.yaml", REPORT)
    project.apply()
    (project.jobs_dir / "report.yaml").unlink()
    rename(project, COPY.replace("from: backup", "from: [nothing, report, backup]"))
    assert summary(project.plan()) == ["-job backup", "~job copy"]


def test_with_none_of_them_live_the_job_is_new(project: Project) -> None:
    project.write("copy.yaml", COPY.replace("from: backup", "from: nothing"))
    assert summary(project.apply().plan) == ["+job copy"]
    assert errors(project) == []


def test_old_and_new_declared_together_change_nothing(project: Project) -> None:
    project.write("copy.yaml", COPY)
    plan = project.plan()
    assert (plan.complete, summary(plan)) == (False, [])
    (error,) = errors(project)
    assert error == (
        "jobs.d/copy.yaml:1:1: error: job `copy` is renamed from `backup`, which is declared too,"
        " in jobs.d/backup.yaml:1"
    )
    (project.jobs_dir / "backup.yaml").unlink()
    assert summary(project.plan()) == ["~job copy"]


def test_an_old_id_is_not_used_again_while_the_new_job_names_it(project: Project) -> None:
    rename(project)
    project.apply()
    project.write("backup.yaml", BACKUP)
    for _ in range(2):
        plan = project.plan()
        assert (plan.complete, summary(plan)) == (False, [])
        (error,) = errors(project)
        assert (
            "jobs.d/backup.yaml:1:1: error: job `backup` is declared, and `copy` in jobs.d/copy.yaml" in error
        )
    project.write("copy.yaml", COPY.replace("renamed_from: backup", ""))
    assert summary(project.plan()) == ["+job backup", "~job copy"]


def test_two_jobs_cannot_swap_their_ids(project: Project) -> None:
    project.write("report.yaml", REPORT)
    project.apply()
    project.write("backup.yaml", BACKUP + "renamed_from: report\n")
    project.write("report.yaml", REPORT + "renamed_from: backup\n")
    plan = project.plan()
    assert (plan.complete, summary(plan)) == (False, ["=job backup", "=job report"])
    hints = {p.hint for p in plan.problems if p.code == "rename"}
    assert len(errors(project)) == 2
    assert hints == {
        "renames that meet need two applies: give one job an id of no other, apply, and rename on"
    }


def test_one_job_cannot_become_two(project: Project) -> None:
    rename(project)
    project.write("more.yaml", COPY.replace("copy", "more"))
    plan = project.plan()
    assert (plan.complete, summary(plan), len(errors(project))) == (False, [], 2)


def test_a_rename_is_no_delete_in_an_incomplete_plan(project: Project) -> None:
    rename(project)
    project.write("broken.yaml", "id: [")
    assert summary(project.plan()) == ["~job copy"]


def test_a_rename_waits_while_the_file_of_the_old_id_is_broken(project: Project) -> None:
    project.write("copy.yaml", COPY)
    project.write("backup.yaml", "id: [")
    plan = project.plan()
    assert summary(plan) == ["=job backup"]
    assert "waits" in errors(project)[0]
    project.write("backup.yaml", REPORT)
    assert summary(project.apply().plan) == ["+job report", "~job copy"]


def test_a_job_that_is_there_already_takes_nothing_over(project: Project) -> None:
    project.write("copy.yaml", COPY.replace("renamed_from: backup", ""))
    project.apply()
    rename(project)
    assert summary(project.plan()) == ["-job backup", "~job copy"]
    assert "is there already" in errors(project)[0]


@pytest.mark.parametrize("written", ["copy", "[a, a]", "[]", "UPPER", "3", "{a: b}"])
def test_what_is_no_list_of_earlier_ids_is_refused(project: Project, written: str) -> None:
    project.write("copy.yaml", COPY.replace("from: backup", f"from: {written}"))
    (problem,) = [p for p in project.plan().problems if p.is_error]
    assert "renamed_from" in problem.message


def test_defaults_cannot_rename(project: Project) -> None:
    project.write("_defaults.yaml", "defaults: {renamed_from: backup}")
    assert any("renamed_from" in p.message for p in project.plan().problems if p.is_error)
