"""Slack's channel against a double of Slack: each of its answers, and nothing said twice."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.slack import TOKEN, Fault, Slack, slack_double
from support.slack.faults import limited
from support.slack.sending import CHANNEL, message, send

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.alerts.message import Attachment, Fact
from jeeves_runner.core.alerts.whole_text import of_text
from jeeves_runner.notify import slack as slack_module
from jeeves_runner.notify.contract import NotSent, Rejected, Sent
from jeeves_runner.notify.slack import SlackChannel
from jeeves_runner.notify.slack_errors import FINAL, NO_THREAD
from jeeves_runner.notify.token import Place, Token

THEN = datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_double() as double:
        yield double


def test_a_message_is_posted_with_its_id_and_names_itself(slack: Slack) -> None:
    sent = send(slack, message(facts=(Fact("Owner", "ops"),), output="no space left", command="logs 7"))
    (posted,) = slack.messages
    assert sent == Sent(posted["ts"])
    assert posted["channel"] == CHANNEL
    assert posted["metadata"]["event_payload"] == {"alert_id": "db/1"}
    assert "backup failed 1" in posted["text"]
    for shown in ("backup failed 1", "Owner", "ops", "no space left", "logs 7"):
        assert shown in slack.shown(posted)


def test_a_reply_goes_to_its_thread(slack: Slack) -> None:
    first = send(slack, message(1))
    send(slack, message(2), thread=first.ref)
    assert [each["thread_ts"] for each in slack.messages] == [None, first.ref]


def test_a_reply_to_what_was_deleted_is_a_message_of_its_own(slack: Slack) -> None:
    send(slack, message(2), thread="1700000000.000100")
    assert [each["thread_ts"] for each in slack.messages] == [None]


@pytest.mark.parametrize("word", sorted(NO_THREAD))
def test_where_nobody_can_reply_it_is_a_message_of_its_own_in_full(slack: Slack, word: str) -> None:
    first = send(slack, message(1))
    slack.switch_on(Fault(on="chat.postMessage", word=word))
    send(slack, message(2, output="no space left"), thread=first.ref)
    posted = slack.messages[-1]
    assert posted["thread_ts"] is None
    assert "no space left" in slack.shown(posted)


def test_a_reply_of_unknown_outcome_is_found_where_its_thread_was_deleted(slack: Slack) -> None:
    first = send(slack, message(1))
    slack.delete(str(first.ref))
    slack.switch_on(Fault(on="chat.postMessage", kind="drop", acted=True))
    with pytest.raises(NotSent):
        send(slack, message(2), thread=first.ref)
    sent = send(slack, message(2), thread=first.ref, tried_at=THEN)
    assert [each["ts"] for each in slack.messages] == [sent.ref]


def test_a_file_goes_below_its_message_where_the_thread_was_deleted(slack: Slack) -> None:
    first = send(slack, message(1))
    slack.delete(str(first.ref))
    sent = send(slack, message(2, attachment=Attachment("out.txt", of_text("all of it"))), thread=first.ref)
    assert [each["thread_ts"] for each in slack.files] == [sent.ref]


def test_a_look_that_slack_refuses_in_any_words_keeps_no_message(slack: Slack) -> None:
    slack.switch_on(Fault(on="conversations.history", word="method_not_supported_for_channel_type"))
    send(slack, message(), tried_at=THEN)
    assert len(slack.messages) == 1


@pytest.mark.parametrize("word", sorted(FINAL))
def test_what_no_other_try_changes_is_final_and_says_what_to_do(slack: Slack, word: str) -> None:
    slack.switch_on(Fault(on="chat.postMessage", word=word))
    with pytest.raises(Rejected, match=word) as caught:
        send(slack, message())
    assert caught.value.hint


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"token": "xoxb-wrong"}, "invalid_auth"),
        ({"channel": "C9999999"}, "channel_not_found"),
        ({"channel": "C0000003"}, "not_in_channel"),
    ],
)
def test_slack_itself_refuses_in_these_ways(slack: Slack, given: dict[str, str], word: str) -> None:
    with pytest.raises(Rejected, match=word):
        send(slack, message(), **given)  # type: ignore[arg-type]


def test_a_rate_limit_says_how_long_to_wait_and_that_nothing_has_arrived(slack: Slack) -> None:
    slack.switch_on(limited(17))
    with pytest.raises(NotSent) as caught:
        send(slack, message())
    assert (caught.value.retry_after, caught.value.may_have_arrived) == (17, False)


def test_patience_is_asked_for_with_any_status(slack: Slack) -> None:
    headers = {"Retry-After": "17"}
    for fault in (
        Fault(on="chat.postMessage", word="internal_error", headers=headers),
        Fault(on="chat.postMessage", kind="answer", status=503, body="busy", headers=headers),
    ):
        slack.switch_on(fault)
        with pytest.raises(NotSent) as caught:
            send(slack, message())
        assert (caught.value.retry_after, caught.value.may_have_arrived) == (17, True)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(on="chat.postMessage", word="internal_error"),
        Fault(on="chat.postMessage", kind="answer", status=500, body="oops", content_type="text/html"),
        Fault(on="chat.postMessage", kind="answer", status=503, body="{}"),
        Fault(on="chat.postMessage", kind="answer", body="<html>", content_type="text/html"),
        Fault(on="chat.postMessage", kind="answer", body="{half"),
        Fault(on="chat.postMessage", kind="answer", body="[1]"),
        Fault(on="chat.postMessage", kind="answer", body='{"ok": true}'),
        Fault(on="chat.postMessage", kind="drop"),
        Fault(on="chat.postMessage", kind="drop", acted=True),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.word or fault.status}-{fault.body[:6]}-{fault.acted}",
)
def test_after_a_try_of_unknown_outcome_the_message_is_there_once(slack: Slack, fault: Fault) -> None:
    acted = fault.acted
    slack.switch_on(fault)
    with pytest.raises(NotSent) as caught:
        send(slack, message())
    assert caught.value.may_have_arrived
    assert len(slack.messages) == acted
    sent = send(slack, message(), tried_at=THEN)
    assert [each["ts"] for each in slack.messages] == [sent.ref]


def test_a_channel_that_does_not_answer_is_left_after_a_time(
    slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_module, "_WHOLE", 0.2)
    slack.switch_on(Fault(on="chat.postMessage", kind="hang", acted=True))
    with pytest.raises(NotSent, match="in time") as caught:
        send(slack, message())
    assert caught.value.may_have_arrived
    monkeypatch.undo()
    send(slack, message(), tried_at=THEN)
    assert len(slack.messages) == 1


def test_a_workspace_that_cannot_be_reached_has_got_nothing(slack: Slack) -> None:
    slack.down()
    with pytest.raises(NotSent, match="cannot be reached") as caught:
        send(slack, message())
    assert not caught.value.may_have_arrived
    slack.up()
    send(slack, message())
    assert len(slack.messages) == 1


def test_the_history_is_read_over_several_pages_and_by_thread(slack: Slack) -> None:
    first = send(slack, message(0))
    for number in range(1, 40):
        send(slack, message(number))
        send(slack, message(1000 + number), thread=first.ref)
    for number, thread in ((0, None), (20, None), (1001, first.ref), (1039, first.ref)):
        send(slack, message(number), thread=thread, tried_at=THEN)
    assert len(slack.messages) == 79


def test_without_the_scope_to_look_it_is_sent_again(slack: Slack) -> None:
    slack.scopes.discard("channels:history")
    send(slack, message())
    send(slack, message(), tried_at=THEN)
    assert len(slack.messages) == 2


def test_a_history_that_cannot_be_read_now_is_read_later(slack: Slack) -> None:
    send(slack, message())
    slack.switch_on(limited(3, on="conversations.history"))
    with pytest.raises(NotSent) as caught:
        send(slack, message(), tried_at=THEN)
    assert (caught.value.retry_after, caught.value.may_have_arrived) == (3, True)
    assert len(slack.messages) == 1


def test_a_form_that_slack_does_not_take_is_sent_as_text(slack: Slack) -> None:
    slack.switch_on(Fault(on="chat.postMessage", word="invalid_blocks"))
    send(slack, message())
    (posted,) = slack.messages
    assert not posted["blocks"]
    assert "backup failed 1" in posted["text"]


def test_a_digest_names_each_and_what_has_no_place_is_a_file(slack: Slack) -> None:
    items = tuple(f"{'j' * 120}-{number} failed" for number in range(1_000))
    send(slack, message(items=items))
    (posted, _) = slack.messages
    named = slack.shown(posted) + slack.files[0]["content"]
    assert [item for item in items if item not in named] == []


def test_a_token_of_the_environment_that_is_not_taken_is_named_by_its_variable(slack: Slack) -> None:
    with pytest.raises(Rejected, match="invalid_auth") as caught:
        send(slack, message(), token="xoxb-wrong")
    assert caught.value.hint.endswith("into SLACK_BOT_TOKEN, and start the runner again")


def test_the_token_is_read_anew_and_never_told(slack: Slack, tmp_path: Path) -> None:
    path = tmp_path / "token"
    workspace = slack_module.Slack(
        Token(Place("notifications.slack.token_path", path), {}), SystemClock(), slack.url
    )
    channel = SlackChannel(workspace, CHANNEL)
    with pytest.raises(Rejected, match=r"No such file") as missing:
        asyncio.run(channel.send(message(), thread=None, tried_at=None))
    assert missing.value.hint
    path.write_text("xoxb-wrong\n")
    with pytest.raises(Rejected, match="invalid_auth") as caught:
        asyncio.run(channel.send(message(), thread=None, tried_at=None))
    assert "xoxb" not in str(caught.value)
    assert f"into {path}" in caught.value.hint
    path.write_text(f"{TOKEN}\n")
    asyncio.run(channel.send(message(), thread=None, tried_at=None))
    assert len(slack.messages) == 1
