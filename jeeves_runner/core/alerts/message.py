"""A message as every channel gets it: what happened, for a person who has just been woken."""

from typing import Literal, NamedTuple

from jeeves_runner.core.alerts.whole_text import WholeText

Tone = Literal["bad", "good", "plain"]


class Fact(NamedTuple):
    """One line of a message."""

    name: str
    """``Scheduled``, ``Owner`` and the like."""
    value: str
    """Plain text of one line: escaped by the channel, in its own way."""


class Attachment(NamedTuple):
    """A text that is too long for a message."""

    name: str
    """The name of the file."""
    text: WholeText
    """Masked, without control characters but line ends and tabs."""


class Message(NamedTuple):
    """What is said. All texts are plain: no markup of any channel, secrets masked, no control characters."""

    alert_id: str
    """Names this message over all tries, restarts and databases; it travels in the message's metadata."""
    tone: Tone
    """How it looks: something is wrong, is well again, or is just told."""
    title: str
    """One line: the job and what happened, ``backup failed: exit code 3 after 4m 10s, usually 40s``."""
    facts: tuple[Fact, ...] = ()
    """The lines below it, in their order."""
    output: str | None = None
    """The last lines of stderr or of stdout."""
    items: tuple[str, ...] = ()
    """Of a digest: a line for each thing that is said."""
    command: str | None = None
    """The command that shows more."""
    link: str | None = None
    """The page that shows more, an absolute URL."""
    job: str | None = None
    """The id of the job that it is about, for programs."""
    cause: str = ""
    """Of ``words.Cause``, for programs."""
    said: str = ""
    """Of ``words.Said``, for programs."""
    incident: str | None = None
    """Names the incident over all its messages, as ``alert_id`` names this one; None: it is of none."""
    runner: str = ""
    """Which runner says it: ``HOST:FOLDER``."""
    attachment: Attachment | None = None
    """What is to be uploaded, or shortened where a channel takes no files."""
