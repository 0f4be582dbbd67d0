"""The graph as an outline: what follows from a node stands below it, each node unfolded once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.order import components
from jeeves_runner.core.graph.outline import DEEPEST, Mark, Outline, outline
from jeeves_runner.core.graph.value import Graph, Node, build

R = Relation
JOBS = st.sampled_from("abcdef")
KEYS = st.builds("{}:{}".format, st.sampled_from(["process", "datastore", "queue", "auth"]), JOBS)
GRAPHS = st.builds(
    build,
    st.lists(st.builds(Node, KEYS), max_size=6),
    st.lists(st.tuples(JOBS, st.sampled_from(Relation), KEYS), max_size=24),
)


def drawn(found: Outline) -> list[str]:
    return [
        f"{'  ' * len(line.last)}{line.key}"
        f"{''.join(f' {relation}' for relation in line.relations)}{f' ({line.mark})' if line.mark else ''}"
        for line in found.lines
    ]


def test_what_follows_stands_below_and_what_two_nodes_lead_to_is_unfolded_once() -> None:
    graph = build(
        [Node("process:alone", "job")],
        [
            ("fetch", R.READS, "source:imap"),
            ("fetch", R.WRITES, "queue:mail"),
            ("sort", R.READS, "queue:mail"),
            ("sort", R.ON_QUEUE, "queue:mail"),
            ("sort", R.WRITES, "datastore:mail"),
            ("digest", R.AFTER, "process:sort"),
            ("digest", R.READS, "datastore:mail"),
        ],
    )
    found = outline(graph)
    assert drawn(found) == [
        "source:imap",
        "  process:fetch reads",
        "    queue:mail writes",
        "      process:sort reads on_queue",
        "        process:digest after",
        "        datastore:mail writes",
        "          process:digest reads (above)",
    ]
    assert [line.last for line in found.lines[-3:]] == [
        (True, True, True, False),
        (True, True, True, True),
        (True, True, True, True, True),
    ]
    assert found.alone == ("process:alone",)


def test_what_is_used_leads_nowhere_and_stands_at_the_end() -> None:
    graph = build(
        [],
        [
            ("a", R.USES, "auth:google"),
            ("a", R.WRITES, "queue:x"),
            ("b", R.USES, "auth:google"),
            ("b", R.USES, "queue:x"),
        ],
    )
    assert drawn(outline(graph)) == [
        "process:a",
        "  queue:x writes",
        "    process:b uses (user)",
        "process:b",
        "auth:google",
        "  process:a uses (user)",
        "  process:b uses (user)",
    ]


def test_a_cycle_begins_at_a_job_and_is_marked_where_it_closes() -> None:
    graph = build([], [("a", R.READS, "datastore:x"), ("a", R.WRITES, "datastore:x")])
    assert drawn(outline(graph)) == [
        "process:a",
        "  datastore:x writes",
        "    process:a reads (cycle)",
    ]
    assert drawn(outline(graph, "datastore:x")) == [
        "datastore:x",
        "  process:a reads",
        "    datastore:x writes (cycle)",
    ]


def test_a_job_that_follows_itself_is_a_cycle() -> None:
    assert drawn(outline(build([], [("a", R.TRIGGERS, "process:a")]))) == [
        "process:a",
        "  process:a triggers (cycle)",
    ]


def test_a_long_way_goes_on_at_the_margin() -> None:
    names = [f"j{n:02}" for n in range(DEEPEST + 3)]
    after = [(b, R.AFTER, f"process:{a}") for a, b in pairwise(names)]
    lines = drawn(outline(build([], after)))
    assert lines[DEEPEST] == f"{'  ' * DEEPEST}process:{names[DEEPEST]} after (later)"
    assert lines[DEEPEST + 1 :] == [
        f"process:{names[DEEPEST]}",
        f"  process:{names[DEEPEST + 1]} after",
        f"    process:{names[DEEPEST + 2]} after",
    ]


def test_a_way_of_ten_thousand_steps_has_an_outline() -> None:
    names = [f"j{n:05}" for n in range(10_000)]
    after = [(b, R.AFTER, f"process:{a}") for a, b in pairwise(names)]
    found = outline(build([], after))
    assert [line.key for line in found.lines if line.mark is None] == [f"process:{name}" for name in names]


@given(GRAPHS)
def test_every_node_is_unfolded_once_or_alone_and_every_tie_has_one_line(graph: Graph) -> None:
    found = outline(graph)
    unfolded = [line.key for line in found.lines if line.mark is None]
    assert sorted([*unfolded, *found.alone]) == sorted(graph.nodes)
    ties = sorted((edge.start, edge.end, edge.relation) for edge in graph.edges)
    assert sorted(_ties(found)) == ties
    assert {edge.start for edge in graph.edges}.isdisjoint(found.alone)


@given(GRAPHS)
def test_what_is_put_off_is_unfolded_later_and_what_is_referred_to_was_before(graph: Graph) -> None:
    found = outline(graph)
    place = {line.key: n for n, line in enumerate(found.lines) if line.mark is None}
    for n, line in enumerate(found.lines):
        if line.mark is Mark.LATER:
            assert place[line.key] > n
        elif line.mark in (Mark.ABOVE, Mark.CYCLE):
            assert place[line.key] < n


@given(GRAPHS)
def test_every_cycle_is_marked_where_it_closes_and_nothing_else_is(graph: Graph) -> None:
    leads = graph.by(*(relation for relation in Relation if relation is not R.USES))
    groups = components(leads.nodes, leads.below)
    on_cycles = {key for keys in groups if len(keys) > 1 for key in keys}
    on_cycles |= {key for key in leads.nodes if key in leads.below(key)}
    marked = {line.key for line in outline(graph).lines if line.mark is Mark.CYCLE}
    assert marked <= on_cycles
    assert all(marked.intersection(keys) for keys in groups if on_cycles.intersection(keys))


def _ties(found: Outline) -> list[tuple[str, str, Relation]]:
    """Each line's tie to the line above it, one level up."""
    ways: list[str] = []
    ties = []
    for line in found.lines:
        del ways[len(line.last) :]
        ties += [(ways[-1], line.key, relation) for relation in line.relations]
        ways.append(line.key)
    return ties
