"""``graph``: the live graph in a terminal, and as texts that other programs draw."""

from pathlib import Path
from typing import Any

import pytest
from support.cli import Shell, refused
from support.queues import push

from jeeves_runner.core.edge_spec import After, OnQueue


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def mail(shell: Shell) -> None:
    """A pipeline of four jobs, two of which teach each other."""
    ledger = shell.ledger
    ledger.add_job("fetch", reads=("source:imap",), uses=("auth:google",), writes=("queue:mail",))
    ledger.add_job("sort", on_queue=OnQueue("mail"), reads=("datastore:rules",), writes=("datastore:mail",))
    ledger.add_job("digest", after=After(("sort",)), reads=("datastore:mail",), writes=("sink:slack",))
    ledger.add_job("learn", reads=("datastore:mail",), writes=("datastore:rules",))
    ledger.add_job("sample")
    ledger.declare_queue("mail")
    push(ledger, 1, 2, queue_id="mail")
    ledger.add_run("fetch")
    ledger.add_run("sort", "error")


def test_the_whole_is_a_tree_with_how_all_is_now(shell: Shell) -> None:
    mail(shell)
    assert (
        shell.text("graph")
        == """\
source:imap
└─ fetch  reads; ok
   └─ queue:mail  writes; 2 wait
      └─ sort  on_queue; error
         ├─ digest  after; idle
         │  └─ sink:slack  writes
         └─ datastore:mail  writes
            ├─ digest  reads (see above)
            └─ learn  reads; idle
               └─ datastore:rules  writes
                  └─ sort  reads (a cycle, see above)
auth:google
└─ fetch  uses

Tied to nothing: sample
A cycle: learn > datastore:rules > sort > datastore:mail > learn
"""
    )


def test_impact_is_a_node_and_what_a_change_of_it_reaches(shell: Shell) -> None:
    mail(shell)
    assert shell.text("graph", "--impact", "digest") == "digest  idle\n└─ sink:slack  writes\n"
    assert shell.text("graph", "--impact", "sink:slack") == "Tied to nothing: sink:slack\n"


def test_around_is_a_node_and_its_neighbours(shell: Shell) -> None:
    mail(shell)
    assert (
        shell.text("graph", "--around", "queue:mail")
        == """\
fetch  ok
└─ queue:mail  writes; 2 wait
   └─ sort  on_queue; error
"""
    )


def test_neighbours_may_be_several_steps_away(shell: Shell) -> None:
    mail(shell)
    asked = ("graph", "--around", "queue:mail", "--distance")
    nodes = [len(shell.json(*asked, str(steps))["nodes"]) for steps in (1, 2)]
    assert nodes[0] == 3 < nodes[1]
    refused(shell.run("graph", "--around", "queue:mail", "--distance", "0"), "distance", code=64)
    refused(shell.run("graph", "stale", "--distance", "2"), "takes no options", code=64)


def test_where_the_terminal_has_no_lines_there_are_plain_ones(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail(shell)
    monkeypatch.setattr("jeeves_runner.cli.graph_text.can_show", lambda _text: False)
    text = shell.text("graph", "--impact", "queue:mail")
    assert text.isascii()
    assert "\n   |- digest  after; idle\n   |  `- sink:slack  writes\n" in text


def test_mermaid_draws_each_kind_in_its_shape_and_cycles_in_red(shell: Shell) -> None:
    mail(shell)
    assert shell.text("graph", "--impact", "sort", "--format", "mermaid").splitlines() == [
        "flowchart LR",
        '  n0["digest"]',
        '  n1["learn"]',
        '  n2["sort"]',
        '  n3[("datastore:mail")]',
        '  n4[/"sink:slack"\\]',
        '  n5[("datastore:rules")]',
        "  n2 -->|after| n0",
        "  n3 -->|reads| n0",
        "  n0 -->|writes| n4",
        "  n3 -->|reads| n1",
        "  n1 -->|writes| n5",
        "  n5 -->|reads| n2",
        "  n2 -->|writes| n3",
        "  classDef cycle stroke:#c0392b,stroke-width:2px",
        "  class n1,n2,n3,n5 cycle",
    ]


def test_dot_draws_the_same(shell: Shell) -> None:
    mail(shell)
    lines = shell.text("graph", "--around", "auth:google", "--format", "dot").splitlines()
    assert lines == [
        'digraph "jeeves-runner" {',
        "  rankdir=LR;",
        '  "process:fetch" [label="fetch", shape="box"];',
        '  "auth:google" [label="auth:google", shape="hexagon"];',
        '  "auth:google" -> "process:fetch" [label="uses", style="dashed"];',
        "}",
    ]


def test_a_name_that_steers_neither_picture_is_only_a_name(shell: Shell) -> None:
    shell.ledger.conn.execute("INSERT INTO edges VALUES ('a', 'reads', 'source:\"]; x -->#\\')")
    assert '(["source:#quot;]; x -->#35;\\"])' in shell.text("graph", "--format", "mermaid")
    assert '  "source:\\"]; x -->#\\\\" [' in shell.text("graph", "--format", "dot")


def test_json_is_the_document_by_either_option(shell: Shell) -> None:
    mail(shell)
    document: Any = shell.json("graph")
    assert shell.text("graph", "--format", "json") == shell.text("graph", "--json")
    assert document["cycles"] == [
        {
            "nodes": ["process:learn", "process:sort", "datastore:mail", "datastore:rules"],
            "way": ["process:learn", "datastore:rules", "process:sort", "datastore:mail"],
        }
    ]


def test_a_node_that_is_none_is_refused_with_those_that_are_meant(shell: Shell) -> None:
    mail(shell)
    refused(shell.run("graph", "--impact", "mail"), "did you mean queue:mail or datastore:mail?")
    refused(shell.run("graph", "--around", "digst"), "there is no node digst")
    refused(shell.run("graph", "--around", "digst"), "did you mean digest?")
    refused(shell.run("graph", "--around", "a", "--impact", "b"), "two questions", code=64)


def test_a_job_that_is_only_named_is_said_to_be_none(shell: Shell) -> None:
    shell.ledger.add_job("digest", after=After(("sort",)))
    assert shell.text("graph") == "process:sort  no such job\n└─ digest  after; idle\n"


def test_a_project_without_jobs_says_so(shell: Shell) -> None:
    assert shell.text("graph") == "There are no jobs, queues and nodes yet.\n"
