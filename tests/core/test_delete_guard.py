"""The guard: which deletes a person must confirm, and with which words."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.delete_guard import Confirmed, GuardFacts, Refusal, confirmation, explained, guard
from jeeves_runner.core.plan import Action, Change, Plan


def change(action: Action, kind: str, name: str) -> Change:
    return Change(action=action, kind=kind, id=name, file="jobs.d/a.yaml", line=1)


def plan(
    *, deletes: str = "", creates: str = "", queues: str = "", nodes: str = "", manifests: int = 1
) -> Plan:
    """Ids in a text: of jobs to delete and to create, and of queues and nodes to delete."""
    return Plan(
        changes=(
            *(change(Action.DELETE, "job", name) for name in deletes.split()),
            *(change(Action.CREATE, "job", name) for name in creates.split()),
            *(change(Action.DELETE, "queue", name) for name in queues.split()),
            *(change(Action.DELETE, "node", name) for name in nodes.split()),
        ),
        manifests=manifests,
    )


def numbered(count: int, prefix: str = "j") -> str:
    return " ".join(f"{prefix}{n}" for n in range(count))


def facts(live: str, gone: str = "", busy: str = "") -> GuardFacts:
    return GuardFacts(
        live=frozenset(live.split()), gone=frozenset(gone.split()), busy_queues=frozenset(busy.split())
    )


def reasons(refusals: tuple[Refusal, ...]) -> list[str]:
    return [refusal.reason for refusal in refusals]


def test_a_few_deletes_among_many_pass() -> None:
    assert guard(plan(deletes=numbered(5)), facts(numbered(12))) == ()
    assert guard(plan(deletes=numbered(20)), facts(numbered(100))) == ()
    assert guard(plan(deletes="j0"), facts(numbered(2))) == ()


def test_many_deletes_want_a_word() -> None:
    assert reasons(guard(plan(deletes=numbered(21)), facts(numbered(100)))) == [
        "21 jobs would be deleted, where 100 jobs are live"
    ]
    assert reasons(guard(plan(deletes=numbered(2000)), facts(numbered(3000)))) == [
        "2,000 jobs would be deleted, where 3,000 jobs are live"
    ]
    assert reasons(guard(plan(deletes=numbered(6)), facts(numbered(10)))) == [
        "6 jobs would be deleted, where 10 jobs are live"
    ]
    assert reasons(guard(plan(deletes=numbered(2)), facts(numbered(3)))) == [
        "2 jobs would be deleted, where 3 jobs are live"
    ]


def test_of_two_jobs_both_may_go() -> None:
    assert guard(plan(deletes=numbered(2)), facts(numbered(2))) == ()


def test_what_went_in_the_last_ten_minutes_counts() -> None:
    assert reasons(guard(plan(deletes="j0"), facts(numbered(80), gone=numbered(20, "old")))) == [
        "1 job would be deleted, where 80 jobs are live (20 more went in the last ten minutes)"
    ]


def test_a_job_that_is_renamed_and_renamed_back_is_not_lost() -> None:
    """The second plan: `a` became `x` some minutes ago, and now `x` becomes `a` again."""
    assert guard(plan(deletes="x", creates="a"), facts("x b c", gone="a")) == ()


def test_a_queue_alone_is_no_burden_on_the_budget_of_jobs() -> None:
    assert guard(plan(queues="mail"), facts(numbered(4), gone=numbered(16, "old"))) == ()


def test_nodes_need_no_word_and_wait_only_with_the_whole() -> None:
    nodes = "sink:a sink:b sink:c sink:d sink:e sink:f sink:g"
    assert guard(plan(nodes=nodes), facts("j0")) == ()
    (refusal,) = guard(plan(deletes=numbered(6), queues="mail", nodes="sink:a sink:b"), facts(numbered(10)))
    assert refusal.reason == "6 jobs, 1 queue and 2 nodes would be deleted, where 10 jobs are live"
    assert refusal.confirmed_by == Confirmed(7)
    assert ("node", "sink:a") in refusal.keys
    confirmed = guard(plan(deletes=numbered(6), nodes=nodes), facts(numbered(10)), Confirmed(6))
    assert confirmed == ()
    assert reasons(guard(plan(deletes="j0 j1", nodes=nodes), facts(numbered(2)), Confirmed(1))) == [
        "2 jobs would be deleted, more than the 1 allowed"
    ]
    (refusal,) = guard(plan(nodes="sink:a", manifests=0), facts(""))
    assert refusal.reason.startswith("no manifest was found, and 1 node would be deleted")


def test_where_too_many_jobs_would_go_no_queue_goes_either() -> None:
    """What made the jobs disappear is probably what made the queue disappear."""
    found = guard(plan(deletes=numbered(6), queues="mail"), facts(numbered(10)))
    assert reasons(found) == ["6 jobs and 1 queue would be deleted, where 10 jobs are live"]
    assert ("queue", "mail") in found[0].keys


def test_a_number_that_was_confirmed_is_an_upper_bound() -> None:
    assert guard(plan(deletes=numbered(50)), facts(numbered(100)), Confirmed(50)) == ()
    assert reasons(guard(plan(deletes=numbered(51)), facts(numbered(100)), Confirmed(50))) == [
        "51 jobs would be deleted, more than the 50 allowed"
    ]
    assert guard(plan(deletes="a b"), facts(numbered(100)), Confirmed(1)) != ()


def test_no_manifest_at_all_is_refused_even_when_confirmed() -> None:
    found = guard(plan(deletes="a", manifests=0), facts("a"), Confirmed(10))
    assert "`jobs: []`" in explained(found)
    assert confirmation(found) is None


def test_each_queue_that_holds_items_is_confirmed_by_itself() -> None:
    going = plan(deletes="a", queues="mail post rest")
    known = facts(numbered(9) + " a", busy="mail post")
    found = guard(going, known)
    assert [refusal.keys for refusal in found] == [(("queue", "mail"),), (("queue", "post"),)]
    assert confirmation(found) == "jeeves-runner apply --allow-delete queue:mail --allow-delete queue:post"
    one = Confirmed(queues=frozenset({"mail"}))
    left = guard(going, known, one)
    assert explained(left, one) == (
        "queue post still holds items; confirm with"
        " `jeeves-runner apply --allow-delete queue:mail --allow-delete queue:post`"
    )
    assert guard(going, known, Confirmed(queues=frozenset({"mail", "post"}))) == ()


def test_a_number_of_deletes_confirms_no_queue_that_holds_items() -> None:
    known = facts(numbered(10), busy="mail")
    found = guard(plan(deletes=numbered(6), queues="mail"), known, Confirmed(7))
    assert explained(found, Confirmed(7)) == (
        "queue mail still holds items; confirm with"
        " `jeeves-runner apply --allow-deletes 7 --allow-delete queue:mail`"
    )


names = st.sampled_from([f"j{n}" for n in range(16)])
steps = st.lists(st.tuples(st.sets(names), st.integers(0, 9)), max_size=12)
"""What is declared at each step, and how many minutes pass before it."""


@given(steps)
def test_no_series_of_unconfirmed_applies_loses_more_than_the_budget(
    declared: list[tuple[set[str], int]],
) -> None:
    """A model of its own: all that was live at any moment of the last ten minutes, remembered moment by
    moment. Whatever the guard lets through, of those no more than the budget are gone, or have come back."""
    live: set[str] = set()
    now = 0
    moments: list[tuple[int, set[str]]] = []
    deleted_at: dict[str, int] = {}
    for want, minutes in declared:
        now += minutes
        gone = frozenset(name for name, at in deleted_at.items() if name not in live and at > now - 10)
        moments.append((now, set(live)))
        found = plan(deletes=" ".join(sorted(live - want)), creates=" ".join(sorted(want - live)))
        refused = guard(found, GuardFacts(live=frozenset(live), gone=gone))
        known = set[str]().union(
            *(there for at, there in [*moments, (now, live)] if at > now - 10), _before(moments, now)
        )
        lost = known - want
        may_go = len(lost) <= max(5, len(known) / 5) and (len(known) <= 2 or len(lost) <= len(known) / 2)
        assert bool(refused) == (bool(live - want) and not may_go)
        after = want | live if refused else want
        deleted_at.update(dict.fromkeys(live - after, now))
        live = set(after)
        moments.append((now, set(live)))


def _before(moments: list[tuple[int, set[str]]], now: int) -> set[str]:
    """What was live when the ten minutes began."""
    earlier = [there for at, there in moments if at <= now - 10]
    return earlier[-1] if earlier else set()


@given(st.sets(names), st.sets(names), st.sets(st.sampled_from(["mail", "post"])), st.sets(names))
def test_the_command_that_is_named_confirms_all_that_was_refused(
    live: set[str], going: set[str], queues: set[str], gone: set[str]
) -> None:
    known = GuardFacts(
        live=frozenset(live | going), gone=frozenset(gone - live - going), busy_queues=frozenset(queues)
    )
    found = plan(deletes=" ".join(sorted(going)), queues=" ".join(sorted(queues)))
    refused = guard(found, known)
    words = (confirmation(refused) or "").split()
    options = list(pairwise(words))
    given_number = [int(value) for option, value in options if option == "--allow-deletes"]
    given_queues = {value.partition(":")[2] for option, value in options if option == "--allow-delete"}
    confirmed = Confirmed(given_number[0] if given_number else None, frozenset(given_queues))
    assert guard(found, known, confirmed) == ()
    assert guard(replace(found, changes=()), known) == ()


@given(st.sets(names), st.sets(names), st.sets(st.sampled_from(["mail", "post"])))
def test_what_is_left_without_the_refused_deletes_is_not_refused(
    live: set[str], going: set[str], queues: set[str]
) -> None:
    known = GuardFacts(live=frozenset(live | going), busy_queues=frozenset(queues))
    found = plan(deletes=" ".join(sorted(going)), queues=" ".join(sorted(queues)))
    refused = {key for refusal in guard(found, known) for key in refusal.keys}
    assert guard(found.without(refused), known) == ()
