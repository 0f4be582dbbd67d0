"""What would follow: jobs that come after others, and jobs that need others, in a play."""

from support.playing import at, job, minutes, run_all, told

from jeeves_runner.core.after import Arrived
from jeeves_runner.core.causes import Causes
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.run import PausedTime
from jeeves_runner.core.simulation.scenario import Down, Ended, SimulatedRun, lasting

FIRST = job("first", "schedule: '*/20 * * * *'\n")
NEXT = job("next", "after: [first]\n")
ANY = job("any", "after: {jobs: [first], when: finished}\n")


def lines(*runs: SimulatedRun) -> list[str]:
    return [line for line in told([*runs]) if not line.startswith("first")]


class TestAfter:
    def test_a_job_starts_at_the_end_of_the_one_before_it_and_names_it(self) -> None:
        runs = run_all(FIRST, NEXT, until=25)
        assert told(runs) == [
            "first ok 0 [0-1]",
            "next after ok 0 [1-2]",
            "first ok 20 [20-21]",
            "next after ok 20 [21-22]",
        ]
        assert [run.caused_by for run in runs if run.job_id == "next"] == [Causes((1,)), Causes((3,))]
        assert [run.depth for run in runs] == [0, 1, 0, 1]

    def test_it_waits_for_all_of_them_and_consumes_all(self) -> None:
        jobs = [FIRST, job("second", "schedule: '50 * * * *'\n"), job("next", "after: [first, second]\n")]
        runs = run_all(*jobs, until=59)
        assert lines(*runs) == ["second ok 50 [50-51]", "next after ok  [51-52]"]
        assert runs[-1].caused_by == Causes((1, 2, 3, 4))

    def test_only_an_end_that_went_well_is_followed_unless_any_will_do(self) -> None:
        jobs = [
            FIRST,
            NEXT,
            ANY,
        ]
        fails = Ended(minutes(1), RunStatus.ERROR, exit_code=1)
        runs = run_all(*jobs, until=9, work=lambda run: fails if run.job_id == "first" else Ended(minutes(1)))
        assert lines(*runs) == ["any after ok 0 [1-2]"]
        idle = Ended(minutes(1), RunStatus.SKIPPED)
        assert lines(*run_all(*jobs, until=9, work=lambda _: idle)) == []

    def test_a_chain_is_followed_once_its_last_attempt_is_over(self) -> None:
        text = "schedule: '0 * * * *'\nretries: {limit: 1, delay: 5m}\n"
        jobs = [job("first", text), ANY]
        fails = Ended(minutes(1), RunStatus.ERROR, exit_code=1)
        assert lines(*run_all(*jobs, until=30, work=lambda _: fails)) == ["any after error 0 [7-8]"]

    def test_of_ends_that_come_while_it_runs_one_run_follows(self) -> None:
        often = job("first", "schedule: '*/5 * * * *'\n")
        runs = run_all(often, NEXT, until=19, work=lasting({"next": minutes(12)}, minutes(1)))
        assert lines(*runs) == ["next after ok 0 [1-13]", "next after running  [13-]"]
        assert runs[-2].caused_by == Causes((3, 4))

    def test_of_ends_in_a_pause_one_run_follows_at_its_end(self) -> None:
        pauses = {"next": [PausedTime(at(0), at(45))]}
        runs = run_all(FIRST, NEXT, until=50, pauses=pauses)
        assert lines(*runs) == ["next after ok  [45-46]"]

    def test_side_by_side_each_is_followed_at_once(self) -> None:
        often = job("first", "schedule: '*/5 * * * *'\n")
        work = lasting({"next": minutes(12)}, minutes(1))
        runs = run_all(often, job("next", "after: [first]\noverlap_policy: allow\n"), until=9, work=work)
        assert lines(*runs) == ["next after running 0 [1-]", "next after running 5 [6-]"]

    def test_a_newer_one_replaces_it(self) -> None:
        often = job("first", "schedule: '*/5 * * * *'\n")
        work = lasting({"next": minutes(12)}, minutes(1))
        runs = run_all(often, job("next", "after: [first]\noverlap_policy: replace\n"), until=9, work=work)
        assert lines(*runs) == ["next after cancelled 0 [1-6]", "next after running 5 [6-]"]

    def test_it_does_not_overtake_what_waits(self) -> None:
        jobs = [job("first", "schedule: '0 * * * *'\n"), job("other", "schedule: '0 * * * *'\n")]
        runs = run_all(*jobs, NEXT, slots=1, until=9)
        assert lines(*runs) == ["other ok 0 [1-2]", "next after ok 0 [2-3]"]

    def test_what_a_kill_has_interrupted_is_followed_where_any_end_will_do(self) -> None:
        jobs = [
            FIRST,
            NEXT,
            ANY,
        ]
        runs = run_all(*jobs, lasts=5, until=18, down=[Down(at(2), at(8))])
        assert lines(*runs) == ["any after ok 0 [8-13]"]

    def test_a_chain_of_jobs_ends_where_it_is_too_deep(self) -> None:
        jobs = [FIRST, *(job(name, f"after: [{before}]\n") for before, name in [("first", "b"), ("b", "c")])]
        runs = run_all(*jobs, until=9, depth_limit=1)
        assert lines(*runs) == ["b after ok 0 [1-2]", "c after skipped:depth 0"]

    def test_what_had_arrived_before_counts(self) -> None:
        arrived = {"next": {"second": Arrived(1, 0, ((0, None),))}}
        runs = run_all(FIRST, job("next", "after: [first, second]\n"), until=9, arrived=arrived)
        assert lines(*runs) == ["next after ok  [1-2]"]
        complete = {"next": {"first": Arrived(1, 0, ((0, at(-20)),))}}
        runs = run_all(FIRST, NEXT, until=0.5, arrived=complete)
        assert lines(*runs) == ["next after running -20 [0-]"]


class TestNeeds:
    NEEDY = "schedule: '*/10 * * * *'\nneeds: {job: first, within: 15m%s}\n"

    def test_an_occurrence_is_skipped_where_what_it_needs_is_too_old(self) -> None:
        runs = run_all(FIRST, job("needy", self.NEEDY % ""), until=49)
        assert lines(*runs) == [
            *("needy skipped:needs 0", "needy ok 10 [10-11]"),
            *("needy skipped:needs 20", "needy ok 30 [30-31]", "needy skipped:needs 40"),
        ]
        assert [run.reason_ref for run in runs if run.status is RunStatus.SKIPPED] == ["first"] * 3

    def test_it_starts_at_the_end_that_it_waits_for(self) -> None:
        runs = run_all(FIRST, job("needy", self.NEEDY % ", wait: 5m"), until=29, lasts=4)
        assert lines(*runs) == ["needy ok 0 [4-8]", "needy ok 10 [10-14]", "needy ok 20 [24-28]"]
        assert [run.waited_for for run in runs if run.job_id == "needy"] == ["needs", None, "needs"]

    def test_it_is_skipped_at_the_end_of_its_wait_also_without_a_free_slot(self) -> None:
        runs = run_all(FIRST, job("needy", self.NEEDY % ", wait: 3m"), slots=1, until=9, lasts=8)
        (needy,) = (run for run in runs if run.job_id == "needy")
        assert lines(needy) == ["needy skipped:needs 0"]
        assert needy.finished_at == at(3)

    def test_what_ended_before_the_play_counts(self) -> None:
        last_ok = {"first": at(-10)}
        runs = run_all(FIRST, job("needy", self.NEEDY % ""), until=0.5, last_ok=last_ok)
        assert lines(*runs) == ["needy running 0 [0-]"]
