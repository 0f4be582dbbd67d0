"""The form of a message for Slack: under its limits whatever the input, and nothing in it is markup."""

from hypothesis import given
from hypothesis import strategies as st
from support.slack.limits import fault_in, texts_of

from jeeves_runner.core.alerts.message import Fact, Message
from jeeves_runner.notify.slack_blocks import render

_texts = st.one_of(
    st.text(max_size=50),
    st.sampled_from(["", "<!channel>", "```", "a" * 500, "x" * 9_000, "&<>", ":smile: *b* _i_ `c`"]),
)
_messages = st.builds(
    Message,
    alert_id=st.just("db/1"),
    tone=st.sampled_from(["bad", "good", "plain"]),
    title=_texts,
    facts=st.lists(st.builds(Fact, _texts, _texts), max_size=60).map(tuple),
    output=st.none() | _texts,
    items=st.lists(_texts, max_size=300).map(tuple),
    command=st.none() | _texts,
    link=st.none() | st.sampled_from(["https://jobs.example/runs/7", "https://jobs.example/" + "x" * 5_000]),
)


@given(_messages)
def test_any_message_is_under_the_limits(message: Message) -> None:
    shown = render(message)
    assert fault_in(shown.blocks) is None
    assert 0 < len(shown.text) < 20_000
    assert "<" not in shown.text


@given(_messages)
def test_no_line_of_a_digest_is_lost(message: Message) -> None:
    shown = render(message)
    texts = "\n".join(texts_of(shown.blocks))
    kept = message.items[: len(message.items) - len(shown.rest)]
    assert shown.rest == message.items[len(kept) :]
    assert all(item in texts for item in kept)


def test_many_long_lines_are_under_the_limits_of_one_block() -> None:
    shown = render(Message("db/1", "bad", "a failed", (Fact("Hint", "x" * 500),) * 12))
    assert fault_in(shown.blocks) is None
    assert "".join(texts_of(shown.blocks)).count("x") == 12 * 500


def test_one_long_fact_leaves_room_for_the_others() -> None:
    facts = (Fact("Name", "x" * 9_000), Fact("Owner", "ops"))
    shown = render(Message("db/1", "bad", "a failed", facts, command="jeeves-runner logs 7"))
    for text in (shown.text, "\n".join(texts_of(shown.blocks))):
        assert "ops" in text
        assert "jeeves-runner logs 7" in text


def test_an_output_of_megabytes_is_under_the_limits() -> None:
    huge = "x" * 10_000_000
    shown = render(Message("db/1", "bad", huge, (Fact(huge, huge),), huge, command=huge))
    assert fault_in(shown.blocks) is None
    assert len(shown.text) < 20_000


def test_what_calls_people_is_text() -> None:
    shown = render(Message("db/1", "bad", "a failed", output="<!channel> @here ```"))
    assert shown.blocks[-1] == {
        "type": "rich_text",
        "elements": [
            {
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": "<!channel> @here ```"}],
            }
        ],
    }
    assert (
        render(Message("db/1", "bad", "<!channel> & more")).text
        == "\N{LARGE RED CIRCLE} &lt;!channel&gt; &amp; more"
    )


def test_of_a_long_output_the_end_is_shown() -> None:
    shown = render(Message("db/1", "bad", "a failed", output="x" * 5_000 + "the reason"))
    text = "".join(texts_of(shown.blocks))
    assert text.endswith("the reason")
