"""Runs as sessions of an agent: how they begin, what is said of them, how they end."""

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.gateway import (
    OLDEST,
    WITHOUT_TIMEOUT,
    Double,
    Settings,
    answer,
    double,
    double_process,
    drop,
    no_status,
)
from support.server import until
from support.session_runs import Noted, order, play, sessions

from jeeves_runner.core.model import Param, ParamType, SourceType
from jeeves_runner.core.outcome import Finished, Lost
from jeeves_runner.errors import InvalidValue, JeevesError, StartFailed
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.session.handle import SessionHandle


@pytest.fixture(scope="module")
def shared() -> Iterator[Double]:
    """Its clock is twenty times as fast as ours."""
    with double(Settings(speed=20)) as far:
        yield far


@pytest.fixture
def far(shared: Double) -> Iterator[Double]:
    shared.forget()
    yield shared
    shared.switch_off()


def end_of(far: Double, of: Order) -> tuple[Finished, Noted]:
    """Run it; how it ended."""

    async def scenario() -> tuple[Finished, Noted]:
        async with sessions(far) as runner:
            ending, sink = await runner.run(of)
            assert isinstance(ending, Finished)
            return ending, sink

    ended: tuple[Finished, Noted] = play(scenario)
    return ended


def refusal(far: Double, of: Order) -> JeevesError:
    async def scenario() -> None:
        async with sessions(far) as runner:
            await runner.start(of)

    with pytest.raises((StartFailed, InvalidValue)) as caught:
        play(scenario)
    return caught.value


@pytest.mark.parametrize(
    ("task", "timeout", "status", "tokens"),
    [
        ("MODE:echo=done", None, "ok", 1234),
        ("MODE:slow=5", None, "ok", 1234),
        ("MODE:empty", None, "ok", 1234),
        ("MODE:steps=3:1", None, "ok", 4 * 1234),
        ("MODE:err=400", None, "error", 0),
        ("MODE:err=500", None, "error", 0),
        ("MODE:hang", 3, "timeout", 0),
    ],
)
def test_a_run_ends_as_its_session_does(
    far: Double, task: str, timeout: float | None, status: str, tokens: int
) -> None:
    ending, sink = end_of(far, order(task, timeout=timeout))
    assert (ending.status, ending.tokens, ending.model) == (status, tokens, "fake/fake-1")
    assert (ending.message is None) == (status == "ok")
    assert ending.text is not None
    assert sink.output == ending.text.encode()


def test_what_the_agent_said_last_is_the_output(far: Double) -> None:
    _, sink = end_of(far, order('MODE:echo=JR_RESULT:{"tokens":5}'))
    assert sink.output == b'JR_RESULT:{"tokens":5}'
    assert far.token in sink.secrets
    assert (
        sink.script_hash == hashlib.blake2b(b'MODE:echo=JR_RESULT:{"tokens":5}', digest_size=16).hexdigest()
    )


def test_secret_parameters_are_masked_in_what_an_agent_repeats(far: Double) -> None:
    spec, run = order()
    run = run._replace(params={"WHO": "me", "KEY": "hunter2"}, secret_params=frozenset({"KEY"}))
    work = Order(spec, run)
    assert end_of(far, work)[1].secrets == (far.token, "hunter2")

    async def scenario() -> None:
        async with sessions(far) as runner:
            assert await runner.executor.secrets(work) == (far.token, "hunter2")

    play(scenario)


def test_more_secrets_than_can_be_masked_are_refused(far: Double) -> None:
    spec, run = order()
    names = [f"KEY{number}" for number in range(5)]
    run = run._replace(params=dict.fromkeys(names, "x" * 64 * 1024), secret_params=frozenset(names))
    assert refusal(far, Order(spec, run)).message.startswith("the secrets of the run have 321 KiB together")
    assert not far.counts()


def test_a_long_text_comes_whole(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:long=100000"))
    assert ending.message is None
    assert len(sink.output) >= 100_000
    assert b"truncated" not in sink.output


def test_where_the_whole_text_cannot_be_had_the_cut_is_said(far: Double) -> None:
    far.switch_on(drop("sessions.get", times=None))
    ending, sink = end_of(far, order("MODE:long=100000"))
    assert ending.status == "ok"
    assert ending.message is not None
    assert ending.message == "the gateway has cut the text after 8,000 characters"
    assert len(sink.output) < 9000
    unmet, _ = end_of(far, order("MODE:long=100000", 2, expect_result="json"))
    assert unmet.status == "error"
    assert unmet.message is not None
    assert unmet.message.endswith("the gateway has cut the text")


def test_what_is_expected_of_the_text_is_held_to(far: Double) -> None:
    assert end_of(far, order("MODE:echo=[1]", 1, expect_result="json"))[0].status == "ok"
    assert end_of(far, order("MODE:echo=done", 2, expect_result="d.ne"))[0].status == "ok"
    ending, sink = end_of(far, order("MODE:echo=sorry", 3, expect_result="json"))
    assert ending.status == "error"
    assert ending.message == "expected an object or a list as JSON, and got 'sorry'"
    assert (sink.output, ending.tokens) == (b"sorry", 1234)


@pytest.mark.parametrize(
    ("session", "words", "hint"),
    [
        ({"thinking": "wild"}, 'Invalid thinking level "wild"', None),
        ({"model": "nobody/x"}, "Unknown model: nobody/x", None),
        ({"agent_id": "other"}, "agentId is not allowed", "agents.defaults.subagents.allowAgents"),
    ],
)
def test_a_refusal_is_told_in_the_gateway_s_words(
    far: Double, session: dict[str, Any], words: str, hint: str | None
) -> None:
    error = refusal(far, order(**session))
    assert error.message.startswith("the gateway refuses the session: ")
    assert words in error.message
    assert (error.hint is None) == (hint is None)
    assert (hint or "") in (error.hint or "")
    assert far.counts()["sessions_spawn"] == 1


def test_a_tool_that_http_may_not_use_names_the_setting() -> None:
    with double(Settings(allow=())) as far:
        error = refusal(far, order())
    assert "Tool not available: sessions_spawn" in error.message
    assert error.hint is not None
    assert "gateway.tools.allow" in error.hint


def test_an_older_gateway_s_refusal_that_names_a_key_is_one() -> None:
    with double(Settings(version=OLDEST)) as far:
        assert "Invalid thinking level" in refusal(far, order(thinking="wild")).message


def test_only_what_a_job_may_choose_is_sent(far: Double) -> None:
    """An agent at the top of the request would run past the list of those allowed."""
    seen: list[tuple[str, dict[str, object], str | None]] = []

    async def scenario() -> None:
        async with sessions(far) as runner:
            gateway = runner.executor._gateway
            invoke = gateway.invoke

            async def noted(tool: str, args: dict[str, object], *, parent: str | None = None) -> object:
                seen.append((tool, dict(args), parent))
                return await invoke(tool, args, parent=parent)

            gateway.invoke = noted  # type: ignore[method-assign,assignment]
            await runner.run(
                order("MODE:ok", 7, timeout=0.2, agent_id="main", model="fake/x", thinking="low")
            )

    play(scenario)
    tool, args, parent = seen[0]
    label = str(args.pop("label"))
    assert (tool, parent) == ("sessions_spawn", "agent:main:runner-job")
    assert label.startswith("jr-job-7-")
    assert args == {
        "task": "MODE:ok",
        "thinking": "low",
        "model": "fake/x",
        "agentId": "main",
        "runTimeoutSeconds": 1,
        "expectsCompletionMessage": False,
    }


def test_a_gateway_that_knows_no_timeout_gets_none() -> None:
    with double(Settings(version=WITHOUT_TIMEOUT, speed=20)) as far:
        ending, _ = end_of(far, order("MODE:ok", timeout=60))
        assert ending.status == "ok"
        assert far.counts()["sessions_spawn"] == 2


def test_an_older_gateway_tells_the_last_prompt_alone() -> None:
    with double(Settings(version=OLDEST, speed=20)) as far:
        ending, _ = end_of(far, order("MODE:steps=2:1"))
        assert (ending.status, ending.tokens) == ("ok", 1200)
        assert ending.text
        assert end_of(far, order("MODE:err=400", 2))[0].status == "error"


def test_a_parent_has_five_children_at_once_and_the_sixth_waits(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            started = [await runner.start(order("MODE:slow=10", run_id)) for run_id in range(1, 6)]
            sixth = asyncio.create_task(runner.run(order("MODE:ok", 6)))
            ended = [await runner.executor.wait(handle, sink) for handle, sink in started]
            ending, sink = await sixth
            assert {each.status for each in (*ended, ending) if isinstance(each, Finished)} == {"ok"}
            assert "waits for a free place of its parent at the gateway: " in sink.said[0]
            assert "max active children" in sink.said[0]
            other = await runner.run(order("MODE:ok", 7, job="other"))
            assert other[1].said == []

    play(scenario)


def test_a_run_in_the_gateway_s_lane_says_so() -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            first, _ = await runner.start(order("MODE:slow=20", 1))
            handle, sink = await runner.start(order("MODE:slow=4", 2))
            waiting = asyncio.create_task(runner.executor.wait(handle, sink))
            await sink.until_said("waits in the gateway's lane")
            await runner.executor.wait(first, Noted())
            await waiting
            assert sink.said[-1] == ""

    with double(Settings(lane=1, speed=20)) as far:
        play(lambda: scenario(far))


def test_a_gateway_that_is_away_is_waited_for() -> None:
    async def scenario(far: Double) -> None:
        far.kill()
        async with sessions(far) as runner:
            sink = Noted()
            start = asyncio.create_task(runner.executor.start(order(), sink))
            await sink.until_said("waits for the gateway: the gateway cannot be reached")
            await asyncio.to_thread(far.start)
            ending = await runner.executor.wait(await start, sink)
            assert isinstance(ending, Finished)
            assert ending.status == "ok"
            assert far.counts()["sessions_spawn"] == 1

    with double() as far:
        play(lambda: scenario(far))


def test_a_gateway_that_is_starting_or_draining_is_waited_for(far: Double) -> None:
    headers = {"Retry-After": "0.2"}
    body = '{"error":{"message":"Gateway is draining for restart; try again shortly."}}'
    starting = (
        '{"ok":true,"result":{"details":{"status":"error","childSessionKey":"agent:main:subagent:no",'
        '"error":"agent unavailable during gateway startup"}}}'
    )
    far.switch_on(answer("sessions_spawn", 503, body, headers=headers))
    far.switch_on(answer("sessions_spawn", 200, starting))
    ending, sink = end_of(far, order())
    assert ending.status == "ok"
    assert sink.said == [
        "waits for the gateway: Gateway is draining for restart; try again shortly.",
        "waits for the gateway: agent unavailable during gateway startup",
        "",
    ]
    assert far.counts() | {"sessions_list": 0, "history": 0} == {
        "sessions_spawn": 3,
        "sessions_list": 0,
        "history": 0,
    }


def test_what_is_wrong_while_it_is_watched_is_said_and_waited_out(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:slow=10"))
            far.switch_on(answer("sessions_list", 502, "", times=2), no_status(times=3))
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Finished)
            assert ending.status == "ok"
            assert sink.said == ["nothing is known of it for now: HTTP status 502", ""]

    play(scenario)


def test_history_that_fails_is_asked_for_again(far: Double) -> None:
    far.switch_on(drop("history", times=3))
    assert end_of(far, order())[0].status == "ok"


def test_a_gateway_that_was_killed_fails_what_ran(tmp_path: Path) -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            handle, sink = await runner.start(order("MODE:hang"))
            await asyncio.to_thread(until, far.model_calls)
            await asyncio.to_thread(far.restart)
            ending = await runner.executor.wait(handle, sink)
            assert isinstance(ending, Finished)
            assert ending.status == "error"
            assert ending.message is not None
            assert "interrupted by a Gateway restart" in ending.message

    with double_process(Settings(speed=50, state=str(tmp_path / "state"))) as far:
        play(lambda: scenario(far))


def test_a_session_ends_when_its_children_have_and_their_tokens_are_its_own() -> None:
    task = 'MODE:tools=[["sessions_spawn",{"task":"MODE_:steps=2:2","label":"child"}]]'.replace(
        "MODE_", "MO\\u0044E"
    )

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            ending, sink = await runner.run(order(task))
            assert isinstance(ending, Finished)
            assert ending.status == "ok"
            assert ending.tokens == (2 + 3) * 1234
            assert ending.span is not None
            assert ending.span.duration_ms >= 3 * 2000 / far.settings.speed  # the child's three calls
            assert "waits for the sessions that it has begun" in sink.said

    with double(Settings(speed=10)) as far:
        play(lambda: scenario(far))


def test_over_max_tokens_it_is_cancelled(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:steps=50:4", max_tokens=2000))
    assert ending.status == "error"
    assert ending.message is not None
    assert ending.message.startswith("over max_tokens: it has used ")
    assert ending.message.endswith(" of 2,000")
    assert ending.tokens is not None
    assert 2000 < ending.tokens < 51 * 1234
    assert sink.tokens[0] < sink.tokens[-1] <= ending.tokens


def test_what_counts_for_a_day_is_known_while_it_runs(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:steps=9:1", max_tokens_per_day=1))
    assert (ending.status, ending.tokens) == ("ok", 10 * 1234)
    assert 0 < sink.tokens[0] < 10 * 1234
    assert not any(end_of(far, order("MODE:steps=3:1", run_id=2))[1].tokens)


def test_a_prompt_may_stand_in_a_file(far: Double, tmp_path: Path) -> None:
    def of(path: Path, run_id: int) -> Order:
        spec, run = order(run_id=run_id)
        return Order(spec._replace(source_type=SourceType.PROMPT_FILE, script=str(path)), run)

    prompt = tmp_path / "prompt.md"
    prompt.write_text("say it: MODE:echo={{ job.id }}")
    ending, sink = end_of(far, of(prompt, 1))
    assert ending.text == "job"
    assert sink.script_hash == hashlib.blake2b(prompt.read_bytes(), digest_size=16).hexdigest()
    prompt.write_text("MODE:echo=other")
    assert end_of(far, of(prompt, 2))[0].text == "other"
    prompt.write_bytes(b"x" * (256 * 1024 + 1))
    assert "256 KiB" in refusal(far, of(prompt, 3)).message
    assert str(tmp_path / "none") in refusal(far, of(tmp_path / "none", 4)).message


def test_a_script_is_nothing_for_an_agent(far: Double) -> None:
    spec, run = order()
    assert isinstance(refusal(far, Order(spec._replace(source_type=SourceType.INLINE), run)), InvalidValue)


def test_a_prompts_file_that_names_a_secret_parameter_by_now_ends_the_run_and_tells_nobody(
    far: Double, tmp_path: Path
) -> None:
    """Files are read at each start, and what was right when the manifest was checked need not be so then."""
    path = tmp_path / "prompt.md"
    path.write_text("MODE:echo={{ params.token }}")
    spec, run = order()
    declared = (Param(name="token", secret=True), Param(name="count", type=ParamType.INTEGER))
    spec = spec._replace(source_type=SourceType.PROMPT_FILE, script=str(path), params=declared)
    run = run._replace(params={"token": "hunter2", "count": "3"}, secret_params=frozenset({"token"}))
    error = refusal(far, Order(spec, run))
    assert error.message.startswith(f"{path}: line 1 of the prompt: the parameter `token` is secret")
    assert "hunter2" not in f"{error.message} {error.hint}"
    assert far.model_calls() == []
    path.write_text("MODE:echo={% if params.count > 2 %}many{% endif %}")
    _, sink = end_of(far, Order(spec, run))
    assert sink.output == b"many"


@pytest.mark.parametrize("version", [OLDEST, WITHOUT_TIMEOUT])
def test_an_older_gateway_shows_a_job_its_own_sessions_alone(version: str) -> None:
    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            works = [order("MODE:slow=4", run_id, job=f"job{run_id % 3}") for run_id in range(1, 10)]
            ended = await asyncio.gather(*map(runner.run, works))
            assert {each.status for each, _ in ended if isinstance(each, Finished)} == {"ok"}

    with double(Settings(version=version, speed=20)) as far:
        play(lambda: scenario(far))


def test_a_session_that_the_gateway_does_not_know_any_more_is_lost(far: Double) -> None:
    async def scenario() -> None:
        async with sessions(far) as runner:
            gone = SessionHandle(
                1, "jr-job-1-00000000", "agent:main:runner-job", key="agent:main:subagent:gone"
            )
            far.switch_on(drop("sessions_list", times=2))
            ending = await runner.executor.wait(gone.opaque(), Noted())
            assert ending == Lost(message="the gateway does not know this session any more")

    play(scenario)
