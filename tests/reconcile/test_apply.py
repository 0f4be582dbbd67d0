"""Given manifests, when applied, then rows: what an apply changes and what it must never touch."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import BACKUP, REPORT, Project, errors, summary

from jeeves_runner.core.model import Trigger
from jeeves_runner.core.origin import AppliedBy
from jeeves_runner.core.spec_texts import FieldChange
from jeeves_runner.db import revisions
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
        "timeout_ms": (300_000, 600_000),
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


@pytest.mark.parametrize(
    "broken",
    [
        "id: [\n",
        "\tid: backup\n",
        "",
        "# nothing\n",
        "---\n",
        "{}\n",
        "defaults:\n",
        "defaults: {timeout: 4m}\n",
        "defaults: {timeout: 4m}\n# jobs:\n",
        "jobs:\n",
        "defaults: {timeout: 4m}\nqueues:\n",
        "a: b: c\n",
        "\xff",
        "#" * (1024 * 1024 + 1),
    ],
)
def test_a_file_that_is_broken_or_declares_nothing_never_changes_its_jobs(
    project: Project, broken: str
) -> None:
    path = project.write("two.yaml", "defaults: {timeout: 1m}\njobs: [{id: a, run: x}, {id: b, run: y}]\n")
    project.write("report.yaml", REPORT)
    project.apply()
    before = project.jobs("id, spec, enabled, revision_id")
    path.write_bytes(broken.encode("latin-1"))
    project.remove("report.yaml")
    plan = project.apply().plan
    assert summary(plan) == ["=job a", "=job b"]
    assert errors(plan)
    assert project.jobs("id, spec, enabled, revision_id") == before


@pytest.mark.parametrize("kind", ["folder", "link to nothing", "link to itself", "pipe"])
def test_what_stands_in_the_place_of_a_file_and_cannot_be_read_holds_its_jobs(
    project: Project, kind: str
) -> None:
    path = project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere" if kind == "link to nothing" else path)
    plan = project.apply().plan
    assert summary(plan) == ["=job backup"]
    assert errors(plan)[0].startswith("jobs.d/backup.yaml:1: ")


def test_a_list_without_entries_says_that_there_are_none(project: Project) -> None:
    project.write("several.yaml", "jobs: [{id: a, run: x, timeout: 1m}]\n")
    project.write("report.yaml", REPORT)
    project.apply()
    project.write("several.yaml", "defaults: {timeout: 4m}\njobs: []\n")
    assert summary(project.apply().plan) == ["-job a"]


def test_an_invalid_job_is_held_and_its_siblings_apply(project: Project) -> None:
    both = "jobs:\n  - {id: a, run: echo a, timeout: 1m}\n  - {id: b, run: echo b, timeout: 1m}\n"
    project.write("two.yaml", both)
    project.apply()
    project.write("two.yaml", both.replace("echo b", "echo new").replace("id: a,", "id: a, scheduel: x,"))
    plan = project.apply().plan
    assert summary(plan) == ["=job a", "~job b"]
    assert "scheduel" in errors(plan)[0]


def test_a_mended_file_releases_what_was_held(project: Project) -> None:
    path = project.write("backup.yaml", BACKUP)
    project.apply()
    path.write_text("id: [")
    project.apply()
    assert [h.id for h in revisions.held_rows(project.conn)] == ["backup"]
    project.write("backup.yaml", BACKUP)
    project.apply()
    assert revisions.held_rows(project.conn) == []


def test_a_broken_defaults_file_holds_everything_below_it(project: Project) -> None:
    project.write("team/_defaults.yaml", "defaults:\n  timeout: 5m\n")
    project.write("team/deep/a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\ntimeout: 1m\n")
    project.apply()
    project.write("team/_defaults.yaml", "defaults: [")
    project.write("team/deep/a.yaml", "run: echo changed\n")
    project.write("team/new.yaml", "run: echo new\n")
    project.write("b.yaml", "run: echo b2\ntimeout: 1m\n")
    assert summary(project.apply().plan) == ["=job a", "~job b"]
    assert [name for (name,) in project.jobs()] == ["a", "b"]


def unreadable(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("put", [unreadable, Path.mkdir], ids=["dangling link", "folder"])
def test_a_defaults_file_that_cannot_be_read_holds_everything_below_it(
    project: Project, put: Callable[[Path], None]
) -> None:
    defaults = project.write("team/_defaults.yaml", "defaults:\n  timeout: 5m\n")
    project.write("team/deep/a.yaml", "run: echo a\n")
    project.write("b.yaml", "run: echo b\ntimeout: 1m\n")
    project.apply()
    defaults.unlink()
    put(defaults)
    plan = project.apply().plan
    assert summary(plan) == ["=job a"]
    assert plan.held[0].message == "jobs.d/team/_defaults.yaml is broken"
    assert project.jobs("id, timeout_ms") == [("a", 300_000), ("b", 60_000)]


def test_two_defaults_files_in_one_folder_contradict_each_other(project: Project) -> None:
    project.write("_defaults.yaml", "defaults:\n  timeout: 5m\n")
    project.write("a.yaml", "run: echo a\n")
    project.apply()
    project.write("_defaults.yml", "defaults:\n  timeout: 6m\n")
    plan = project.apply().plan
    assert summary(plan) == ["=job a"]
    assert errors(plan) == [
        "jobs.d/_defaults.yml:1: the folder has a _defaults.yaml as well, and one of them must go"
    ]


def test_a_folder_behind_a_link_that_leads_nowhere_is_held(project: Project, tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "a.yaml").write_text("run: echo a\ntimeout: 1m\n")
    (project.jobs_dir / "team").symlink_to(tmp_path / "team")
    project.write("b.yaml", "run: echo b\ntimeout: 1m\n")
    project.apply()
    (tmp_path / "team").rename(tmp_path / "unmounted")
    assert summary(project.apply().plan) == ["=job a"]
    assert project.jobs() == [("a",), ("b",)]


def test_defaults_reach_unchanged_files(project: Project) -> None:
    project.write("team/_defaults.yaml", "defaults:\n  timeout: 5m\n")
    project.write("team/a.yaml", "run: echo a\n")
    project.apply()
    project.write("team/_defaults.yaml", "defaults:\n  timeout: 6m\n")
    assert summary(project.apply().plan) == ["~job a"]
    assert project.jobs("timeout_ms") == [(360_000,)]


def test_a_double_id_names_both_files_and_changes_nothing(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("copy.yaml", BACKUP.replace("0 3", "0 4"))
    project.write("x.yaml", "id: new\nrun: echo x\ntimeout: 1m\n")
    project.write("y.yaml", "id: new\nrun: echo y\ntimeout: 1m\n")
    plan = project.apply().plan
    assert summary(plan) == ["=job backup"]
    found = errors(plan)
    assert any(e.startswith("jobs.d/backup.yaml:") and "jobs.d/copy.yaml" in e for e in found)
    assert any(e.startswith("jobs.d/copy.yaml:") and "jobs.d/backup.yaml" in e for e in found)
    assert project.jobs("id, schedule") == [("backup", "0 3 * * *")]
    assert errors(project.apply().plan) == found


def test_a_job_whose_place_another_takes_while_that_is_held_goes_once_all_is_mended(project: Project) -> None:
    """The second file declares as many jobs as there are rows of it: the wrong ones."""
    project.write("a.yaml", "jobs: [{id: one, run: x, timeout: 1m}]\n")
    project.write("b.yaml", "jobs: [{id: two, run: x, timeout: 1m}]\n")
    project.apply()
    project.write("a.yaml", "jobs: [{id: one, run: x, timeot: 1m}]\n")
    project.write("b.yaml", "jobs: [{id: one, run: y, timeout: 1m}]\n")
    assert summary(project.apply().plan) == ["=job one"]
    project.write("a.yaml", "jobs: []\n")
    assert summary(project.apply().plan) == ["-job two", "~job one"]


def test_a_job_may_move_to_another_file(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.remove("backup.yaml")
    project.write("moved.yaml", BACKUP)
    (change,) = project.apply().plan.changes
    assert change.fields == (FieldChange(path="file", old="jobs.d/backup.yaml", new="jobs.d/moved.yaml"),)
    assert project.jobs("id, file") == [("backup", "jobs.d/moved.yaml")]


def test_a_missing_script_holds_its_job_although_the_manifest_did_not_change(project: Project) -> None:
    script = project.root / "work.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    project.write("work.yaml", "script: work.sh\ntimeout: 1m\n")
    project.apply()
    script.unlink()
    plan = project.apply().plan
    assert summary(plan) == ["=job work"]
    assert str(script) in errors(plan)[0]
    assert errors(plan)[0].startswith("jobs.d/work.yaml:1:")


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
