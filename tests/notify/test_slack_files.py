"""Long outputs in Slack: a file in the thread of their message, or what fits where Slack takes no file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.slack import Fault, Slack, slack_double
from support.slack.sending import CHANNEL, message, send

from jeeves_runner.core.alerts.message import Attachment, Message
from jeeves_runner.core.alerts.whole_text import WholeText, measured, of_text
from jeeves_runner.notify.contract import NotSent

THEN = datetime(2026, 3, 1, 2, tzinfo=UTC)
LINES = "".join(f"line {number} grün\n" for number in range(10_000))
STEPS = ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"]


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_double() as double:
        yield double


def of_output(text: WholeText) -> Message:
    return message(attachment=Attachment("backup-7.txt", text), command="jeeves-runner logs 7")


def posted(slack: Slack) -> list[str]:
    """The messages without the files, which Slack shows as messages."""
    return [slack.shown(each) for each in slack.messages if each["text"]]


def test_an_output_is_uploaded_into_the_thread_of_its_message(slack: Slack) -> None:
    sent = send(slack, of_output(of_text(LINES)))
    (file,) = slack.files
    assert (file["name"], file["content"], file["thread_ts"]) == ("backup-7.txt", LINES, sent.ref)
    assert sent.lacks is None


def test_one_of_ten_megabytes_arrives_whole_and_is_read_as_it_is_sent(slack: Slack) -> None:
    lines = ["0123456789abcde\n" * 4096] * 160
    shown = iter(lines)
    sent = send(slack, of_output(measured(lambda: iter(lines))._replace(read=lambda: map(str.encode, shown))))
    (file,) = slack.files
    assert (len(file["content"]), file["thread_ts"]) == (10 << 20, sent.ref)


@pytest.mark.parametrize("on", STEPS)
def test_an_upload_that_breaks_is_done_again_and_its_message_is_not(slack: Slack, on: str) -> None:
    what = of_output(of_text(LINES))
    slack.switch_on(Fault(on=on, kind="answer", status=500, body="oops", content_type="text/html"))
    with pytest.raises(NotSent) as caught:
        send(slack, what)
    assert caught.value.may_have_arrived
    send(slack, what, tried_at=THEN)
    send(slack, what, tried_at=THEN)
    assert [file["content"] for file in slack.files] == [LINES]
    assert len(posted(slack)) == 1


@pytest.mark.parametrize("then", ["gone", "shorter", "longer"])
def test_a_file_that_is_gone_or_another_by_then_is_read_anew_for_the_next_try(
    slack: Slack, tmp_path: Path, then: str
) -> None:
    path = tmp_path / "out"
    path.write_text(LINES)
    what = of_output(measured(lambda: iter((path.read_text(),))))
    if then == "gone":
        path.unlink()
    else:
        path.write_text("x" * (100 if then == "shorter" else 1_000_000))
    with pytest.raises(NotSent) as caught:
        send(slack, what)
    assert caught.value.may_have_arrived
    send(slack, of_output(of_text("what is left of it")), tried_at=THEN)
    assert [file["content"] for file in slack.files] == ["what is left of it"]
    assert len(posted(slack)) == 1


def test_without_the_scope_for_files_its_beginning_and_its_end_are_a_reply(slack: Slack) -> None:
    slack.scopes.discard("files:write")
    sent = send(slack, of_output(of_text(LINES)))
    first, reply = slack.messages
    assert (first["ts"], reply["thread_ts"]) == (sent.ref, sent.ref)
    shown = slack.shown(reply)
    for part in ("line 0 grün", "line 9999 grün", "characters cut …", "files:write", "jeeves-runner logs 7"):
        assert part in shown
    assert 7_000 < len(shown) < 10_000
    assert sent.lacks is not None
    assert sent.lacks == (
        "backup-7.txt has arrived in part: Slack answers missing_scope; give the app the scope files:write,"
        " and install it again"
    )


def test_one_that_fits_is_whole_in_the_reply(slack: Slack) -> None:
    slack.scopes.discard("files:write")
    text = "".join(f"line {number}\n" for number in range(700))
    send(slack, of_output(of_text(text)))
    blocks = slack.messages[1]["blocks"]
    parts = [part for block in blocks for part in block.get("elements", ())]
    shown = [part["elements"][0]["text"] for part in parts if part["type"] == "rich_text_preformatted"]
    assert (len(shown) > 1, "".join(shown)) == (True, text)


@pytest.mark.parametrize(
    ("on", "word"),
    [
        ("files.getUploadURLExternal", "file_uploads_disabled"),
        ("files.completeUploadExternal", "not_in_channel"),
        ("files.completeUploadExternal", "a_word_that_is_new"),
    ],
)
def test_whatever_slack_refuses_of_a_file_what_fits_arrives_once(slack: Slack, on: str, word: str) -> None:
    slack.switch_on(Fault(on=on, word=word, times=None))
    for tried_at in (None, THEN, THEN):
        sent = send(slack, of_output(of_text(LINES)), tried_at=tried_at)
        assert word in (sent.lacks or "")
    assert len(posted(slack)) == 2


def test_a_reply_that_does_not_get_through_is_sent_again_alone(slack: Slack) -> None:
    slack.scopes.discard("files:write")
    send(slack, of_output(of_text(LINES))._replace(attachment=None))
    slack.switch_on(Fault(on="chat.postMessage", kind="drop", acted=True))
    with pytest.raises(NotSent) as caught:
        send(slack, of_output(of_text(LINES)), tried_at=THEN)
    assert caught.value.may_have_arrived
    sent = send(slack, of_output(of_text(LINES)), tried_at=THEN)
    assert len(posted(slack)) == 2
    assert sent.lacks is not None


def test_where_the_reply_is_refused_too_the_message_has_arrived(slack: Slack) -> None:
    send(slack, of_output(of_text(LINES))._replace(attachment=None))
    slack.scopes.discard("files:write")
    slack.switch_on(Fault(on="chat.postMessage", word="restricted_action"))
    sent = send(slack, of_output(of_text(LINES)), tried_at=THEN)
    assert sent.ref == slack.messages[0]["ts"]
    assert "restricted_action" in (sent.lacks or "")
    assert [each["channel"] for each in slack.messages] == [CHANNEL]
