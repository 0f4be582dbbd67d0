"""Nodes of the graph: declared, planned, held and deleted as jobs and queues are."""

from pathlib import Path

import pytest
from support.project import Project, errors, summary

from jeeves_runner.cli.plan_text import declared_text
from jeeves_runner.core.edge_spec import Edge, Relation, Traits
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.db.edges import all_edges
from jeeves_runner.db.nodes import node_rows
from jeeves_runner.reconcile.apply import read_live

NODES = """\
    nodes:
      - {id: mail, kind: datastore, path: data/mail.db, fresh_within: 2h,
         description: all letters, owner: ann}
      - {id: mail, kind: source, path: "https://mail.example"}
      - {id: google, kind: auth, expires: "2027-03-31"}
    """
COPY = """\
    id: copy
    run: echo copy
    timeout: 5m
    pool: disk
    reads: ["source:mail"]
    writes: ["datastore:mail"]
    """


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    (tmp_path / "jeeves-runner.yaml").write_text("timezone: UTC\npools: {disk: 1}\n")
    return made


def test_nodes_become_rows(project: Project) -> None:
    project.write("nodes.yaml", NODES)
    applied = project.apply()
    assert summary(applied.plan) == ["+node auth:google", "+node datastore:mail", "+node source:mail"]
    google, datastore, source = node_rows(project.conn)
    assert (google.id, google.kind, google.expires) == ("auth:google", "auth", "2027-03-31")
    assert (datastore.description, datastore.owner) == ("all letters", "ann")
    assert datastore.path == f"{project.root}/data/mail.db"
    assert datastore.fresh_within_ms == 7_200_000
    assert (source.id, source.path, source.file, source.line) == (
        "source:mail", "https://mail.example", "jobs.d/nodes.yaml", 4,
    )  # fmt: skip
    assert summary(project.apply().plan) == []


def test_it_is_told_how_much_of_each_kind_is_declared(project: Project) -> None:
    assert declared_text(project.plan()) == "nothing"
    project.write("nodes.yaml", NODES)
    project.write("copy.yaml", COPY)
    assert declared_text(project.plan()) == "1 job, 3 nodes"
    project.apply()
    project.write("queue.yaml", "queues: [{id: letters}]\n")  # the others are not read again
    assert declared_text(project.plan()) == "1 job, 1 queue, 3 nodes"


def test_a_node_that_changes_is_updated_field_by_field(project: Project) -> None:
    project.write("nodes.yaml", NODES)
    project.apply()
    project.write("nodes.yaml", NODES.replace("2h", "3h"))
    (change,) = project.plan().changes
    assert (change.kind, change.id) == ("node", "datastore:mail")
    assert change.fields == (FieldChange(path="fresh_within", old="2h", new="3h"),)
    project.apply()
    rows = {row.id: row.fresh_within_ms for row in node_rows(project.conn)}
    assert rows["datastore:mail"] == 10_800_000


def test_a_deleted_node_is_a_tombstone_and_comes_back_as_a_new_one(project: Project) -> None:
    project.write("nodes.yaml", NODES)
    project.write("copy.yaml", COPY)
    project.apply()
    born = next(node_rows(project.conn)).created_at
    project.clock.advance(minutes=5)
    project.remove("nodes.yaml")
    applied = project.apply()
    assert summary(applied.plan) == ["-node auth:google", "-node datastore:mail", "-node source:mail"]
    assert list(node_rows(project.conn)) == []
    assert {edge.node for edge in all_edges(project.conn)} == {"datastore:mail", "source:mail"}
    project.write("nodes.yaml", NODES)
    project.apply()
    # What is expected of it counts from now on.
    assert next(node_rows(project.conn)).created_at > born


def test_a_node_of_a_broken_manifest_is_held(project: Project) -> None:
    project.write("nodes.yaml", NODES)
    project.apply()
    project.write("nodes.yaml", NODES.replace("2h", "soon"))
    assert summary(project.apply().plan) == ["=node datastore:mail"]
    project.write("nodes.yaml", "nodes: [")
    held = ["=node auth:google", "=node datastore:mail", "=node source:mail"]
    assert summary(project.apply().plan) == held
    assert [row.id for row in node_rows(project.conn)] == ["auth:google", "datastore:mail", "source:mail"]


def test_a_node_changed_by_hand_is_put_back(project: Project) -> None:
    project.write("nodes.yaml", NODES)
    project.apply()
    project.conn.execute("UPDATE nodes SET expires = '2030-01-01' WHERE id = 'auth:google'")
    (change,) = project.plan().changes
    assert change.drift
    assert change.fields == (FieldChange(path="expires", old="2030-01-01", new="2027-03-31"),)
    project.apply()
    assert next(node_rows(project.conn)).expires == "2027-03-31"
    project.conn.execute("DELETE FROM nodes WHERE id = 'auth:google'")
    assert summary(project.apply().plan) == ["+node auth:google"]


def test_what_is_live_says_what_a_job_is_tied_to(project: Project) -> None:
    project.write("copy.yaml", COPY)
    project.write("off.yaml", "run: echo off\ntimeout: 1m\nenabled: false\nafter: copy\n")
    project.write("nodes.yaml", NODES)
    project.apply()
    rows = read_live(project.conn).rows
    assert rows["job", "copy"].edges == (
        Edge(Relation.READS, "source:mail"), Edge(Relation.WRITES, "datastore:mail"),
    )  # fmt: skip
    assert rows["job", "copy"].traits == Traits(pool="disk")
    assert rows["job", "off"].edges == (Edge(Relation.AFTER, "process:copy"),)
    assert rows["job", "off"].traits == Traits(enabled=False)
    assert rows["node", "auth:google"].traits == Traits(expires="2027-03-31")
    assert rows["node", "source:mail"].traits == Traits(path="https://mail.example")


MAIL_QUEUE = "queues: [{id: mail}]\n"
MAIL_NODE = "nodes:\n  - {id: mail, kind: queue}\n"
HINT = "each queue is a node by itself: take this entry away, and describe the queue there"


def test_one_identity_is_declared_once(project: Project) -> None:
    project.write("a.yaml", NODES)
    project.write("b.yaml", "nodes: [{id: mail, kind: source}, {id: mail, kind: sink}]\n")
    plan = project.plan()
    assert errors(plan) == [
        "jobs.d/a.yaml:4: node id `source:mail` is also declared in jobs.d/b.yaml:1",
        "jobs.d/b.yaml:1: node id `source:mail` is also declared in jobs.d/a.yaml:4",
    ]
    assert summary(project.apply().plan) == ["+node auth:google", "+node datastore:mail", "+node sink:mail"]


def test_a_declared_queue_is_no_other_node(project: Project) -> None:
    project.write("a.yaml", MAIL_QUEUE)
    project.apply()
    project.write("b.yaml", MAIL_NODE)
    for _look in range(2):
        plan = project.apply().plan
        assert errors(plan) == [
            "jobs.d/b.yaml:2: node `queue:mail` is the queue that jobs.d/a.yaml:1 declares"
        ]
        assert [p.hint for p in plan.problems] == [HINT]
        assert summary(plan) == []
    project.write("a.yaml", "queues: [{id: mail, lease: soon}]\n")  # a queue that is held is declared
    assert summary(project.apply().plan) == ["=queue mail"]
    project.write("a.yaml", "queues: []\n")
    assert summary(project.apply().plan) == ["+node queue:mail", "-queue mail"]


def test_a_node_that_becomes_a_declared_queue_or_a_job_is_held_until_it_goes(project: Project) -> None:
    project.write("a.yaml", MAIL_NODE + "  - {id: copy, kind: process}\n")
    project.apply()
    project.write("b.yaml", MAIL_QUEUE)
    project.write("copy.yaml", COPY)
    made = ["+job copy", "+queue mail", "=node process:copy", "=node queue:mail"]
    assert summary(project.apply().plan) == made
    plan = project.apply().plan
    assert errors(plan) == [
        "jobs.d/a.yaml:2: node `queue:mail` is the queue that jobs.d/b.yaml:1 declares",
        "jobs.d/a.yaml:3: node `process:copy` is the job that jobs.d/copy.yaml:1 declares",
    ]
    assert summary(plan) == ["=node process:copy", "=node queue:mail"]
    project.remove("a.yaml")
    assert summary(project.apply().plan) == ["-node process:copy", "-node queue:mail"]
    assert errors(project.plan()) == []
