"""A skipped occurrence never starts and has one row, whenever a person skips it and a runner decides."""

from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import pytest
from runs.test_pauses import hand_over, seconds, story, told
from support.admission_acts import spec_of
from support.admission_play import with_doors
from support.admission_state import JobRules
from support.clock import NOON
from support.doors import Doors

from jeeves_runner.core.model import CatchUp
from jeeves_runner.errors import Conflict, NothingToSkip

Scenario = Callable[[Doors], Coroutine[None, None, None]]
A = JobRules(id="a")


def messages(doors: Doors) -> list[str | None]:
    return [message for (message,) in doors.place.conn.execute("SELECT message FROM runs ORDER BY id")]


def test_a_skipped_occurrence_leaves_a_row_with_the_reason_of_who_skipped_it(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.write_skip("a", NOON + seconds(4), "on holiday")
        for second in (4, 8):
            doors.clock.advance(seconds=4)
            await hand_over(doors, second - 4)
        assert story(doors) == ["4 schedule skipped skip", "8 schedule running"]
        assert messages(doors) == ["on holiday", None]

    with_doors(template, scenario, A)


def test_skips_share_a_row_if_the_same_was_said_of_them(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        for second, reason in ((4, "one"), (8, "one"), (12, "two"), (16, None), (20, None)):
            doors.write_skip("a", NOON + seconds(second), reason)
        doors.clock.advance(seconds=20)
        await hand_over(doors, 0)
        assert story(doors) == [
            "4-8 schedule skipped skip",
            "12 schedule skipped skip",
            "16-20 schedule skipped skip",
        ]
        assert messages(doors) == ["one", "two", None]

    with_doors(template, scenario, A)


GAP = {
    CatchUp.LATEST: [
        "4-8 schedule missed superseded",
        "12 schedule skipped skip",
        "16 schedule missed superseded",
        "20 catch_up running",
        "24 schedule skipped skip",
    ],
    CatchUp.NONE: [
        "4-8 schedule missed no_catch_up",
        "12 schedule skipped skip",
        "16-20 schedule missed no_catch_up",
        "24 schedule skipped skip",
    ],
    CatchUp.ALL: [
        "4 catch_up running",
        "8 catch_up scheduled overlap",
        "12 schedule skipped skip",
        "16 catch_up scheduled overlap",
        "20 catch_up scheduled overlap",
        "24 schedule skipped skip",
    ],
}


@pytest.mark.parametrize("catch_up", list(CatchUp))
@pytest.mark.parametrize("is_restarted", [False, True], ids=["slept", "no runner ran"])
def test_what_is_skipped_of_a_gap_is_never_caught_up(
    template: Path, catch_up: CatchUp, is_restarted: bool
) -> None:
    async def scenario(doors: Doors) -> None:
        doors.write_skip("a", NOON + seconds(12))
        if is_restarted:
            doors.abandon()
        doors.clock.advance(seconds=30)
        doors.write_skip("a", NOON + seconds(24))  # late, and yet before a runner has come to it
        if is_restarted:
            await doors.start()
        doors.clock.advance(seconds=-3)
        await hand_over(doors, 0)

    assert told(template, scenario, JobRules(id="a", catch_up=catch_up)) == GAP[catch_up]


def test_what_is_skipped_while_its_start_is_being_written_does_not_start(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.writer.holds = True
        doors.clock.advance(seconds=4)
        await hand_over(doors, 0)
        doors.write_skip("a", NOON + seconds(4), "just in time")
        await doors.writer.release()
        await doors.rest()
        assert story(doors) == ["4 schedule skipped skip"]
        assert doors.executor.live == {}

    with_doors(template, scenario, A)


def test_what_is_unskipped_while_that_is_being_written_runs(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.write_skip("a", NOON + seconds(4))
        doors.writer.holds = True
        doors.clock.advance(seconds=4)
        await hand_over(doors, 0)
        doors.write_unskip("a", NOON + seconds(4))
        await doors.writer.release()
        await doors.rest()
        assert story(doors) == ["4 schedule running"]

    with_doors(template, scenario, A)


def test_what_is_skipped_while_a_gap_is_being_written_divides_it(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=27)
        doors.writer.holds = True
        await hand_over(doors, 0)
        doors.write_skip("a", NOON + seconds(8))
        await doors.writer.release()
        await doors.rest()

    rules = JobRules(id="a", catch_up=CatchUp.NONE)
    assert told(template, scenario, rules) == [
        "4 schedule missed no_catch_up",
        "8 schedule skipped skip",
        "12-20 schedule missed no_catch_up",
        "24 schedule running",
    ]


def test_a_skip_that_is_no_occurrence_any_more_keeps_nothing_from_being_decided(template: Path) -> None:
    """Such a skip lies within what is missed, and is no reason to decide again, for ever."""

    async def scenario(doors: Doors) -> None:
        doors.write_skip("a", NOON + seconds(8))
        doors.place.conn.execute("UPDATE overrides SET scheduled_for = '2026-03-01T12:00:09.000Z'")
        doors.clock.advance(seconds=18)
        await hand_over(doors, 0)

    assert told(template, scenario, A) == ["4-12 schedule missed superseded", "16 schedule running"]


# What cannot be skipped


@pytest.mark.parametrize("code", [0, 1])
def test_what_has_begun_is_not_skipped_but_cancelled(template: Path, code: int) -> None:
    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=4)
        await hand_over(doors, 0)
        for act in (None, "end"):
            if act is not None:
                doors.end(1, code)
                await doors.rest()
            with pytest.raises(Conflict, match="has its run") as refused:
                doors.write_skip("a", NOON + seconds(4))
            if doors.executor.live or code:  # a failed attempt is tried again
                newest = doors.rows()[-1].id
                assert refused.value.hint == f"end it with `jeeves-runner cancel {newest}`"
            else:
                assert refused.value.hint == "only what is to come is skipped"

    with_doors(template, scenario, JobRules(id="a", retries=1))


def test_what_waits_is_not_skipped_either(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.request_by_hand("b")
        await doors.rest()
        doors.clock.advance(seconds=4)
        await hand_over(doors, 0)
        with pytest.raises(Conflict, match="run 2, which waits") as refused:
            doors.write_skip("a", NOON + seconds(4))
        assert refused.value.hint == "end it with `jeeves-runner cancel 2`"

    with_doors(template, scenario, A, JobRules(id="b"), limit=1)


@pytest.mark.parametrize("second", [4, 8])
def test_what_was_missed_is_not_skipped(template: Path, second: int) -> None:
    """Both share a row."""

    async def scenario(doors: Doors) -> None:
        doors.clock.advance(seconds=27)
        await hand_over(doors, 0)
        with pytest.raises(Conflict, match="run 1, which was missed"):
            doors.write_skip("a", NOON + seconds(second))

    with_doors(template, scenario, A)


def test_what_is_no_occurrence_is_not_skipped_and_the_nearest_are_named(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        with pytest.raises(NothingToSkip, match="a has no occurrence at 2026-03-01T12:00:09Z") as refused:
            doors.write_skip("a", NOON + seconds(9))
        assert refused.value.hint == "the nearest are 2026-03-01T12:00:08Z and 2026-03-01T12:00:12Z"
        with pytest.raises(Conflict, match="at 2026-03-01T11:59:56Z is over") as refused_too:
            doors.write_skip("a", NOON - seconds(4))
        assert refused_too.value.hint == "the nearest is 2026-03-01T12:00:04Z"

    with_doors(template, scenario, A)


def test_a_skip_outlives_that_its_job_is_disabled_and_enabled(template: Path) -> None:
    async def scenario(doors: Doors) -> None:
        doors.write_skip("a", NOON + timedelta(hours=1))
        for enabled in (False, True):
            doors.apply(spec_of(A, enabled=enabled))
            await doors.rest()
        doors.clock.advance(hours=1)
        await hand_over(doors, 3596)

    assert told(template, scenario, A) == ["3600 schedule skipped skip"]
