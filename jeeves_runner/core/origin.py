"""Where what is declared comes from: sources of manifests, their commits, and what makes revisions."""

from enum import StrEnum
from typing import Final, NamedTuple


class SourceKind(StrEnum):
    """Where manifests come from."""

    FOLDER = "folder"
    GIT = "git"


class AppliedBy(StrEnum):
    """What made a revision; in the audit, what acted."""

    WATCH = "watch"
    CLI = "cli"
    API = "api"
    HOOK = "hook"


class Actor(NamedTuple):
    """Who acts, as the rows of what they do and the audit name them."""

    name: str
    """``cli``, ``api``, ``runner``, ``token NAME`` or ``run NUMBER``."""
    origin: str | None = None
    """From where: an address, or a user of this machine; None: from within."""
    answer: int | None = None
    """The status that HTTP answers when it is done; None: it is no request."""


class SourceId(NamedTuple):
    """What a database records of the source its manifests come from."""

    kind: SourceKind
    """What kind of source it is."""
    location: str
    """Where it is, in the words of its kind: for a folder its absolute path, as configured."""


DIRTY: Final = "+dirty"
"""The end of a recorded commit from which the folder differed."""

_SHA_LENGTH: Final = 10


def short_sha(sha: str) -> str:
    """As much of a commit as people read, and whether the files differed from it."""
    head, dirty, _ = sha.partition(DIRTY)
    return head[:_SHA_LENGTH] + dirty


class Commit(NamedTuple):
    """What git says about the manifests."""

    sha: str
    """The full hash; it ends in ``DIRTY`` when the folder differs from that commit."""
    author: str | None = None
    """``Name <address>``; None for a dirty folder, whose state was not committed."""
    subject: str | None = None
    """The first line of the message; None for a dirty folder."""

    @property
    def is_dirty(self) -> bool:
        return self.sha.endswith(DIRTY)


class Allowance(NamedTuple):
    """Deletes that a commit allows by its trailer."""

    sha: str
    """The commit's full hash."""
    deletes: int
    """How many, at most."""
