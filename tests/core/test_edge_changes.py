"""What a plan changes of the graph."""

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.edge_changes import EdgeChanges, LeftOver, edge_changes
from jeeves_runner.core.edge_spec import Edge, Relation
from jeeves_runner.core.graph.value import GraphEdge
from jeeves_runner.core.plan import Action, Change, Key, LiveRow

R = Relation
EDGES = st.frozensets(
    st.builds(
        Edge,
        st.sampled_from(Relation),
        st.builds("{}:{}".format, st.sampled_from(["queue", "process"]), st.sampled_from("ab")),
    ),
    max_size=6,
).map(tuple)
JOBS = st.dictionaries(st.sampled_from("abcd"), EDGES)


def live(**jobs: list[Edge]) -> dict[Key, LiveRow]:
    return {("job", name): row(edges) for name, edges in jobs.items()}


def row(edges: list[Edge] | tuple[Edge, ...]) -> LiveRow:
    return LiveRow("", "jobs.d/a.yaml", 1, edges=tuple(sorted(edges)))


def change(action: Action, job: str, *edges: Edge, renamed_from: str | None = None) -> Change:
    return Change(
        action=action,
        kind="job",
        id=job,
        file="jobs.d/a.yaml",
        line=1,
        edges=edges,
        renamed_from=renamed_from,
    )


def test_edges_come_with_a_job_go_with_it_and_change() -> None:
    found = edge_changes(
        [
            change(Action.CREATE, "new", Edge(R.READS, "source:x")),
            change(Action.UPDATE, "kept", Edge(R.READS, "source:x"), Edge(R.AFTER, "process:new")),
            change(Action.DELETE, "old"),
        ],
        live(
            kept=[Edge(R.READS, "source:x"), Edge(R.WRITES, "sink:y")],
            old=[Edge(R.USES, "auth:z")],
            untouched=[Edge(R.USES, "auth:z")],
        ),
    )
    assert found == EdgeChanges(
        gained=(GraphEdge("kept", R.AFTER, "process:new"), GraphEdge("new", R.READS, "source:x")),
        lost=(GraphEdge("kept", R.WRITES, "sink:y"), GraphEdge("old", R.USES, "auth:z")),
        left=(),
    )


def test_a_job_that_gets_another_id_keeps_its_edges() -> None:
    kept = Edge(R.READS, "source:x")
    renamed = change(Action.UPDATE, "b", kept, Edge(R.WRITES, "sink:y"), renamed_from="a")
    found = edge_changes([renamed], live(a=[kept, Edge(R.USES, "auth:z")]))
    assert found.gained == (GraphEdge("b", R.WRITES, "sink:y"),)
    assert found.lost == (GraphEdge("a", R.USES, "auth:z"),)


def test_what_a_deleted_job_leaves_unread_or_unwritten() -> None:
    middle = [Edge(R.ON_QUEUE, "queue:in"), Edge(R.WRITES, "datastore:out")]
    jobs = live(
        **{f"f{n}": [Edge(R.WRITES, "queue:in")] for n in range(5)},
        middle=middle,
        last=[Edge(R.READS, "datastore:out")],
    )
    found = edge_changes([change(Action.DELETE, "middle")], jobs)
    assert found.left == (
        LeftOver("datastore:out", "writer", ("last",)),
        LeftOver("queue:in", "reader", ("f0", "f1", "f2", "f3", "f4")),
    )
    assert [each.message for each in found.left] == [
        "datastore:out is written by no job any more, and read by last",
        "queue:in is read by no job any more, and written by f0, f1, f2 and 2 more",
    ]


def test_nothing_is_left_where_another_job_takes_over_or_both_sides_go() -> None:
    jobs = live(a=[Edge(R.WRITES, "queue:x")], b=[Edge(R.READS, "queue:x")])
    takes_over = change(Action.CREATE, "c", Edge(R.ON_QUEUE, "queue:x"))
    assert edge_changes([change(Action.DELETE, "b"), takes_over], jobs).left == ()
    assert edge_changes([change(Action.DELETE, "a"), change(Action.DELETE, "b")], jobs).left == ()


def test_an_order_of_jobs_leaves_no_data_over() -> None:
    jobs = live(b=[Edge(R.AFTER, "process:a")], c=[Edge(R.WRITES, "process:a")])
    assert edge_changes([change(Action.DELETE, "b")], jobs).left == ()


@given(JOBS, JOBS)
def test_what_was_and_what_changes_make_what_is(
    before: dict[str, tuple[Edge, ...]], after: dict[str, tuple[Edge, ...]]
) -> None:
    changes = [change(Action.DELETE, job) for job in before.keys() - after.keys()]
    changes += [change(Action.UPDATE, job, *edges) for job, edges in after.items()]
    found = edge_changes(changes, {("job", job): row(edges) for job, edges in before.items()})
    had, has = (
        {GraphEdge(job, *edge) for job, its in jobs.items() for edge in its} for jobs in (before, after)
    )
    assert (had - set(found.lost)) | set(found.gained) == has
    assert len(found.lost) + len(found.gained) == len(had ^ has)
    for each in found.left:
        relations = {edge.relation for edge in has if edge.node == each.node}
        assert (R.WRITES in relations) == (each.lacks == "reader")
