"""What would run: each rule by itself, at times that are easy to add up."""

from support.playing import POOLS, at, job, minute_of, minutes, run_all, told
from support.replaying import LOCAL, spec_of

from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.run import PausedTime, SkippedTime
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.simulation.replay import PORTION
from jeeves_runner.core.simulation.scenario import (
    Down,
    Ended,
    OpenRun,
    SimulatedJob,
)


def test_what_is_due_runs_for_its_time() -> None:
    runs = run_all(job("a", "schedule: '*/20 * * * *'\n"), until=50)
    assert told(runs) == ["a ok 0 [0-1]", "a ok 20 [20-21]", "a ok 40 [40-41]"]


def test_what_has_not_ended_at_the_end_runs_on() -> None:
    assert told(run_all(job("a", "schedule: '0 * * * *'\n"), until=5, lasts=10)) == ["a running 0 [0-]"]


def test_an_active_run_skips_and_such_occurrences_share_a_row() -> None:
    runs = run_all(job("a", "schedule: '*/10 * * * *'\n"), until=45, lasts=25)
    assert told(runs) == [
        "a ok 0 [0-25]",
        "a skipped:overlap 10-20 x2",
        "a running 30 [30-]",
        "a skipped:overlap 40",
    ]
    assert [run.reason_ref for run in runs] == [None, "1", None, "3"]


def test_one_waits_in_the_queue_of_a_job() -> None:
    runs = run_all(job("a", "schedule: '*/10 * * * *'\noverlap_policy: queue\n"), until=35, lasts=25)
    assert told(runs) == [
        "a ok 0 [0-25]",
        "a running 10 [25-]",
        "a skipped:queue_full 20",
        "a scheduled:overlap 30",
    ]


def test_a_newer_run_replaces_an_older_one() -> None:
    runs = run_all(job("a", "schedule: '*/10 * * * *'\noverlap_policy: replace\n"), until=15, lasts=25)
    assert told(runs) == ["a cancelled 0 [0-10]", "a running 10 [10-]"]


def test_runs_wait_for_a_slot_by_priority_then_age() -> None:
    text = "schedule: '0 * * * *'\n"
    jobs = [job("a", text), job("b", text), job("c", text + "priority: 1\n")]
    runs = run_all(*jobs, slots=1, lasts=2, until=9)
    assert told(runs) == ["a ok 0 [0-2]", "b ok 0 [4-6]", "c ok 0 [2-4]"]
    assert [run.waited_for for run in runs] == [None, "limit", "limit"]


def test_a_pool_holds_back_only_its_own() -> None:
    text = "schedule: '0 * * * *'\n"
    jobs = [job("a", text + "pool: narrow\n"), job("b", text + "pool: narrow\n"), job("c", text)]
    assert told(run_all(*jobs, until=9)) == ["a ok 0 [0-1]", "b ok 0 [1-2]", "c ok 0 [0-1]"]


def test_failed_work_is_tried_again() -> None:
    fails = Ended(minutes(1), RunStatus.ERROR, exit_code=3)
    text = "schedule: '0 * * * *'\nretries: {limit: 2, delay: 2m, backoff: exponential}\n"
    runs = run_all(job("a", text), work=lambda _: fails, until=30)
    assert told(runs) == ["a error 0 [0-1]", "a retry error 0 [3-4]", "a retry error 0 [8-9]"]
    assert [(run.attempt, run.chain_id) for run in runs] == [(1, None), (2, 1), (3, 1)]


def test_what_waits_goes_before_what_comes_at_the_same_moment() -> None:
    fails = Ended(minutes(1), RunStatus.ERROR, exit_code=3)
    jobs = [
        job("a", "schedule: '0 * * * *'\nretries: {limit: 1, delay: 9m}\n"),
        job("b", "schedule: '10 * * * *'\n"),
    ]
    runs = run_all(*jobs, work=lambda _: fails, slots=1, until=20)
    assert told(runs) == ["a error 0 [0-1]", "a retry error 0 [10-11]", "b error 10 [11-12]"]


def test_a_chain_of_attempts_counts_as_one_active_run() -> None:
    fails = Ended(minutes(1), RunStatus.ERROR, exit_code=3)
    text = "schedule: '*/5 * * * *'\nretries: {limit: 1, delay: 7m}\n"
    runs = run_all(job("a", text), work=lambda _: fails, until=11)
    assert told(runs) == [
        "a error 0 [0-1]",
        "a retry error 0 [8-9]",
        "a skipped:overlap 5",
        "a error 10 [10-11]",
        "a retry scheduled:retry 10",
    ]


def test_work_that_takes_too_long_is_ended() -> None:
    spec = spec_of("a", "schedule: '0 * * * *'\nrun: 'true'\ntimeout: 5m\n", POOLS)
    timed = SimulatedJob(
        spec=spec, schedule=parse_schedule(spec.schedule, "UTC", "a"), after=at(-1), executor=LOCAL
    )
    assert told(run_all(timed, lasts=9, until=20)) == ["a timeout 0 [0-5]"]


def test_a_pause_skips_what_is_due_in_it() -> None:
    pauses = {"a": [PausedTime(at(5), at(25))]}
    runs = run_all(job("a", "schedule: '*/10 * * * *'\n"), until=35, pauses=pauses)
    assert told(runs) == ["a ok 0 [0-1]", "a skipped:paused 10-20 x2", "a ok 30 [30-31]"]


def test_a_time_that_a_person_skips_does_not_run() -> None:
    skips = {"a": [SkippedTime(at(10)), SkippedTime(at(15))]}
    runs = run_all(job("a", "schedule: '*/10 * * * *'\n"), until=25, skips=skips)
    assert told(runs) == ["a ok 0 [0-1]", "a skipped:skip 10", "a ok 20 [20-21]"]


def test_a_pause_of_all_holds_back_a_retry() -> None:
    fails = Ended(minutes(1), RunStatus.ERROR, exit_code=3)
    text = "schedule: '0 * * * *'\nretries: {limit: 1, delay: 2m}\n"
    runs = run_all(job("a", text), work=lambda _: fails, until=30, pauses={None: [PausedTime(at(2), at(20))]})
    assert told(runs) == ["a error 0 [0-1]", "a retry error 0 [20-21]"]


class TestWithoutARunner:
    """It is killed at minute 15; the next one starts at minute 35."""

    DOWN = (Down(at(15), at(35)),)

    def test_the_newest_occurrence_is_caught_up(self) -> None:
        runs = run_all(job("a", "schedule: '*/10 * * * *'\n"), down=self.DOWN, until=45)
        assert told(runs) == [
            "a ok 0 [0-1]",
            "a ok 10 [10-11]",
            "a missed:superseded 20",
            "a catch_up ok 30 [35-36]",
            "a ok 40 [40-41]",
        ]

    def test_all_are_caught_up_one_after_the_other(self) -> None:
        runs = run_all(job("a", "schedule: '*/10 * * * *'\ncatch_up: all\n"), down=self.DOWN, until=39)
        assert told(runs)[2:] == ["a catch_up ok 20 [35-36]", "a catch_up ok 30 [36-37]"]

    def test_none_is_caught_up(self) -> None:
        runs = run_all(job("a", "schedule: '*/10 * * * *'\ncatch_up: none\n"), down=self.DOWN, until=39)
        assert told(runs)[2:] == ["a missed:no_catch_up 20-30 x2"]

    def test_what_ran_is_interrupted_and_what_waited_waits_on(self) -> None:
        text = "schedule: '10 * * * *'\nretries: {limit: 1, delay: 1m, on: [interrupted]}\n"
        jobs = [job("a", text), job("b", "schedule: '10 * * * *'\n"), job("c", "schedule: '0 10 * * *'\n")]
        runs = run_all(*jobs, down=self.DOWN, slots=1, lasts=10, until=59)
        assert told(runs) == ["a interrupted 10 [10-35]", "b ok 10 [35-45]", "a retry ok 10 [45-55]"]

    def test_what_waited_too_long_is_missed(self) -> None:
        text = "schedule: '10 * * * *'\ncatch_up_window: 20m\n"
        runs = run_all(job("a", text), job("b", text), down=self.DOWN, slots=1, lasts=10)
        assert told(runs) == ["a interrupted 10 [10-35]", "b missed:late 10"]

    def test_work_elsewhere_goes_on(self) -> None:
        far = job("a", "schedule: '10 * * * *'\n")
        far = SimulatedJob(
            spec=far.spec, schedule=far.schedule, after=far.after, executor="far", outlives=True
        )
        assert told(run_all(far, down=self.DOWN, lasts=10)) == ["a ok 10 [10-35]"]
        assert told(run_all(far, down=self.DOWN, lasts=40)) == ["a ok 10 [10-50]"]

    def test_what_is_late_is_decided_about_in_the_order_of_its_times(self) -> None:
        jobs = [job("a", "schedule: '30 * * * *'\n"), job("b", "schedule: '20 * * * *'\n")]
        jobs += [job("c", "schedule: '30 * * * *'\npriority: 1\n"), job("d", "schedule: '35 * * * *'\n")]
        runs = run_all(*jobs, down=self.DOWN)
        assert [run.job_id for run in runs] == ["d", "b", "c", "a"]

    def test_what_is_late_and_finds_no_slot_waits_by_priority_and_then_by_its_time(self) -> None:
        """The oldest is decided about first, and has the slot; of the others priority counts first."""
        times = {"a": "31", "b": "25", "c": "33", "d": "20", "e": "29"}
        jobs = [
            job(name, f"schedule: '{minute} * * * *'\npriority: {1 if name == 'c' else 0}\n")
            for name, minute in times.items()
        ]
        runs = run_all(*jobs, down=(Down(at(15), at(45)),), slots=1, lasts=2)
        starts = sorted((minute_of(run.started_at), run.job_id) for run in runs)
        assert [name for _, name in starts] == ["d", "c", "b", "e", "a"]

    def test_what_is_late_is_spread(self) -> None:
        jobs = [job(name, "schedule: '20 * * * *'\n") for name in "abcd"]
        runs = run_all(*jobs, down=self.DOWN, catch_up_spread=minutes(8))
        assert [minute_of(run.started_at) for run in runs] == ["35", "37", "39", "41"]

    def test_what_a_runner_has_not_come_to_the_next_one_spreads_anew(self) -> None:
        jobs = [job(name, "schedule: '20 * * * *'\n") for name in "abcd"]
        down = (*self.DOWN, Down(at(38), at(50)))
        runs = run_all(*jobs, down=down, catch_up_spread=minutes(8), until=70)
        assert [(run.job_id, minute_of(run.started_at)) for run in runs] == [
            *(("a", "35"), ("b", "37"), ("c", "50"), ("d", "54")),
        ]

    def test_jobs_that_start_with_the_runner_have_their_moment(self) -> None:
        (run,) = run_all(job("a", "on_start: true\n"), down=self.DOWN)
        assert run.trigger is Trigger.START
        assert run.started_at is not None
        assert at(35) <= run.started_at < at(36)

    def test_what_it_does_after_the_end_is_not_looked_at(self) -> None:
        runs = run_all(job("a", "schedule: '*/10 * * * *'\n"), down=self.DOWN, until=30, lasts=7)
        assert told(runs) == ["a ok 0 [0-7]", "a running 10 [10-]"]

    def test_a_long_gap_is_decided_about_bit_by_bit(self) -> None:
        many = job("a", "schedule: '*/5 * * * * *'\ncatch_up: all\n")
        runs = run_all(many, down=self.DOWN, until=35, lasts=0)
        caught_up = [run for run in runs if run.trigger is Trigger.CATCH_UP and run.created_at == at(35)]
        assert len(caught_up) == 20 * 60 // 5 - 1 > PORTION
        assert {run.status for run in caught_up} == {RunStatus.OK}


class TestFromNowOn:
    """The play goes on with what runs and waits when it begins."""

    def test_what_runs_keeps_its_slot_for_the_rest_of_its_time(self) -> None:
        running = OpenRun("b", Trigger.MANUAL, None, at(-3), at(-3))
        jobs = [job("a", "schedule: '0 * * * *'\n"), job("b", "")]
        runs = run_all(*jobs, open_runs=[running], slots=1, lasts=10, until=59)
        assert told(runs) == ["b manual ok  [-3-7]", "a ok 0 [7-17]"]

    def test_what_has_taken_longer_than_usual_ends_now(self) -> None:
        running = OpenRun("a", Trigger.SCHEDULE, at(-30), at(-30), at(-30))
        assert told(run_all(job("a", ""), open_runs=[running])) == ["a ok -30 [-30-0]"]

    def test_what_waits_starts(self) -> None:
        waiting = OpenRun("a", Trigger.RETRY, at(-9), at(-5), None, attempt=2, not_before=at(4))
        assert told(run_all(job("a", ""), open_runs=[waiting])) == ["a retry ok -9 [4-5]"]

    def test_what_is_due_already_is_caught_up(self) -> None:
        late = job("a", "schedule: '*/10 * * * *'\n")
        late = SimulatedJob(spec=late.spec, schedule=late.schedule, after=at(-25), executor=LOCAL)
        runs = run_all(late, until=5)
        assert told(runs) == ["a missed:superseded -20--10 x2", "a ok 0 [0-1]"]


def test_two_plays_of_a_scenario_are_equal() -> None:
    text = "schedule: '*/7 * * * *'\noverlap_policy: queue\n"
    jobs = [job(name, text) for name in "abc"]
    assert told(run_all(*jobs, slots=1, lasts=3)) == told(run_all(*jobs, slots=1, lasts=3))
