"""Prechecks: what runs first, and says whether there is anything to do."""

import asyncio
import os
import shlex
import signal
import sys
from typing import Any

import pytest
from support.db import child, expect
from support.launches import is_alive
from support.logs import log_file
from support.runs import HOLD, Place, Rig, job, occur, until_there, with_runner

from jeeves_runner.core.model import (
    CancelCause,
    ExitCodes,
    JobSpec,
    OverlapPolicy,
    Precheck,
    Retries,
    RunStatus,
    Secret,
)
from jeeves_runner.core.run import Run
from jeeves_runner.db.runner import begin_epoch
from jeeves_runner.db.writer import Priority


def checked(place: Place, check: str, main: str = "echo main", **fields: Any) -> JobSpec:
    return job("checked", main, precheck=Precheck(run=check), cwd=str(place.root), **fields)


def finished(place: Place, check: str, main: str = "echo main", **fields: Any) -> Run:
    place.apply(checked(place, check, main, **fields))
    return with_runner(place, lambda rig: rig.finish("checked"))


def logged(place: Place, run: Run) -> str:
    return log_file(place.root / "data", run.id, run.job_id).read_text()


# What its end means


def test_exit_code_0_lets_the_main_part_start(place: Place) -> None:
    run = finished(place, "echo there is mail", "echo fetched; exit 3", exit_codes=ExitCodes(ok=(3,)))
    assert (run.status, run.exit_code, run.message, run.reason) == ("ok", 3, None, None)
    assert (run.stdout, run.stderr) == ("fetched\n", None)
    assert logged(place, run) == "there is mail\nfetched\n"


def test_exit_code_10_skips_the_run_and_says_why(place: Place) -> None:
    run = finished(place, "echo no mail; echo at all; exit 10", retries=Retries(limit=1, delay_ms=0))
    assert (run.status, run.reason, run.message) == ("skipped", "precheck", "no mail\nat all")
    assert (run.exit_code, run.stdout, run.script_hash) == (10, "no mail\nat all\n", None)
    assert run.started_at is not None
    assert run.duration_ms is not None
    assert logged(place, run) == "no mail\nat all\n"
    assert place.story() == ["skipped: precheck"]


@pytest.mark.parametrize(
    ("check", "code", "signal_name", "message"),
    [
        ("exit 3", 3, None, "precheck: exit code 3"),
        ("kill -9 $$", None, "SIGKILL", "precheck: killed by SIGKILL"),
        ("exit 78", 78, None, "precheck: exit code 78"),
    ],
)
def test_another_end_is_an_error(
    place: Place, check: str, code: int | None, signal_name: str | None, message: str
) -> None:
    """The exit codes of the job are those of its main part."""
    run = finished(place, check, exit_codes=ExitCodes(ok=(3,), skip=(78,)))
    assert (run.status, run.exit_code, run.signal, run.message) == ("error", code, signal_name, message)
    assert run.reason is None


def test_what_cannot_be_started_is_an_error_of_the_precheck(place: Place) -> None:
    place.apply(job("checked", precheck=Precheck(script=str(place.root / "missing.sh"))))
    run = with_runner(place, lambda rig: rig.finish("checked"))
    assert run.status is RunStatus.ERROR
    assert (run.message or "").startswith("precheck: ")
    assert "missing.sh" in (run.message or "")


def test_a_script_and_a_command_serve_as_well(place: Place) -> None:
    script = place.root / "check.sh"
    script.write_text("#!/bin/sh\necho by the script\nexit 10\n")
    script.chmod(0o755)
    place.apply(
        job("script", precheck=Precheck(script=str(script))),
        job("command", args=("ignored",), precheck=Precheck(command=("sh", "-c", "echo $#; exit 10"))),
    )

    async def scenario(rig: Rig) -> list[str | None]:
        return [(await rig.finish(name)).message for name in ("script", "command")]

    assert with_runner(place, scenario) == ["by the script", "0"]


def test_it_has_the_environment_of_the_run(place: Place) -> None:
    check = 'echo "$A $JR_RUN_ID $JR_ATTEMPT $JR_PARAM_DAY $(basename "$PWD")"; exit 10'
    place.apply(checked(place, check, env=(("A", "a"),)))
    run = with_runner(place, lambda rig: rig.finish("checked", {"DAY": "mon"}))
    assert run.message == f"a {run.id} 1 mon {place.root.name}"


# When it ran


def test_the_times_of_a_run_are_those_of_its_main_part(place: Place) -> None:
    run = finished(place, "sleep 0.3; date -u +%s%3N > checked", "date -u +%s%3N")
    assert run.started_at is not None
    assert run.duration_ms is not None
    assert run.finished_at is not None
    checked_at, main_at = int((place.root / "checked").read_text()), int(run.stdout or "")
    assert checked_at <= round(run.started_at.timestamp() * 1000) <= main_at
    assert run.duration_ms <= round(run.finished_at.timestamp() * 1000) - checked_at + 2  # all are rounded
    assert (run.started_at - run.created_at).total_seconds() >= 0.3


def test_the_timeout_begins_with_the_main_part(place: Place) -> None:
    """It is that of the precheck as well, from its own beginning."""
    run = finished(place, "sleep 0.5", HOLD, timeout_ms=2000)
    assert (run.status, run.cancel_cause) == ("timeout", "timeout")
    assert run.duration_ms is not None
    assert run.duration_ms >= 2000


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(place: Place) -> None:
    """The limit is 30 s, or the timeout of the job if that is shorter."""
    child = "(setsid sleep 60 & echo $! > child)"
    check = f"echo waiting; {child}; trap 'exit 0' TERM; while :; do sleep 0.01 || true; done"
    run = finished(place, check, timeout_ms=1500, retries=Retries(limit=1, delay_ms=60_000))
    assert (run.status, run.message) == ("error", "precheck: it took longer than 1.5 s")
    assert (run.cancel_cause, run.stdout) == (None, "waiting\n")
    assert not is_alive(int((place.root / "child").read_text()))
    assert place.story() == ["error", "scheduled: retry"]


def test_what_it_leaves_behind_is_killed_before_the_main_part_starts(place: Place) -> None:
    check = "setsid sleep 60 & echo $! > child"
    main = "kill -0 $(cat child) 2> /dev/null && exit 3; echo alone"
    assert finished(place, check, main).stdout == "alone\n"


# Its output


def test_the_log_has_both_parts_in_their_order_and_on_lines_of_their_own(place: Place) -> None:
    run = finished(place, "echo looking; printf 'no line end'", "echo main; echo err >&2; exit 1")
    assert logged(place, run).startswith("looking\nno line end\n")
    assert sorted(logged(place, run).splitlines()) == ["err", "looking", "main", "no line end"]
    assert (run.stdout, run.stderr) == ("main\n", "err\n")


def test_a_result_is_that_of_the_part_that_ended_the_run(place: Place) -> None:
    result = """echo 'JR_RESULT:{"tokens": %d}'"""
    assert finished(place, result % 1, "true").tokens is None
    assert finished(place, result % 1, result % 2).tokens == 2
    skipped = finished(place, f"echo nothing; {result % 1}; exit 10")
    assert (skipped.tokens, skipped.message) == (1, "nothing")


def test_secrets_are_masked_in_its_message(place: Place) -> None:
    (place.root / "token").write_text("hunter2-secret")
    secret = Secret(kind="file", ref=str(place.root / "token"))
    run = finished(place, "echo no mail for $TOKEN; exit 10", env=(("TOKEN", secret),))
    assert run.message == "no mail for ***"
    run = finished(place, "printf %s $TOKEN", "echo $TOKEN", env=(("TOKEN", secret),))
    assert logged(place, run) == "***\n***\n"


@pytest.mark.parametrize("line", ["x" * 79 + "\n", "x"])
def test_of_a_long_output_the_message_has_the_end(place: Place, line: str) -> None:
    count = 10_000_000 // len(line)
    code = f"import sys; print({line!r} * {count}, end=''); print('the end'); sys.exit(10)"
    run = finished(place, f"exec {shlex.quote(sys.executable)} -c {shlex.quote(code)}")
    assert (run.status, run.reason) == ("skipped", "precheck")
    assert run.message == "…" + ((line * 1000) + "the end")[-999:]


# Attempts and overlap


def test_each_attempt_has_its_precheck_and_one_that_skips_ends_the_chain(place: Place) -> None:
    check = 'test "$JR_ATTEMPT" = 1 && exit 3; test "$JR_ATTEMPT" = 2 || exit 10'
    place.apply(checked(place, check, "exit 4", retries=Retries(limit=5, delay_ms=0)))

    async def scenario(rig: Rig) -> None:
        await rig.finish("checked")
        await rig.until_story("checked", "error", "error", "skipped: precheck")

    with_runner(place, scenario)
    assert [run.message for run in place.runs()] == ["precheck: exit code 3", "exit code 4", None]


@pytest.mark.parametrize(("code", "attempts"), [(75, 2), (76, 1)])
def test_exit_codes_that_are_tried_again_are_those_of_the_precheck_too(
    place: Place, code: int, attempts: int
) -> None:
    retries = Retries(limit=1, delay_ms=0, on_exit_codes=(75,))
    place.apply(checked(place, f"exit {code}", retries=retries))

    async def scenario(rig: Rig) -> None:
        await rig.finish("checked")
        await rig.until_story("checked", *["error"] * attempts)

    with_runner(place, scenario)


def test_force_does_not_skip_it(place: Place) -> None:
    place.apply(checked(place, "exit 10"))

    async def scenario(rig: Rig) -> Run:
        run = await rig.runs.request("checked", force=True)
        return await rig.runs.wait(run.id)

    assert with_runner(place, scenario).status is RunStatus.SKIPPED


def test_a_precheck_is_a_run_that_runs(place: Place) -> None:
    """It holds a slot, and counts for overlap."""
    place.apply(checked(place, waits_in(place)), job("other"))

    async def scenario(rig: Rig) -> None:
        await begun(rig, place)
        await occur(rig, "checked")
        await rig.until_story("checked", "running", "skipped: overlap")
        assert (await rig.runs.request("other")).reason == "limit"
        (place.root / "go").touch()
        await rig.until_story("checked", "ok", "skipped: overlap")
        await rig.until_story("other", "ok")

    with_runner(place, scenario, max_concurrency=1)


def waits_in(place: Place) -> str:
    """Shell that says that it has begun, and waits until it may go on."""
    return f"echo x >> {place.root}/begun; {until_there(place.root / 'go')}"


async def begun(rig: Rig, place: Place) -> Run:
    run = await rig.runs.request("checked")
    await rig.until((place.root / "begun").exists)
    return run


def test_replace_ends_a_run_in_its_precheck(place: Place) -> None:
    check = f"test -e {place.root}/begun && exit 0; {waits_in(place)}"
    place.apply(checked(place, check, overlap_policy=OverlapPolicy.REPLACE))

    async def scenario(rig: Rig) -> None:
        await begun(rig, place)
        await occur(rig, "checked")
        await rig.until_story("checked", "cancelled", "ok")

    with_runner(place, scenario)
    assert place.runs()[0].cancel_cause is CancelCause.REPLACED


# Ends that are asked for


def test_a_run_is_cancelled_in_its_precheck(place: Place) -> None:
    place.apply(checked(place, waits_in(place), "touch main"))

    async def scenario(rig: Rig) -> Run:
        run = await begun(rig, place)
        await rig.runs.cancel(run.id)
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario)
    assert (run.status, run.cancel_cause, run.reason) == ("cancelled", "cancel", None)
    assert run.message == "cancelled on request (killed by SIGTERM)"
    assert not (place.root / "main").exists()


@pytest.mark.parametrize("code", [0, 10])
def test_a_precheck_that_answers_a_request_to_end_is_cancelled_all_the_same(place: Place, code: int) -> None:
    check = f"trap 'exit {code}' TERM; touch begun; while :; do sleep 0.01 || true; done"
    place.apply(checked(place, check, "touch main"))

    async def scenario(rig: Rig) -> Run:
        run = await begun(rig, place)
        await rig.runs.cancel(run.id)
        return await rig.runs.wait(run.id)

    assert with_runner(place, scenario).status is RunStatus.CANCELLED
    assert not (place.root / "main").exists()


def test_a_runner_that_stops_ends_a_precheck(place: Place) -> None:
    place.apply(checked(place, waits_in(place), "touch main"))
    with_runner(place, lambda rig: begun(rig, place))
    (run,) = place.runs()
    assert (run.status, run.cancel_cause) == ("interrupted", "shutdown")
    assert not (place.root / "main").exists()


def test_a_cancel_between_the_parts_keeps_the_main_part_from_starting(place: Place) -> None:
    """While the row is being told of the main part, which waits for another program's lock."""
    place.apply(checked(place, waits_in(place), "touch main"))

    async def scenario(rig: Rig) -> Run:
        run = await begun(rig, place)
        (attempt,) = rig.runs._board.running()
        assert attempt.execution is not None
        place.conn.execute("BEGIN IMMEDIATE")
        (place.root / "go").touch()
        while attempt.execution.handle is not None:  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)
        asked = asyncio.create_task(rig.runs.cancel(run.id))
        while not attempt.execution.is_asked_to_end():  # noqa: ASYNC110 - after the patience for its cause
            await asyncio.sleep(0.01)
        place.conn.execute("COMMIT")
        await asked
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario)
    assert (run.status, run.cancel_cause) == ("cancelled", "cancel")
    assert not (place.root / "main").exists()


def test_a_runner_with_a_successor_starts_no_main_part(place: Place) -> None:
    place.apply(checked(place, waits_in(place), "touch main"))

    async def scenario(rig: Rig) -> None:
        await begun(rig, place)
        with place.write() as tx:
            begin_epoch(tx, os.getpid(), "another boot")
        (place.root / "go").touch()
        await rig.until(lambda: not rig.runs._board.running())

    with_runner(place, scenario)
    assert not (place.root / "main").exists()


def test_a_main_part_whose_start_cannot_be_recorded_does_not_start(place: Place) -> None:
    place.apply(checked(place, waits_in(place), "touch main"))

    async def scenario(rig: Rig) -> Run:
        run = await begun(rig, place)
        rig.writer.failing.add(Priority.START)
        (place.root / "go").touch()
        return await rig.runs.wait(run.id)

    run = with_runner(place, scenario)
    assert (run.status, run.message) == ("error", "the disk is full")
    assert not (place.root / "main").exists()


# A runner that is killed

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.runs import Place, running

async def main():
    place = Place(Path(sys.argv[1]))
    async with running(place) as rig:
        await rig.runs.request("checked")
        await rig.until((place.root / sys.argv[2]).exists)
        print("working", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


WORKS = "echo $$ > pid; mv pid at; exec sleep 60"


@pytest.mark.parametrize(("check", "main"), [(WORKS, "true"), ("true", WORKS)], ids=["precheck", "main"])
def test_what_a_killed_runner_leaves_of_either_part_is_ended(place: Place, check: str, main: str) -> None:
    place.apply(checked(place, check, main))
    with child(RUNNER, place.root, "at") as runner:
        expect(runner, "working")
        runner.send_signal(signal.SIGKILL)
    with_runner(place, lambda rig: rig.until_story("checked", "interrupted"))
    assert not is_alive(int((place.root / "at").read_text()))
