"""What checks across manifests find in jobs, queues and nodes that are each right by themselves."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.edge_spec import PLAIN, Edge, Relation, Traits
from jeeves_runner.core.graph.checks import check
from jeeves_runner.core.graph.found import Declared, Found, Key, ties_of
from jeeves_runner.core.graph.order import cycles
from jeeves_runner.core.graph.value import build
from jeeves_runner.core.graph.work import jobs_on_cycles
from jeeves_runner.core.plan import LiveRow

ENDS = {"after": "process:", "needs": "process:", "triggers": "process:"}


def row(line: int = 1, traits: Traits = PLAIN, **edges: str) -> LiveRow:
    """A row with edges as in ``after="a b"``."""
    return tied(edges)._replace(line=line, traits=traits)


def tied(edges: Mapping[str, str]) -> LiveRow:
    ties = tuple(
        Edge(Relation(relation), ENDS.get(relation, "") + name)
        for relation, names in edges.items()
        for name in names.split()
    )
    return LiveRow("", "jobs.yaml", 1, edges=ties)


def jobs(**rows: LiveRow) -> dict[Key, LiveRow]:
    """Jobs by id, each on a line of its own."""
    return {("job", name): each._replace(line=n) for n, (name, each) in enumerate(rows.items(), 1)}


def nodes(*keys: str) -> dict[Key, LiveRow]:
    return {("node", key): row(50 + n, traits=Traits(path="/data")) for n, key in enumerate(keys)}


def queues(*names: str) -> dict[Key, LiveRow]:
    return {("queue", name): row(80 + n) for n, name in enumerate(names)}


def told(rows: Mapping[Key, LiveRow], **facts: Any) -> list[str]:
    """``CODE of ID: message (hint)``, an error with ``!`` before it."""
    return sorted(map(in_words, check(Declared(rows, **facts))))


def in_words(found: Found) -> str:
    message, hint = found.finding.told(None)
    mark = "!" if found.severity == "error" else ""
    return f"{mark}{found.finding.code} of {found.key[1]}: {message} ({hint})"


def codes(rows: Mapping[Key, LiveRow], **facts: Any) -> list[str]:
    return [each.split(":")[0] for each in told(rows, **facts)]


def test_a_graph_in_order_is_silent() -> None:
    rows = jobs(
        fetch=row(reads="source:imap", uses="auth:google", writes="queue:in datastore:mail"),
        sort=row(on_queue="queue:in", writes="datastore:sorted", triggers="report"),
        report=row(after="sort", needs="fetch", reads="datastore:mail datastore:sorted", writes="sink:slack"),
        watch=row(on_change="datastore:inbox", reads="datastore:inbox"),
    )
    known = nodes(
        "source:imap", "auth:google", "datastore:mail", "datastore:sorted", "datastore:inbox", "sink:slack"
    )
    assert told(rows | known | queues("in")) == []


@pytest.mark.parametrize("relation", ["after", "needs", "triggers"])
def test_an_unknown_job_is_an_error_at_each_job_that_names_it(relation: str) -> None:
    rows = jobs(fetch=row(), a=tied({relation: "fetsh"}), b=tied({relation: "fetsh other"}))
    said = f"`{relation}` names `fetsh`, and no manifest declares such a job (did you mean fetch?)"
    other = f"`{relation}` names `other`, and no manifest declares such a job"
    assert told(rows) == [
        f"!unknown_job of a: {said}",
        f"!unknown_job of b: {said}",
        f"!unknown_job of b: {other} (correct the name, or take it out)",
    ]


def test_an_unknown_job_may_be_in_a_manifest_that_cannot_be_parsed() -> None:
    (said,) = told(jobs(a=row(after="b")), is_readable=False)
    assert said == (
        "unknown_job of a: `after` names `b`, and no manifest declares such a job that can be read"
        " (it may be in a manifest that cannot be parsed: correct that one first)"
    )


def test_a_job_with_mistakes_is_known_nevertheless() -> None:
    assert told(jobs(a=row(after="b")), others={"b"}) == []


def test_a_renamed_job_and_a_program_outside_are_named_as_such() -> None:
    new = row()._replace(renamed_from=("old",))
    after, triggers = told(jobs(a=row(after="old"), b=row(triggers="cron"), new=new) | nodes("process:cron"))
    assert after.endswith("`after` names `old`, and no manifest declares such a job (it is called `new` now)")
    assert triggers == (
        "!unknown_job of b: `triggers` names `cron`, which is a program outside and no job"
        " (a job may name such a program in `reads`, `writes` and `uses`)"
    )


def test_each_job_on_a_cycle_is_told_its_way_round() -> None:
    rows = jobs(a=row(after="c"), b=row(needs="a"), c=row(after="b"), d=row(after="c"), e=row(triggers="a"))
    hint = "(take one of these out of `after` or `needs`)"
    way = "for `{1}`, which waits for `{2}`, which waits for `{0}`"
    assert told(rows) == [
        f"!cycle of {job[0]}: job `{job[0]}` would wait for itself: {way.format(*job)} {hint}"
        for job in ("acb", "bac", "cba")
    ]


def test_a_long_cycle_is_told_in_part() -> None:
    size = 5_000
    rows = jobs(**{f"j{n}": row(after=f"j{(n + 1) % size}") for n in range(size)})
    found = [in_words(each) for each in check(Declared(rows))]
    assert len(found) == size
    assert found[1] == (
        "!cycle of j1: job `j1` would wait for itself: for `j2`, which waits for `j3`, which waits for `j4`,"
        " which waits for `j5`, which waits for `j6`, which waits for 4,994 more jobs,"
        " the last of which waits for `j1` (take one of these out of `after` or `needs`)"
    )


def test_a_job_that_keeps_its_edges_may_be_on_a_cycle_with_them() -> None:
    rows = jobs(a=row(after="unknown"), b=row(after="a"), c=row())
    kept = {"a": row(after="b").edges}
    found = check(Declared(rows, kept=lambda job: kept.get(job, ())))
    assert sorted((each.finding.code, each.key[1]) for each in found) == [
        ("cycle", "a"), ("cycle", "b"), ("unknown_job", "a"),
    ]  # fmt: skip


def test_a_job_that_waits_for_a_disabled_one() -> None:
    off = Traits(enabled=False)
    rows = jobs(
        x=row(traits=off), a=row(after="x", needs="x"), b=row(traits=off, after="x"), c=row(triggers="x")
    )
    rest = "names `x`, which is disabled and starts only by hand (enable that one, or disable this one too)"
    assert told(rows) == [f"disabled_upstream of a: `{key}` {rest}" for key in ("after", "needs")]


def test_queues_with_one_side_only() -> None:
    rows = jobs(
        a=row(writes="queue:out"),
        b=row(writes="queue:out"),
        c=row(on_queue="queue:in"),
        d=row(reads="queue:in"),
        e=row(reads="queue:in"),
    )
    unread, unwritten = told(rows | queues("in", "out"))
    assert unread == (
        "unread_queue of a: jobs `a` and `b` write `queue:out`, and no job reads it"
        " (name it in `on_queue` or `reads` of the job that works on its items)"
    )
    assert unwritten == (
        "unwritten_queue of c: jobs `c`, `d` and 1 more read `queue:in`, and no job writes it"
        " (name it in `writes` of the job that puts items into it)"
    )


def test_datastores_that_no_job_writes() -> None:
    rows = jobs(
        a=row(reads="datastore:undeclared"),
        b=row(reads="datastore:declared", on_change="datastore:watched"),
    )
    known = nodes("datastore:declared", "datastore:watched", "datastore:alone")
    assert [each for each in codes(rows | known) if "unknown" not in each] == [
        "unwritten_datastore of a",
        "unwritten_datastore of datastore",
        "unwritten_datastore of datastore",
    ]


def rivals(**rows: LiveRow) -> list[str]:
    return told(jobs(**rows) | nodes("datastore:x"))


def test_two_writers_of_one_datastore() -> None:
    both = "both write `datastore:x`, and may do so at the same time"
    hint = "(give both one `pool`, or let one come `after` the other)"
    x = "datastore:x"
    disk, gpu, off = Traits(pool="disk"), Traits(pool="gpu"), Traits(enabled=False)
    assert rivals(a=row(writes=x), b=row(writes=x)) == [f"rival_writers of b: jobs `a` and `b` {both} {hint}"]
    assert rivals(a=row(writes=x, traits=disk), b=row(writes=x, traits=disk)) == []
    assert len(rivals(a=row(writes=x, traits=disk), b=row(writes=x, traits=gpu))) == 1
    assert len(rivals(a=row(writes=x, traits=disk), b=row(writes=x))) == 1
    assert rivals(a=row(writes=x), b=row(writes=x, after="a")) == []
    assert rivals(a=row(writes=x, needs="b"), b=row(writes=x)) == []
    assert rivals(a=row(writes=x), m=row(after="a"), b=row(writes=x, needs="m")) == []
    assert rivals(a=row(writes=x), b=row(writes=x, traits=off)) == []
    third = rivals(a=row(writes=x, traits=disk), b=row(writes=x, traits=disk), c=row(writes=x, after="a"))
    assert third == [f"rival_writers of c: jobs `b` and `c` {both} {hint}"]


def test_sinks_may_have_many_writers() -> None:
    assert told(jobs(a=row(writes="sink:s"), b=row(writes="sink:s")) | nodes("sink:s")) == []


def test_an_undeclared_node_is_told_once_with_the_nearest_of_its_kind() -> None:
    rows = jobs(
        a=row(reads="source:mial"), b=row(reads="source:mial", uses="auth:mial"), c=row(writes="sink:x")
    )
    assert told(rows | nodes("source:mail")) == [
        "unknown_node of a: no manifest declares `source:mial` (did you mean source:mail?)",
        "unknown_node of b: no manifest declares `auth:mial` (declare it under `nodes`)",
        "unknown_node of c: no manifest declares `sink:x` (declare it under `nodes`)",
    ]


def test_names_of_one_kind_are_not_near_for_that() -> None:
    rows = jobs(a=row(reads="datastore:nopath", writes="datastore:mail"))
    hint = "declare it under `nodes`"
    assert f"unknown_node of a: no manifest declares `datastore:nopath` ({hint})" in told(
        rows | nodes("datastore:mail")
    )


def test_jobs_and_queues_are_nodes_by_themselves() -> None:
    rows = jobs(a=row(reads="process:b", writes="queue:q"), b=row(on_queue="queue:q"))
    assert told(rows | queues("q")) == []
    assert [each for each in codes(rows) if "unknown" in each] == ["unknown_node of a"]


@pytest.mark.parametrize(
    ("today", "said"),
    [
        (date(2026, 3, 1), []),
        (date(2026, 3, 16), []),
        (date(2026, 3, 17), ["`auth:google` expires on 2026-03-31; job `a` names it"]),
        (date(2026, 3, 31), ["`auth:google` expires on 2026-03-31; job `a` names it"]),
        (date(2026, 4, 1), ["`auth:google` has expired: its last day was 2026-03-31; job `a` names it"]),
    ],
)
def test_a_credential_that_expires(today: date, said: list[str]) -> None:
    google = {("node", "auth:google"): row(9, Traits(expires="2026-03-31"))}
    hint = "(renew it, then set `expires` to its new last day)"
    assert told(jobs(a=row(uses="auth:google")) | google, today=today) == [
        f"expires of auth:google: {each} {hint}" for each in said
    ]


def test_warnings_are_errors_where_people_want_that_and_nothing_else_is_wrong() -> None:
    rows = jobs(a=row(writes="queue:q", after="b"), b=row(traits=Traits(enabled=False)))
    warned = ["disabled_upstream of a", "unknown_node of a", "unread_queue of a"]
    assert codes(rows) == warned
    assert codes(rows, is_strict=True) == [f"!{each}" for each in warned]
    assert codes(rows, is_strict=True, is_whole=False) == warned


NAMES = "abcdef"
WAITS = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from([Relation.AFTER, Relation.NEEDS]), st.sampled_from(NAMES)
    ).filter(lambda edge: edge[0] != edge[2]),
    max_size=10,
    unique=True,
)


def with_edges(edges: list[tuple[str, Relation, str]]) -> dict[Key, LiveRow]:
    return jobs(
        **{
            job: row()._replace(edges=tuple(Edge(r, f"process:{o}") for j, r, o in edges if j == job))
            for job in NAMES
        }
    )


def on_cycles_of(declared: Declared) -> list[Found]:
    return list(jobs_on_cycles(declared, ties_of(declared)))


@given(WAITS, WAITS)
def test_without_the_jobs_that_are_told_nothing_waits_for_itself(
    edges: list[tuple[str, Relation, str]], before: list[tuple[str, Relation, str]]
) -> None:
    on_cycles = {
        node
        for members in cycles(build((), ((job, r, f"process:{other}") for job, r, other in edges)))
        for node in members
    }
    assert {f"process:{each.key[1]}" for each in on_cycles_of(Declared(with_edges(edges)))} == on_cycles

    kept = {} if cycles(build((), ((j, r, f"process:{o}") for j, r, o in before))) else with_edges(before)
    found = [
        each.key
        for each in on_cycles_of(
            Declared(with_edges(edges), kept=lambda job: kept["job", job].edges if kept else ())
        )
    ]
    assert len(found) == len(set(found))
    result = with_edges(edges) | {key: kept.get(key, row()) for key in found}
    ties = ((name, *edge) for (_, name), each in result.items() for edge in each.edges)
    assert cycles(build((), ties)) == []


@pytest.mark.parametrize(
    ("path", "why"),
    [(None, "no manifest says where it is"), ("https://a/b", "https://a/b is no path"), ("/data/in", None)],
)
def test_a_datastore_whose_changes_can_start_nothing(path: str | None, why: str | None) -> None:
    rows = jobs(fill=row(writes="datastore:in"), sort=row(on_change="datastore:in"))
    rows["node", "datastore:in"] = row(50, traits=PLAIN if path is None else Traits(path=path))
    hint = "give `datastore:in` a `path` under `nodes`, such as /data/in/*.csv"
    assert told(rows) == [
        f"unwatched_datastore of sort: changes of `datastore:in` do not start it: {why} ({hint})"
    ] * (why is not None)
    del rows["node", "datastore:in"]
    assert "unwatched_datastore of sort" in codes(rows)
