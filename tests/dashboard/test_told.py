"""Sentences of the runner on a page: their instants are on the viewer's clock, like all others there."""

from datetime import UTC, date, datetime

import pytest

from jeeves_runner.dashboard.look import answered, clock, hour_in, lasted, moment, told


def test_an_instant_is_the_viewers_and_the_jobs_on_hover() -> None:
    shown = moment("2026-11-30T19:20:00.000Z", "America/New_York")
    assert told("It was due at 2026-11-30 14:20-05:00.", "America/New_York") == f"It was due at {shown}."
    assert told("2026-11-30T19:20:00.000Z: the disks") == f"{moment('2026-11-30T19:20:00.000Z')}: the disks"


def test_that_of_a_job_in_utc_is_as_well() -> None:
    for said in ("2026-11-30 19:20Z", "2026-11-30 19:20:00Z"):
        assert told(f"due {said}") == f"due {moment('2026-11-30T19:20:00.000Z')}"


@pytest.mark.parametrize(
    ("how", "said"), [("ago", "in 3h"), ("ago", "1d 2h ago"), ("ago", "340ms ago"), ("lasting", "for 1.2s")]
)
def test_how_far_an_instant_is_stays_true_on_an_open_page(how: str, said: str) -> None:
    sentence = f"It was due since 2026-11-30 19:20Z, {said}, it says."
    at, zone = "2026-11-30T19:20:00.000Z", "Asia/Kolkata"
    passing = f'<time datetime="{at}" data-{how} data-zone="{zone}">{said}</time>'
    assert answered(sentence, zone) == f"It was due since {moment(at, zone)}, {passing}, it says."
    assert told(sentence) == f"It was due since {moment(at)}, {said}, it says."


@pytest.mark.parametrize(
    "said",
    ["in short", "5m after it", "for good", "in 3hours", "2h", "for 2h", "in 3m-long steps", "in 1h 2m 3s"],
)
def test_what_follows_an_instant_may_be_of_something_else(said: str) -> None:
    assert str(answered(f"at 2026-11-30 19:20Z, {said}")).endswith(f"</time>, {said}")


def test_what_is_no_instant_stays_as_it_is() -> None:
    assert told("on 2026-11-30, 02:30, or 2026-13-45 14:20-05:00") == (
        "on 2026-11-30, 02:30, or 2026-13-45 14:20-05:00"
    )
    for edge in ("0001-01-01 00:00+01:00", "9999-12-31 23:59-01:00"):
        assert told(f"since {edge}") == f"since {edge}"


def test_the_rest_is_text_and_code() -> None:
    assert told("<b> `a <i>` & b") == "&lt;b&gt; <code>a &lt;i&gt;</code> &amp; b"
    assert told("one ` alone") == "one ` alone"


def test_below_its_day_a_time_is_enough() -> None:
    """Unless it is of another one: days above are of the runner's zone."""
    at = datetime(2026, 11, 30, 19, 20, tzinfo=UTC)
    assert ">19:20:00 UTC<" in clock(at, date(2026, 11, 30))
    assert ">Mon 19:20:00 UTC<" in clock(at, date(2026, 12, 1))


def test_a_time_beside_others_of_a_zone_is_on_its_clocks() -> None:
    shown = hour_in(datetime(2026, 12, 4, 8, tzinfo=UTC), "Asia/Kolkata")
    assert ">Fri 4 Dec, 13:30<" in shown
    assert 'datetime="2026-12-04T08:00:00.000Z" data-zone="Asia/Kolkata"' in shown


def test_what_is_over_lasted_no_less_than_no_time() -> None:
    """A clock may have been set back meanwhile."""
    first, second = "2026-11-30T19:20:00.000Z", "2026-11-30T19:21:00.000Z"
    assert lasted(first, second) == "lasted 1m"
    assert lasted(second, first) == "lasted 0ms"
