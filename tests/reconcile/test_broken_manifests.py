"""Given manifests of which some are broken, when applied, then what was applied from these is held."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support.project import BACKUP, REPORT, Project, errors, summary

from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.db import revisions


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobs:\n- {id: [\n", "line 3: YAML cannot be read here: did not find expected node content"),
        ("", "line 1: the file declares nothing (delete it, or write `jobs: []`)"),
        (
            "jobs:\n- {id: a, run: x}\n- {id: b, run: y, timout: 1m}\n",
            "line 3: unknown key `timout` (did you mean `timeout`?)",
        ),
        (
            "jobs:\n- {id: a, run: x, timout: 1m}\n- {id: b, run: y, timout: 1m}\n- {id: c, run: z}\n",
            (
                "its manifest has several invalid entries, the first at line 2: unknown key `timout`"
                " (did you mean `timeout`?)"
            ),
        ),
    ],
)
def test_what_is_held_says_in_which_line_and_what_to_do(project: Project, text: str, message: str) -> None:
    project.write("two.yaml", "jobs: [{id: a, run: x}, {id: b, run: y}]\n")
    project.apply()
    project.write("two.yaml", text)
    assert {each.message for each in project.apply().plan.held} == {message}


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


def test_what_an_error_keeps_from_being_born_is_known_with_its_manifest(project: Project) -> None:
    project.write("two.yaml", "jobs: [{id: a, run: x, timeout: 1m}, {id: b, run: y, timout: 1m}]\n")
    project.write("mail.yaml", "queues: [{id: mail, lease: soon}]\n")
    plan = project.apply().plan
    assert {key: told.split(": ")[0] for key, told in plan.invalid.items()} == {
        ("job", "b"): "jobs.d/two.yaml declares it and is not valid",
        ("queue", "mail"): "jobs.d/mail.yaml declares it and is not valid",
    }
    project.write("two.yaml", "jobs: [{id: a, run: x, timout: 1m}, {id: b, run: y, timeout: 1m}]\n")
    assert [key for key in project.apply().plan.invalid if key[0] == "job"] == []  # a is live, and held
