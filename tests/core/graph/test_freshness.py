"""When data is stale, and in whose name that is told."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.graph.freshness import Expected, stale, stale_facts, stale_now

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR: Final = 3_600_000

_instants = st.integers(-10_000, 10_000).map(lambda minutes: NOON + timedelta(minutes=minutes))
_nodes = st.builds(
    Expected,
    node=st.sampled_from(["datastore:a", "datastore:b", "sink:c", "sink:d"]),
    within_ms=st.integers(1, 200 * HOUR),
    created_at=_instants,
    fresh_at=st.none() | _instants,
)


def test_a_node_is_stale_once_its_time_has_passed_and_not_at_its_last_moment() -> None:
    mail = Expected("datastore:mail", 2 * HOUR, NOON, NOON + timedelta(hours=1))
    last = NOON + timedelta(hours=3)
    assert (mail.stale_from, mail.is_stale(last), mail.is_stale(last + timedelta(milliseconds=1))) == (
        last,
        False,
        True,
    )


def test_it_is_counted_from_the_declaration_where_nothing_was_written_since() -> None:
    new = Expected("datastore:mail", HOUR, NOON, NOON - timedelta(days=3))
    assert new.stale_from == NOON + timedelta(hours=1)
    assert new._replace(fresh_at=None).stale_from == NOON + timedelta(hours=1)


def test_it_is_told_in_the_name_of_the_last_writer_as_long_as_that_writes_it() -> None:
    mail = Expected("datastore:mail", HOUR, NOON, NOON, "b", 7, ("a", "b"))
    assert mail.told_of == "b"
    assert mail._replace(writers=("a", "c")).told_of == "a"
    assert mail._replace(writers=()).told_of is None


def test_what_is_noted_says_since_when_and_holds_as_long_as_it_is_shown() -> None:
    mail = Expected("datastore:mail", 2 * HOUR, NOON, NOON, "fetch", 7)
    at = f"{NOON:%Y-%m-%d}"
    assert stale_facts(mail, "Europe/Vienna") == {
        "words": f"is stale: last written at {at} 13:00 Europe/Vienna (12:00 UTC) (expected within 2h)",
        "lines": [["Last written by", "run 7 of fetch"]],
    }
    assert stale_facts(mail._replace(found_nothing=True), "UTC") == {
        "words": f"is stale: last checked at {at} 12:00 UTC (expected within 2h)",
        "lines": [["Last checked by", "run 7 of fetch"]],
    }
    assert stale_facts(mail._replace(fresh_at=None), "UTC") == {
        "words": "is stale: nothing has written it since it was declared at "
        f"{at} 12:00 UTC (expected within 2h)"
    }


def test_who_asks_hears_how_long_ago_that_was() -> None:
    mail = Expected("datastore:mail", 2 * HOUR, NOON, NOON, "fetch", 7)
    now = NOON + timedelta(hours=3)
    assert stale_now(mail, now) == ("is stale: last written 3h ago, at 12:00 UTC (expected within 2h)")
    assert stale_now(mail._replace(fresh_at=None), now) == (
        "is stale: nothing has written it since it was declared 3h ago, at 12:00 UTC (expected within 2h)"
    )


@given(st.lists(_nodes, max_size=6), _instants)
def test_what_is_listed_is_what_is_stale_the_longest_first(nodes: list[Expected], now: datetime) -> None:
    found = stale(nodes, now)
    assert Counter(found) == Counter(each for each in nodes if each.is_stale(now))
    assert [each.stale_from for each in found] == sorted(each.stale_from for each in found)


@given(_nodes, _instants, st.integers(0, 5_000))
def test_what_is_stale_stays_so_until_it_is_written(node: Expected, now: datetime, minutes: int) -> None:
    later = now + timedelta(minutes=minutes)
    assert not node.is_stale(now) or node.is_stale(later)
    assert not node._replace(fresh_at=now).is_stale(min(now, node._replace(fresh_at=now).stale_from))


@given(_nodes, _instants)
def test_a_later_write_never_makes_it_older(node: Expected, at: datetime) -> None:
    before = node.fresh_at or at
    assert node._replace(fresh_at=max(before, at)).stale_from >= node._replace(fresh_at=before).stale_from
