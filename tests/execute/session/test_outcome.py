"""How a session ended, by what the gateway says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jeeves_runner.execute.session.answers import Message, Row, messages_of, page_of
from jeeves_runner.execute.session.outcome import Evidence, conclusion, is_unfinished, span_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = round(NOON.timestamp() * 1000)


def row(status: str | None, **more: Any) -> Row:
    return page_of({"sessions": [{"key": "k", "label": "l", "status": status, **more}]}).rows[0]


def message(role: str = "assistant", text: str = "", **more: Any) -> Message:
    content = [{"type": "text", "text": text}]
    return messages_of({"messages": [{"role": role, "content": content, **more}]}).messages[0]


def ended(status: str, *messages: Message, text: str = "", is_cut: bool = False) -> Evidence:
    return Evidence(row(status, model="m"), messages, 7, text, is_cut)


@pytest.mark.parametrize(
    ("status", "last", "outcome", "words"),
    [
        ("done", message(text="hi", stopReason="stop"), "ok", None),
        ("done", message(text="hi"), "ok", None),
        ("done", message(stopReason="error", errorMessage="400 no"), "error", "400 no"),
        ("done", message(stopReason="aborted", errorMessage="too slow"), "error", "too slow"),
        ("failed", message(text="It failed.\n", stopReason="error"), "error", "It failed."),
        ("failed", message("custom", "The run failed.", customType="x"), "error", "The run failed."),
        ("failed", message(text="let me see", stopReason="toolUse"), "error", "the session has failed"),
        ("killed", message(), "cancelled", "cancelled on the gateway"),
        ("timeout", message(stopReason="aborted", errorMessage="x"), "timeout", "timed out on the gateway"),
        ("timeout", message(stopReason="stop"), "ok", None),
    ],
)
def test_status_and_last_message_decide(status: str, last: Message, outcome: str, words: str | None) -> None:
    finished = conclusion(ended(status, message("user", "do"), last), expected=None, span=None)
    assert (finished.status, finished.message) == (outcome, words)


@pytest.mark.parametrize("status", ["done", "failed", "killed", "timeout"])
def test_without_an_answer_it_is_never_ok(status: str) -> None:
    assert conclusion(ended(status), expected=None, span=None).status != "ok"


def test_a_call_of_a_tool_is_no_end() -> None:
    asks = message(stopReason="toolUse")
    assert is_unfinished(row("done"), (asks,))
    assert is_unfinished(row("done"), (asks, message("toolResult", "x")))
    assert not is_unfinished(row("done"), (asks, message(stopReason="stop")))
    assert not is_unfinished(row("failed"), (asks,))


def test_what_is_expected_counts_for_what_ended_well() -> None:
    good = ended("done", message(stopReason="stop"), text="[]")
    assert conclusion(good, expected="json", span=None).status == "ok"
    bad = conclusion(good._replace(text="no"), expected="json", span=None)
    assert (bad.status, bad.message) == ("error", "expected an object or a list as JSON, and got 'no'")
    assert (bad.text, bad.tokens) == ("no", 7)
    failed = ended("failed", message(text="broken", stopReason="error"), text="broken")
    assert conclusion(failed, expected="json", span=None).message == "broken"


@pytest.mark.parametrize("mark", ["", "\n...(truncated)...", "\n…(truncated)…"])
def test_a_cut_text_says_so(mark: str) -> None:
    cut = ended("done", message(stopReason="stop"), text="x" * 8000 + mark, is_cut=True)
    finished = conclusion(cut, expected=None, span=None)
    assert (finished.status, finished.message) == (
        "ok",
        "the gateway has cut the text after 8,000 characters",
    )


def test_the_model_is_that_of_the_last_answer() -> None:
    answered = ended("done", message(stopReason="stop", provider="fake", model="fake-1"))
    assert conclusion(answered, expected=None, span=None).model == "fake/fake-1"
    assert conclusion(ended("killed"), expected=None, span=None).model == "m"


def test_it_ran_when_the_gateway_says_if_that_can_be() -> None:
    first = message("user", "do", timestamp=NOON_MS + 2000)
    evidence = Evidence(row("done", updatedAt=NOON_MS + 5500), (first,), None, "", False)
    seen = NOON + timedelta(seconds=6)
    assert span_of(evidence, NOON, seen, 6000) == (NOON + timedelta(seconds=2), 3500)
    with_child = evidence._replace(children_ended_at=NOON_MS + 5900)
    assert span_of(with_child, NOON, seen, 6000) == (NOON + timedelta(seconds=2), 3900)
    an_hour_ahead = span_of(evidence, NOON - timedelta(hours=1), seen - timedelta(hours=1), 6000)
    assert an_hour_ahead == (NOON - timedelta(hours=1), 6000)
    no_date = Evidence(row("done", updatedAt=2**62), (first,), None, "", False)
    assert span_of(no_date, NOON, seen, 6000) == (NOON, 6000)
    assert span_of(Evidence.of_row(row("killed")), NOON, seen, 6000) == (NOON, 6000)


def test_a_clock_that_is_set_meanwhile_changes_nothing_of_how_long_it_took() -> None:
    evidence = Evidence.of_row(row("done"))
    back = NOON - timedelta(hours=4)
    assert span_of(evidence, NOON, back, 4000) == (back - timedelta(seconds=4), 4000)
    assert span_of(evidence, NOON, NOON + timedelta(days=3), 4000) == (NOON, 4000)


def test_fields_of_another_kind_count_as_absent() -> None:
    odd = page_of(
        {
            "hasMore": True,
            "nextOffset": "9",
            "sessions": [
                None,
                {"key": 3, "label": None, "status": ["done"], "totalTokens": True, "childSessions": "x"},
                {"key": "k", "totalTokens": 12.0, "childSessions": ["a", {"key": "b"}, 3, {}]},
            ],
        }
    )
    assert odd.next_offset is None
    assert odd.rows[0] == Row("", "", None, None, None, None, (), is_set_up=False)
    assert odd.rows[1] == Row("k", "", None, 12, None, None, ("a", "b"), is_set_up=False)
    strange = messages_of({"messages": ["x", {"role": 1, "content": {"a": 1}, "usage": [], "__openclaw": 3}]})
    assert strange.messages == (Message("", "", False, None, None, 0, None, None, None),)
    assert messages_of({"messages": None}).messages == ()


@pytest.mark.parametrize("mark", ["...(truncated)...", "…(truncated)…"])
def test_a_cut_text_is_known_by_its_end(mark: str) -> None:
    assert message(text=f"x\n\n{mark}").is_cut
    assert message(text="x", __openclaw={"truncated": True}).is_cut
    assert not message(text="x").is_cut
