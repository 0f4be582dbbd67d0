"""What a session is begun with, and what refuses to begin one."""

from typing import Any

import pytest
from support.gateway import OLDEST, WITHOUT_TIMEOUT, Double, Settings, answer, double
from support.orders import play
from support.session_runs import QUICK, end_of, order, refusal, sessions

from jeeves_runner.core.model import SourceType
from jeeves_runner.errors import InvalidValue
from jeeves_runner.execute.contract import Order


@pytest.mark.parametrize(
    ("session", "words", "hint"),
    [
        ({"thinking": "wild"}, 'Invalid thinking level "wild"', None),
        ({"model": "stranger/x"}, "Unknown model: stranger/x", None),
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


def test_a_gateway_that_fails_at_each_call_is_told_in_its_own_words(far: Double) -> None:
    """It is asked more than once, as one is that has just started; and not for ever, without a `timeout`."""
    body = '{"ok":false,"error":{"type":"tool_error","message":"no space left on device"}}'
    far.switch_on(answer("sessions_spawn", 500, body, times=None))
    error = refusal(far, order(), pace=QUICK._replace(crashes=5))
    assert error.message == "the gateway fails at each call for a session: no space left on device"
    assert far.counts()["sessions_spawn"] > 1


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


def test_more_secrets_than_can_be_masked_are_refused(far: Double) -> None:
    spec, run = order()
    names = [f"KEY{number}" for number in range(5)]
    run = run._replace(params=dict.fromkeys(names, "x" * 64 * 1024), secret_params=frozenset(names))
    assert refusal(far, Order(spec, run)).message.startswith("the secrets of the run have 321 KiB together")
    assert not far.counts()


def test_a_script_is_nothing_for_an_agent(far: Double) -> None:
    spec, run = order()
    assert isinstance(refusal(far, Order(spec._replace(source_type=SourceType.INLINE), run)), InvalidValue)
