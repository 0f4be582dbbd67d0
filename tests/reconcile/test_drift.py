"""Rows changed by hand: what an apply notices, and puts back."""

import re
from pathlib import Path

import apsw
import pytest
from support.project import BACKUP, REPORT, Project, summary

from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.db import declared_jobs, nodes, queues


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_a_row_changed_by_hand_is_healed_and_recorded(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.conn.execute("UPDATE jobs SET schedule = '* * * * *' WHERE id = 'backup'")
    (change,) = project.plan().changes
    assert change.drift
    assert change.fields == (FieldChange(path="schedule", old="* * * * *", new="0 3 * * *"),)
    applied = project.apply()
    assert project.jobs("schedule") == [("0 3 * * *",)]
    assert project.value("SELECT drifted FROM revisions WHERE id = ?", applied.revision) == 1
    assert summary(project.apply().plan) == []


@pytest.mark.parametrize(
    ("table", "declared"),
    [("jobs", declared_jobs._DECLARED), ("queues", queues._DECLARED), ("nodes", nodes._DECLARED)],
)
def test_the_drift_trigger_watches_every_declared_column(
    project: Project, table: str, declared: dict[str, str]
) -> None:
    sql = str(
        project.value("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?", f"{table}_drift")
    )
    watched = set(re.split(r"[,\s]+", sql.partition(" UPDATE OF ")[2].partition(" ON ")[0].strip()))
    assert watched >= {*declared, "id", "spec_hash", "file", "deleted_at"}


def test_a_job_renamed_by_hand_comes_back_under_its_own_name(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    project.conn.execute("UPDATE jobs SET id = 'stranger' WHERE id = 'backup'")
    assert summary(project.apply().plan) == ["+job backup", "-job stranger"]
    assert project.jobs() == [("backup",), ("report",)]


def test_a_namespace_changed_by_hand_is_put_back(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.conn.execute("UPDATE jobs SET namespace = 'elsewhere'")
    (change,) = project.apply().plan.changes
    assert change.fields == (FieldChange(path="namespace", old="elsewhere", new="backup"),)
    assert project.jobs("namespace") == [("backup",)]


@pytest.mark.parametrize("spec", ["garbage", "", "[]", "7"])
def test_a_spec_that_is_none_cannot_be_written(project: Project, spec: str) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    with pytest.raises(apsw.Error, match=r"malformed JSON|CHECK"):
        project.conn.execute("UPDATE jobs SET spec = ?", (spec,))


def test_a_spec_of_another_shape_is_healed(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    good = project.jobs("spec")
    project.conn.execute("UPDATE jobs SET spec = '{}'")
    project.apply()
    assert project.jobs("spec") == good


def test_a_held_row_changed_by_hand_is_put_back_at_its_last_good_spec(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    before = project.jobs("spec, schedule, enabled")
    project.write("backup.yaml", "id: [")
    project.conn.execute("UPDATE jobs SET schedule = '* * * * *', enabled = 0")
    plan = project.plan()
    assert summary(plan) == ["=job backup", "~job backup"]
    assert {f.path: f.old for f in plan.changes[0].fields} == {"schedule": "* * * * *", "enabled": 0}
    applied = project.apply()
    assert project.jobs("spec, schedule, enabled") == before
    assert project.value("SELECT drifted FROM revisions WHERE id = ?", applied.revision) == 1
    assert summary(project.apply().plan) == ["=job backup"]


def test_a_held_row_whose_spec_was_changed_by_hand_cannot_be_put_back_yet(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("backup.yaml", "id: [")
    project.conn.execute("UPDATE jobs SET spec = '{}'")
    assert summary(project.apply().plan) == ["=job backup"]
    project.write("backup.yaml", BACKUP)
    assert summary(project.apply().plan) == ["~job backup"]


def test_rows_that_came_or_went_by_hand_are_put_right(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.write("report.yaml", REPORT)
    project.apply()
    project.conn.execute("DELETE FROM jobs WHERE id = 'backup'")
    assert summary(project.apply().plan) == ["+job backup"]
    assert project.jobs() == [("backup",), ("report",)]


@pytest.mark.parametrize("revision", ["revision_id", "(SELECT max(id) FROM revisions)"])
def test_a_row_replaced_by_hand_is_put_back(project: Project, revision: str) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("report.yaml", REPORT)
    project.apply()
    columns = [name for (name,) in project.conn.execute("SELECT name FROM pragma_table_info('jobs')")]
    values = {"schedule": "'* * * * *'", "revision_id": revision}
    project.conn.execute("PRAGMA foreign_keys = OFF")
    project.conn.execute(
        f"INSERT OR REPLACE INTO jobs ({', '.join(columns)})"
        f" SELECT {', '.join(values.get(name, name) for name in columns)} FROM jobs WHERE id = 'backup'"
    )
    (change,) = project.apply().plan.changes
    assert change.drift
    assert change.fields == (FieldChange(path="schedule", old="* * * * *", new="0 3 * * *"),)
    assert project.jobs("id, schedule, drifted") == [
        ("backup", "0 3 * * *", 0),
        ("report", "0 6 * * mon-fri", 0),
    ]


def test_a_row_changed_under_a_newer_revision_by_hand_is_put_back(project: Project) -> None:
    project.write("backup.yaml", BACKUP)
    project.apply()
    project.write("report.yaml", REPORT)
    project.apply()
    project.conn.execute(
        "UPDATE jobs SET name = 'x', revision_id = (SELECT max(id) FROM revisions) WHERE id = 'backup'"
    )
    assert summary(project.apply().plan) == ["~job backup"]


def test_a_queue_put_in_by_hand_in_the_place_of_another_is_put_back(project: Project) -> None:
    project.write("mail.yaml", "queues:\n  - id: mail\n    lease: 5m\n")
    project.apply()
    columns = [name for (name,) in project.conn.execute("SELECT name FROM pragma_table_info('queues')")]
    project.conn.execute("PRAGMA foreign_keys = OFF")
    project.conn.execute(
        f"INSERT OR REPLACE INTO queues ({', '.join(columns)})"
        f" SELECT {', '.join({'lease_ms': '1'}.get(name, name) for name in columns)} FROM queues"
    )
    assert summary(project.apply().plan) == ["~queue mail"]
    assert project.value("SELECT lease_ms FROM queues") == 300_000


TIED = "id: backup\nrun: echo\ntimeout: 5m\nreads: [source:a]\nwrites: [datastore:b]\nafter: report\n"


@pytest.mark.parametrize(
    ("by_hand", "fields"),
    [
        ("DELETE FROM edges WHERE relation = 'after'", {"edges.after": ([], ["process:report"])}),
        (
            "INSERT INTO edges VALUES ('backup', 'reads', 'source:c')",
            {"edges.reads": (["source:a", "source:c"], ["source:a"])},
        ),
        (
            "UPDATE edges SET relation = 'reads' WHERE relation = 'writes'",
            {
                "edges.reads": (["datastore:b", "source:a"], ["source:a"]),
                "edges.writes": ([], ["datastore:b"]),
            },
        ),
        (
            "UPDATE edges SET job_id = 'report' WHERE relation = 'writes'",
            {"edges.writes": (["datastore:b"], [])},
        ),
    ],
)
def test_edges_changed_by_hand_are_shown_and_healed(
    project: Project, by_hand: str, fields: dict[str, tuple[list[str], list[str]]]
) -> None:
    project.write("backup.yaml", TIED)
    project.write("report.yaml", REPORT)
    project.apply()
    good = project.conn.execute("SELECT * FROM edges").fetchall()
    project.conn.execute(by_hand)
    changes = project.plan().changes
    assert all(change.drift for change in changes)
    assert {f.path: (f.old, f.new) for f in changes[-1].fields} == fields
    applied = project.apply()
    assert project.conn.execute("SELECT * FROM edges").fetchall() == good
    assert project.value("SELECT drifted FROM revisions WHERE id = ?", applied.revision) == len(changes)
    assert summary(project.apply().plan) == []


def test_edges_of_a_held_job_are_healed_by_its_own_spec(project: Project) -> None:
    project.write("backup.yaml", TIED)
    project.write("report.yaml", REPORT)
    project.apply()
    good = project.conn.execute("SELECT * FROM edges").fetchall()
    project.conn.execute("DELETE FROM edges")
    project.write("backup.yaml", "id: backup\nrun: [")
    project.apply()
    assert project.conn.execute("SELECT * FROM edges").fetchall() == good


@pytest.mark.parametrize(
    "by_hand", ["INSERT INTO edges VALUES ('gone', 'reads', 'source:a')", "UPDATE edges SET job_id = 'gone'"]
)
def test_an_edge_of_no_job_is_refused(project: Project, by_hand: str) -> None:
    project.write("backup.yaml", TIED)
    project.write("report.yaml", REPORT)
    project.apply()
    with pytest.raises(apsw.ConstraintError, match="needs a live job"):
        project.conn.execute(by_hand)


def test_a_node_changed_by_hand_is_shown_and_healed(project: Project) -> None:
    project.write("nodes.yaml", "nodes: [{id: a, kind: datastore, path: /data/a, fresh_within: 2h}]\n")
    project.apply()
    project.conn.execute("UPDATE nodes SET path = '/elsewhere', fresh_within_ms = 1")
    (change,) = project.plan().changes
    assert (change.kind, change.drift) == ("node", True)
    assert {f.path for f in change.fields} == {"path", "fresh_within"}
    project.apply()
    assert project.value("SELECT path || fresh_within_ms FROM nodes") == "/data/a7200000"
