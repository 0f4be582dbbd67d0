"""What a channel is: it takes a message to where people read it, or says why not."""

from datetime import datetime
from typing import NamedTuple, Protocol

from jeeves_runner.core.alerts.message import Message


class Sent(NamedTuple):
    """A message that has arrived."""

    ref: str | None = None
    """What names it at the channel, so that replies find it: Slack's ``ts``, a mail's Message-ID."""
    lacks: str | None = None
    """What of it has not arrived and will not, why, and what to do: for people; None: all has arrived."""


class NotSent(Exception):
    """A try that failed for now: it is worth another one. The text is for people."""

    def __init__(
        self, message: str, *, retry_after: float | None = None, may_have_arrived: bool = False
    ) -> None:
        """``retry_after``: seconds that the channel wants to be left alone. ``may_have_arrived``: it is
        not known that it did not."""
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.may_have_arrived = may_have_arrived


class Rejected(Exception):
    """The channel will not take this message, nor any like it, until a person changes something.

    The text is for people; the ``hint`` says what to change.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Channel(Protocol):
    """One place, such as a Slack channel or a mailbox. Calls come one after another."""

    async def send(self, message: Message, *, thread: str | None, tried_at: datetime | None) -> Sent:
        """Deliver a message, as a reply where ``thread`` names an earlier one of this channel.

        ``tried_at``: when an earlier try began that may have arrived; a channel that can look does so
        first, and answers with what it finds. Raises NotSent and Rejected, and nothing else. It ends by
        itself within a minute.
        """
        ...
