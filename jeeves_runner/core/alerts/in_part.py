"""What is said where a long output cannot go as a file."""

from typing import Final

from jeeves_runner.core.alerts.message import Attachment, Fact, Message
from jeeves_runner.core.alerts.whole_text import excerpt

MOST: Final = 8_000
"""Characters of the output."""


def in_part(message: Message, attachment: Attachment, why: str) -> Message:
    """The message with the beginning and the end of its output in it, and why there is no more."""
    reason = Fact("In part", f"{attachment.name} cannot be sent whole: {why}")
    return message._replace(
        facts=(*message.facts, reason), output=excerpt(attachment.text, MOST), attachment=None
    )


def instead_of(message: Message, attachment: Attachment, why: str) -> Message:
    """A reply to the message, which has arrived without its file."""
    title = f"{attachment.name}: its beginning and its end"
    bare = Message(f"{message.alert_id}/{attachment.name}", "plain", title)
    return in_part(bare._replace(command=message.command, link=message.link), attachment, why)
