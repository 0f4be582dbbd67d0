"""Parameters of runs, from every trigger to the environment of the script."""

import json

import pytest
from support.runs import HOLD, Place, Rig, job, occur, with_runner

from jeeves_runner.core.model import OverlapPolicy, Param, ParamType, Retries, RunStatus, Trigger
from jeeves_runner.core.run import Run
from jeeves_runner.db import secret_params
from jeeves_runner.db.run_requests import RunRequest
from jeeves_runner.errors import InvalidValue

SHOW = "env | grep ^JR_PARAM_ | sort"
DAY = Param(name="day", default="monday")
COUNT = Param(name="count", type=ParamType.INTEGER)
DRY = Param(name="dry", type=ParamType.BOOLEAN, default="false")
TOKEN = Param(name="token", secret=True)
DECLARED = (DAY, COUNT, DRY, TOKEN)
SECRET = "hunter2-in-a-parameter"


def values(run: Run) -> object:
    return None if run.params is None else json.loads(run.params)


def test_a_run_by_hand_gets_what_it_is_given_and_the_defaults_of_the_rest(place: Place) -> None:
    place.apply(job("a", SHOW, params=DECLARED))

    async def scenario(rig: Rig) -> Run:
        asked = await rig.runs.request("a", {"count": 5, "dry": True})
        return await rig.runs.wait(asked.id)

    run = with_runner(place, scenario)
    assert run.stdout == "JR_PARAM_COUNT=5\nJR_PARAM_DAY=monday\nJR_PARAM_DRY=true\n"
    assert values(run) == {"day": "monday", "count": "5", "dry": "true"}


@pytest.mark.parametrize("given", [{"dya": "x"}, {"count": "many"}, {"dry": 1}])
def test_what_does_not_fit_is_refused_and_leaves_no_row(place: Place, given: dict[str, object]) -> None:
    place.apply(job("a", SHOW, params=DECLARED))

    async def scenario(rig: Rig) -> None:
        with pytest.raises(InvalidValue):
            await rig.runs.request("a", given)
        await rig.runs.idle()
        assert rig.runs._board.running() == []

    with_runner(place, scenario)
    assert place.runs() == []


def test_a_refused_request_gives_its_slot_back(place: Place) -> None:
    place.apply(job("a", SHOW, params=DECLARED))

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            with pytest.raises(InvalidValue):
                await rig.runs.request("a", {"dya": "x"})
        asked = await rig.runs.request("a")
        await rig.runs.wait(asked.id)

    with_runner(place, scenario, max_concurrency=1)
    assert place.story() == ["ok"]


def test_occurrences_and_starts_get_the_defaults(place: Place) -> None:
    place.apply(job("a", SHOW, params=DECLARED))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "a")
        await rig.until_story("a", "ok")
        await rig.runs.idle()  # its place is free once the runner knows of that, too
        await rig.runs.enter(RunRequest(job_id="a", trigger=Trigger.START))
        await rig.until_story("a", "ok", "ok")

    with_runner(place, scenario)
    for run in place.runs():
        assert values(run) == {"day": "monday", "dry": "false"}
        assert run.stdout == "JR_PARAM_DAY=monday\nJR_PARAM_DRY=false\n"


def test_what_did_not_run_has_no_parameters(place: Place) -> None:
    place.apply(job("a", HOLD, params=DECLARED))

    async def scenario(rig: Rig) -> None:
        await occur(rig, "a")
        await occur(rig, "a", 1)

    with_runner(place, scenario)
    assert [run.params is None for run in place.runs()] == [False, True]


# Secrets


def test_a_secret_reaches_the_script_and_nothing_else(place: Place) -> None:
    place.apply(job("a", f'{SHOW}; [ "$JR_PARAM_TOKEN" = {SECRET[:3]}"{SECRET[3:]}" ]', params=DECLARED))

    async def scenario(rig: Rig) -> Run:
        asked = await rig.runs.request("a", {"token": SECRET})
        return await rig.runs.wait(asked.id)

    run = with_runner(place, scenario)
    assert run.status is RunStatus.OK
    assert run.stdout == "JR_PARAM_DAY=monday\nJR_PARAM_DRY=false\nJR_PARAM_TOKEN=***\n"
    assert values(run) == {"day": "monday", "dry": "false", "token": None}
    assert place.value("SELECT count(*) FROM secret_params") == 0


def test_that_a_secret_is_not_masked_is_logged(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    place.apply(job("a", params=DECLARED))

    async def scenario(rig: Rig) -> None:
        await rig.finish("a", {"token": "4711"})

    with_runner(place, scenario)
    assert any("parameter token: the secret is too short to be masked" in text for text in caplog.messages)
    assert "4711" not in caplog.text


def test_each_attempt_of_a_chain_has_its_values(place: Place) -> None:
    retries = Retries(limit=2, delay_ms=10)
    line = f'{SHOW}; printf %s "$JR_PARAM_TOKEN" | wc -c; exit 1'
    place.apply(job("a", line, params=DECLARED, retries=retries))

    async def scenario(rig: Rig) -> None:
        await rig.finish("a", {"token": SECRET, "day": "friday"})
        await rig.until_story("a", "error", "error", "error")

    with_runner(place, scenario)
    expected = f"JR_PARAM_DAY=friday\nJR_PARAM_DRY=false\nJR_PARAM_TOKEN=***\n{len(SECRET)}\n"
    assert [(run.stdout or "").replace(" ", "") for run in place.runs()] == [expected] * 3
    assert place.value("SELECT count(*) FROM secret_params") == 0


def test_a_run_that_waits_keeps_its_secret_over_a_restart(place: Place) -> None:
    place.apply(job("a", 'printf %s "$JR_PARAM_TOKEN" | wc -c', params=DECLARED))

    async def ask(rig: Rig) -> Run:
        return await rig.runs.request("a", {"token": SECRET})

    run = with_runner(place, ask, disk_full=lambda: True)
    assert place.story() == ["scheduled: disk_full"]
    assert secret_params.kept(place.conn, run.id) == {"token": SECRET}

    async def go_on(rig: Rig) -> Run:
        return await rig.runs.wait(run.id)

    assert (with_runner(place, go_on).stdout or "").strip() == str(len(SECRET))
    assert place.value("SELECT count(*) FROM secret_params") == 0


@pytest.mark.parametrize("policy", [OverlapPolicy.SKIP, OverlapPolicy.REPLACE, OverlapPolicy.QUEUE])
def test_a_run_that_does_not_start_leaves_no_secret(place: Place, policy: OverlapPolicy) -> None:
    place.apply(job("a", HOLD, params=DECLARED, overlap_policy=policy))

    async def scenario(rig: Rig) -> None:
        for _ in range(3):
            await rig.runs.request("a", {"token": SECRET})
        for run in place.runs():
            await rig.runs.cancel(run.id)
        await rig.runs.idle()

    with_runner(place, scenario)
    assert all(run.status.is_final for run in place.runs())
    assert place.value("SELECT count(*) FROM secret_params") == 0


def test_a_secret_that_is_not_kept_any_more_is_no_value(place: Place) -> None:
    """It was deleted by hand: the script must not start without it."""
    place.apply(job("a", SHOW, params=DECLARED))
    asked = place.request("a", {"token": SECRET})
    place.conn.execute("DELETE FROM secret_params")

    async def scenario(rig: Rig) -> Run:
        return await rig.runs.wait(asked.id)

    run = with_runner(place, scenario)
    assert (run.status, run.stdout) == (RunStatus.ERROR, None)
    assert "the value of the secret parameter token is not kept any more" in (run.message or "")


# A job that changes while a run waits


def changed(place: Place, given: dict[str, object], *params: Param, line: str = SHOW) -> Run:
    """A run that was asked for before the job declared these parameters."""
    place.apply(job("a", line, params=DECLARED))
    asked = place.request("a", given)
    place.apply(job("a", line, params=params))

    async def scenario(rig: Rig) -> Run:
        return await rig.runs.wait(asked.id)

    return with_runner(place, scenario)


def test_what_it_was_given_stays_and_the_rest_has_the_default_by_now(place: Place) -> None:
    run = changed(
        place, {"dry": True}, Param(name="day", default="sunday"), DRY, Param(name="region", default="eu")
    )
    assert run.stdout == "JR_PARAM_DAY=sunday\nJR_PARAM_DRY=true\nJR_PARAM_REGION=eu\n"
    assert values(run) == {"day": "sunday", "dry": "true", "region": "eu"}


def test_an_occurrence_that_waits_takes_whatever_its_job_declares_by_then(place: Place) -> None:
    """It was given no value, so nothing can have stopped fitting."""
    place.apply(job("a", SHOW, params=DECLARED))

    async def wait(rig: Rig) -> None:
        await occur(rig, "a")

    with_runner(place, wait, disk_full=lambda: True)
    assert place.story() == ["scheduled: disk_full"]
    place.apply(job("a", SHOW, params=(Param(name="region", default="eu"),)))

    async def go_on(rig: Rig) -> None:
        await rig.until_story("a", "ok")

    with_runner(place, go_on)
    assert place.runs()[0].stdout == "JR_PARAM_REGION=eu\n"


def test_a_retry_keeps_what_its_chain_was_given(place: Place) -> None:
    retries = Retries(limit=1, delay_ms=60_000)
    place.apply(job("a", f"{SHOW}; exit 1", params=DECLARED, retries=retries))

    async def fail(rig: Rig) -> None:
        await rig.finish("a", {"count": "7", "token": SECRET})

    with_runner(place, fail)
    place.apply(job("a", SHOW, params=(Param(name="day", default="sunday"), COUNT, TOKEN)))
    place.conn.execute("UPDATE runs SET not_before = created_at WHERE status = 'scheduled'")

    async def again(rig: Rig) -> None:
        await rig.until_story("a", "error", "ok")

    with_runner(place, again)
    first, second = (values(run) for run in place.runs())
    assert first == {"day": "monday", "count": "7", "dry": "false", "token": None}
    assert second == {"day": "sunday", "count": "7", "token": None}
    assert place.runs()[1].stdout == "JR_PARAM_COUNT=7\nJR_PARAM_DAY=sunday\nJR_PARAM_TOKEN=***\n"


@pytest.mark.parametrize(
    ("given", "params", "message"),
    [
        ({"day": "friday"}, [DRY], "there is no parameter day"),
        ({}, [DAY, DRY, Param(name="who", required=True)], "the parameter who is required"),
        ({"day": "monday"}, [Param(name="day", enum=("friday",))], "day must be friday, not monday"),
        ({"token": SECRET}, [DAY, DRY, Param(name="token", pattern="[0-9]+")], "token must match [0-9]+"),
    ],
)
def test_a_run_that_its_job_does_not_take_any_more_ends_and_runs_nothing(
    place: Place, given: dict[str, object], params: list[Param], message: str
) -> None:
    run = changed(place, given, *params, line="touch ran")
    assert (run.status, run.exit_code) == (RunStatus.ERROR, None)
    said = run.message or ""
    assert said.startswith("the job does not take the parameters of this run any more: ")
    assert message in said
    assert "trigger the job again" in said
    assert SECRET not in said
    assert not (place.root / "ran").exists()


def test_what_was_given_as_a_secret_stays_one(place: Place) -> None:
    run = changed(place, {"token": SECRET}, DAY, DRY, Param(name="token"))
    assert run.stdout is not None
    assert "JR_PARAM_TOKEN=***" in run.stdout
    assert values(run) == {"day": "monday", "dry": "false", "token": None}


def test_a_job_that_declares_nothing_any_more_takes_what_was_given(place: Place) -> None:
    assert changed(place, {"token": SECRET}).stdout == "JR_PARAM_TOKEN=***\n"


@pytest.mark.parametrize("text", ["no json", pytest.param("[" * 100_000, id="too deep")])
def test_parameters_that_another_program_has_written_end_the_run(place: Place, text: str) -> None:
    place.apply(job("a", SHOW, params=DECLARED))
    asked = place.request("a")
    place.conn.execute("UPDATE runs SET params = ?", (text,))

    async def scenario(rig: Rig) -> Run:
        return await rig.runs.wait(asked.id)

    run = with_runner(place, scenario)
    assert run.status is RunStatus.ERROR
    assert "the parameters of the run cannot be read" in (run.message or "")
