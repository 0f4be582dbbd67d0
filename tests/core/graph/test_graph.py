"""The graph as a value: what follows what, what lies on a cycle, what a change reaches."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.graph.order import components, cycles, layers, way_round
from jeeves_runner.core.graph.reach import around, downstream, impact, upstream
from jeeves_runner.core.graph.value import Graph, GraphEdge, Node, build

NAMES = "abcdefgh"
JOBS = st.sampled_from(NAMES)
KEYS = st.builds("{}:{}".format, st.sampled_from(["process", "datastore", "queue"]), JOBS)
EDGES = st.tuples(JOBS, st.sampled_from(Relation), KEYS)
GRAPHS = st.builds(
    build,
    st.lists(st.builds(Node, KEYS), max_size=8),
    st.lists(EDGES, max_size=24),
)


def pipeline(*ways: str) -> Graph:
    """Jobs by ``after``: ``"abc"`` is a, then b, then c."""
    return build((), ((b, Relation.AFTER, f"process:{a}") for way in ways for a, b in pairwise(way)))


def jobs(text: str) -> tuple[str, ...]:
    return tuple(f"process:{job}" for job in text)


def test_data_and_work_go_one_way() -> None:
    edges = {
        "source:imap": Relation.READS,
        "auth:google": Relation.USES,
        "queue:in": Relation.ON_QUEUE,
        "datastore:in": Relation.ON_CHANGE,
        "process:first": Relation.AFTER,
        "process:login": Relation.NEEDS,
        "queue:out": Relation.WRITES,
        "process:next": Relation.TRIGGERS,
    }
    graph = build([], [("mail", relation, node) for node, relation in edges.items()])
    before = ["source:imap", "auth:google", "queue:in", "datastore:in", "process:first", "process:login"]
    assert graph.above("process:mail") == before
    assert graph.below("process:mail") == ["queue:out", "process:next"]


def test_a_node_is_known_once_and_by_its_edges_alone() -> None:
    mail = Node("process:mail", "job", "reads", file="a.yaml", line=3)
    queue = Node("queue:in", "queue", "mails")
    store = Node("datastore:db", "node", path="/db")
    reads = ("mail", Relation.READS, "auth:token")
    graph = build([mail, queue, store, Node("queue:in")], [reads, reads])
    assert list(graph.nodes.values()) == [mail, queue, store, Node("auth:token")]
    assert graph.edges == (GraphEdge(*reads),)
    assert (graph.nodes["auth:token"].kind, graph.nodes["auth:token"].name) == ("auth", "token")


def test_an_edge_of_a_job_that_is_not_declared_has_both_ends() -> None:
    graph = pipeline("ab")
    assert list(graph.nodes) == ["process:b", "process:a"]


def test_cycles_are_found_with_their_way_round() -> None:
    graph = pipeline("abcda", "cb", "def", "gg")
    assert [frozenset(members) for members in cycles(graph)] == [
        frozenset(jobs("g")),
        frozenset(jobs("abcd")),
    ]
    assert way_round(jobs("abcd"), graph.below) == jobs("abcd")
    assert way_round(jobs("cbad"), graph.below) == jobs("cb")
    assert way_round(jobs("g"), graph.below) == jobs("g")


def test_layers_count_the_longest_way() -> None:
    assert layers(pipeline("abcd", "ad", "xd")) == dict(zip(jobs("abcdx"), [0, 1, 2, 3, 0], strict=True))
    assert layers(pipeline("abcb", "cd")) == dict(zip(jobs("abcd"), [0, 1, 1, 2], strict=True))


def test_a_long_pipeline_needs_no_deep_stack() -> None:
    graph = build((), ((f"j{n}", Relation.AFTER, f"process:j{n - 1}") for n in range(1, 20_000)))
    assert layers(graph)["process:j19999"] == 19_999
    assert cycles(graph) == []
    assert len(downstream(graph, "process:j0")) == 20_000


def test_what_is_around_is_in_both_directions() -> None:
    graph = pipeline("abcde", "xc")
    assert around(graph, "process:c").nodes.keys() == set(jobs("bcdx"))
    assert around(graph, "process:c", 2).nodes.keys() == set(jobs("abcdex"))
    assert impact(graph, "process:b").nodes.keys() == set(jobs("abcde"))
    assert list(downstream(graph, "process:b").items()) == list(zip(jobs("bcde"), range(4), strict=True))


@given(GRAPHS)
def test_components_are_what_reaches_each_other_and_in_order(graph: Graph) -> None:
    found = components(graph.nodes, graph.below)
    assert sorted(node for members in found for node in members) == sorted(graph.nodes)
    reach = {node: downstream(graph, node).keys() for node in graph.nodes}
    for place, members in enumerate(found):
        for node in members:
            assert {other for other in reach[node] if node in reach[other]} == set(members)
            assert not reach[node] & {other for before in found[:place] for other in before}


@given(GRAPHS)
def test_a_node_is_on_a_cycle_exactly_if_it_comes_after_itself(graph: Graph) -> None:
    on_cycles = {node for members in cycles(graph) for node in members}
    reach = {node: downstream(graph, node).keys() for node in graph.nodes}
    assert on_cycles == {n for n in graph.nodes if any(n in reach[after] for after in graph.below(n))}
    for members in cycles(graph):
        way = way_round(members, graph.below)
        assert set(way) <= set(members)
        assert len(set(way)) == len(way)
        assert all(after in graph.below(node) for node, after in zip(way, (*way[1:], way[0]), strict=True))


@given(GRAPHS)
def test_each_layer_is_one_below_the_lowest_above_it(graph: Graph) -> None:
    found = layers(graph)
    reach = {node: downstream(graph, node).keys() for node in graph.nodes}
    place = {node: n for n, node in enumerate(found)}
    assert place.keys() == graph.nodes.keys()
    for members in components(graph.nodes, graph.below):
        before = {each for node in members for each in graph.above(node)} - set(members)
        assert {found[node] for node in members} == {max((found[each] for each in before), default=-1) + 1}
    for edge in graph.edges:
        if edge.start not in reach[edge.end]:
            assert found[edge.start] < found[edge.end]
            assert place[edge.start] < place[edge.end]


@given(GRAPHS.filter(lambda graph: graph.nodes), st.data())
def test_reach_is_the_closure_and_upstream_its_reverse(graph: Graph, data: st.DataObject) -> None:
    node = data.draw(st.sampled_from(sorted(graph.nodes)))
    reached = {node}
    for _ in graph.nodes:
        reached |= {edge.end for edge in graph.edges if edge.start in reached}
    steps = downstream(graph, node)
    assert steps.keys() == reached
    assert list(steps.values()) == sorted(steps.values())
    for each, count in steps.items():
        assert count == 0 or min(steps[above] for above in graph.above(each) if above in steps) == count - 1
    assert all(node in downstream(graph, above) for above in upstream(graph, node))
    near = around(graph, node, 2)
    assert set(near.edges) <= set(graph.edges)
    assert near.nodes.keys() <= graph.nodes.keys()
