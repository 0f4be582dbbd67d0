"""Runs as sessions of an agent: how they end, and what is known of them then."""

import asyncio
import hashlib
from pathlib import Path

import pytest
from support.gateway import Double, Settings, double, double_process, drop
from support.orders import play
from support.server import until
from support.session_runs import Noted, end_of, order, sessions

from jeeves_runner.core.outcome import Finished, Lost
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.session.handle import SessionHandle


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


def test_a_long_text_comes_whole(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:long=100000"))
    assert ending.message is None
    assert len(sink.output) >= 100_000
    assert b"truncated" not in sink.output


def test_where_the_whole_text_cannot_be_had_the_cut_is_said(far: Double) -> None:
    far.switch_on(drop("sessions.get", times=None))
    ending, sink = end_of(far, order("MODE:long=100000"))
    assert ending.status == "ok"
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


def test_over_max_tokens_it_is_cancelled(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:steps=50:4", max_tokens=6000))
    assert ending.status == "error"
    assert ending.message is not None
    assert ending.message.startswith("over max_tokens: it has used ")
    assert ending.message.endswith(" of 6,000")
    assert ending.tokens is not None
    assert 6000 < ending.tokens < 51 * 1234
    assert sink.tokens[0] < sink.tokens[-1] <= ending.tokens


def test_what_its_children_use_counts_although_it_has_ended_itself() -> None:
    child = r'"task":"MO\u0044E:steps=60:4","label":"child"'
    task = f'MODE:tools=[["sessions_spawn",{{{child}}}]]'

    async def scenario(far: Double) -> None:
        async with sessions(far) as runner:
            ending, sink = await runner.run(order(task, max_tokens=5000))
            assert isinstance(ending, Finished)
            assert ending.status == "error"
            assert (ending.message or "").startswith("over max_tokens: it has used ")
            assert ending.tokens is not None
            assert 5000 < ending.tokens < 60 * 1234
            assert "waits for the sessions that it has begun" in sink.said
            assert sink.tokens

    with double(Settings(speed=20)) as far:
        play(lambda: scenario(far))


def test_what_counts_for_a_day_is_known_while_it_runs(far: Double) -> None:
    ending, sink = end_of(far, order("MODE:steps=9:1", max_tokens_per_day=1))
    assert (ending.status, ending.tokens) == ("ok", 10 * 1234)
    assert 0 < sink.tokens[0] < 10 * 1234
    assert not any(end_of(far, order("MODE:steps=3:1", run_id=2))[1].tokens)


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
