"""A pause holds for the occurrences of its time, whenever a runner comes to decide about them."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest
from support.admission_acts import SCHEDULE, due_of
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.clock import NOON
from support.doors import Doors

from jeeves_runner.core.model import CatchUp
from jeeves_runner.core.schedule.timetable import Due


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


async def hand_over(doors: Doors, since: float, job_id: str = "a") -> None:
    """The occurrences, one each 4 s, after so many seconds past noon until now."""
    found = list(SCHEDULE.between(NOON + seconds(since), doors.clock.now()))
    doors.arrive_due(due_of(job_id, found))
    await doors.rest()


def story(doors: Doors) -> list[str]:
    """What became of the occurrences, by the seconds past noon."""
    told = []
    for row in doors.rows():
        assert row.scheduled_for is not None
        last = row.last_for or row.scheduled_for
        span = "-".join(f"{(when - NOON).seconds}" for when in dict.fromkeys((row.scheduled_for, last)))
        told.append(f"{span} {row.trigger} {row.status}" + (f" {row.reason}" if row.reason else ""))
        assert row.occurrences == 1 + (last - row.scheduled_for) / seconds(4)
    return told


def told(
    template: Path, scenario: Callable[[Doors], Coroutine[None, None, None]], rules: JobRules
) -> list[str]:
    """The story of a job after the scenario."""
    stories: list[list[str]] = []

    async def tell(doors: Doors) -> None:
        await scenario(doors)
        stories.append(story(doors))

    with_doors(template, tell, rules)
    return stories[0]


@pytest.mark.parametrize("is_resumed", [False, True], ids=["expired", "resumed"])
@pytest.mark.parametrize("of_all", [False, True], ids=["of the job", "of all jobs"])
def test_what_fell_into_a_pause_is_skipped_although_no_runner_ran(
    template: Path, is_resumed: bool, of_all: bool
) -> None:
    async def scenario(doors: Doors) -> None:
        await doors.shut_down()
        paused = None if of_all else "a"
        doors.write_pause(paused, None if is_resumed else NOON + seconds(7))
        doors.clock.advance(seconds=7)
        if is_resumed:
            doors.write_resume(paused)
        doors.clock.advance(seconds=30)
        await doors.start()
        doors.arrive_due(due_of("a", [NOON + seconds(4)]))
        await doors.rest()

    assert told(template, scenario, JobRules(id="a")) == ["4 schedule skipped paused"]


def test_a_pause_begins_with_an_occurrence_at_its_beginning_and_ends_before_one_at_its_end(
    template: Path,
) -> None:
    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=4)
        doors.pause("a", NOON + seconds(8))
        doors.clock.advance(seconds=36)
        await hand_over(doors, 0)
        assert story(doors)[0] == "4 schedule skipped paused"
        assert story(doors)[1].startswith("8")

    with_doors(template, scenario, JobRules(id="a"))


def test_an_occurrence_that_is_decided_about_just_after_the_end_of_its_pause_is_skipped(
    template: Path,
) -> None:
    async def scenario(doors: Doors) -> None:
        doors.pause("a", None)
        doors.clock.advance(seconds=4.01)
        doors.resume("a")
        doors.clock.advance(seconds=0.01)
        await hand_over(doors, 0)

    assert told(template, scenario, JobRules(id="a")) == ["4 schedule skipped paused"]


MIDDLE = {
    CatchUp.LATEST: [
        "4-8 schedule missed superseded",
        "12-16 schedule skipped paused",
        "20-36 schedule missed superseded",
        "40 schedule running",
    ],
    CatchUp.NONE: [
        "4-8 schedule missed no_catch_up",
        "12-16 schedule skipped paused",
        "20-36 schedule missed no_catch_up",
        "40 schedule running",
    ],
    CatchUp.ALL: [
        "4-8 schedule missed late",
        "12-16 schedule skipped paused",
        "20-24 schedule missed late",
        "28 catch_up running",
        "32 catch_up scheduled overlap",
        "36 catch_up scheduled overlap",
        "40 schedule scheduled overlap",
    ],
}


@pytest.mark.parametrize("catch_up", list(CatchUp))
def test_a_pause_in_the_middle_of_a_gap_divides_what_is_missed(template: Path, catch_up: CatchUp) -> None:
    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=10)
        doors.pause("a", NOON + seconds(19))
        doors.clock.advance(seconds=32)
        await hand_over(doors, 0)

    rules = JobRules(id="a", catch_up=catch_up, window=seconds(15))
    assert told(template, scenario, rules) == MIDDLE[catch_up]


def test_of_a_gap_that_ends_in_a_pause_the_latest_before_it_is_caught_up(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=10)
        doors.pause("a", NOON + seconds(30))
        doors.clock.advance(seconds=21)
        await hand_over(doors, 0)

    assert told(template, scenario, JobRules(id="a")) == [
        "4 schedule missed superseded",
        "8 catch_up running",
        "12-28 schedule skipped paused",
    ]


def test_what_would_be_caught_up_is_skipped_while_the_job_is_paused(template: Path) -> None:
    """Who pauses a job before starting a server does not want what the server has missed."""

    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=10)
        doors.pause("a", None)
        doors.clock.advance(seconds=10)
        await hand_over(doors, 0)

    assert told(template, scenario, JobRules(id="a")) == [
        "4 schedule missed superseded",
        "8-20 catch_up skipped paused",
    ]


def test_pauses_that_overlap_or_follow_one_another_are_as_one(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.pause("a", NOON + seconds(10))
        doors.clock.advance(seconds=6)
        doors.write_pause(None, NOON + seconds(18))
        doors.clock.advance(seconds=3)
        doors.pause("a", NOON + seconds(14))
        doors.clock.advance(seconds=3)
        doors.pause("a", NOON + seconds(13))
        doors.clock.advance(seconds=28)
        await hand_over(doors, 0)

    assert told(template, scenario, JobRules(id="a"))[0] == "4-16 schedule skipped paused"


def test_a_pause_of_another_job_counts_for_nothing(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.pause("b", NOON + seconds(10))
        doors.clock.advance(seconds=20)
        doors.arrive_due(due_of("a", [NOON + seconds(4)]))
        await doors.rest()
        assert story(doors) == ["4 catch_up running"]

    with_doors(template, scenario, JobRules(id="a"), JobRules(id="b"))


def test_what_falls_into_a_pause_goes_on_in_the_row_of_what_fell_into_it_before(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.pause("a", NOON + seconds(30))
        for second in (4, 8):
            doors.clock.advance(seconds=4)
            await hand_over(doors, second - 4)
        await doors.shut_down()
        doors.clock.advance(seconds=26)
        await doors.start()
        await hand_over(doors, 8)

    assert told(template, scenario, JobRules(id="a")) == [
        "4-28 schedule skipped paused",
        "32 schedule running",
    ]


def test_a_long_pause_in_a_gap_of_which_all_are_caught_up_costs_one_row(template: Path) -> None:
    """The gap is decided about in portions of what is to run; what is paused counts for nothing there."""

    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=402)
        doors.pause("a", NOON + timedelta(days=30))
        doors.clock.advance(days=30)
        latest = NOON + timedelta(days=30, seconds=400)
        count = 30 * 21_600 + 100
        doors.arrive_due(
            Due(job_id="a", schedule=SCHEDULE, first=NOON + seconds(4), latest=latest, count=count)
        )
        await doors.rest()
        occurrences = [(row.reason == "paused", row.occurrences) for row in doors.rows()]
        assert occurrences == [*[(False, 1)] * 100, (True, 30 * 21_600 - 101), *[(False, 1)] * 101]

    with_doors(template, scenario, JobRules(id="a", catch_up=CatchUp.ALL, window=timedelta(days=60)))
