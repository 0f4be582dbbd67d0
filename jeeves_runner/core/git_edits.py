"""Edits that git does not have, and what it means when one of them is suddenly gone.

A commit hook may check the index by hiding what is not in it: it saves the unstaged edits, puts the files
back to the texts of the index, runs its checks, and brings the edits back. These texts are not meant to
become live. So a manifest that has gone back like this waits. Texts are named by the hashes that git has for
them.
"""

from collections.abc import Container, Mapping
from typing import Final, NamedTuple

PATIENCE: Final = 60.0
"""Seconds for which a manifest that is back at the index's text waits for its next change."""


class Seen(NamedTuple):
    """One manifest at one look."""

    text: str | None
    """Its text; None: there was no such file."""
    staged: str | None
    """The text that git's index had for it; None: it had none."""
    is_of_commit: bool = False
    """Whether a commit under way has made an index of its own, and that one had this very text."""

    @property
    def is_edit(self) -> bool:
        """Whether the index has another text, or another file."""
        return self.text != self.staged


class Wait(NamedTuple):
    """A manifest whose text is not to be believed yet."""

    text: str
    """The text of the index, to which it went back."""
    until: float
    """The monotonic time at which it is believed."""


class Edits(NamedTuple):
    """What one look has to know of the looks before."""

    lacking: Mapping[str, Seen] = {}
    """The manifests whose text git's index did not have, by path."""
    waits: Mapping[str, Wait] = {}
    """The manifests that wait, by path."""

    def gone_back(self, seen: Mapping[str, Seen]) -> list[str]:
        """The manifests that were edits, and stand at the index's text now."""
        return [
            path for path, before in self.lacking.items() if path in seen and _is_back(before, seen[path])
        ]

    def after(
        self, seen: Mapping[str, Seen], *, excused: Container[str], now: float, is_known: bool = True
    ) -> "Edits":
        """What the next look has to know, and which manifests wait from now on.

        ``seen``: every manifest, and what the index has besides. ``excused``: those that went back because a
        commit says so. ``is_known`` is False where git did not say what its index has: no manifest begins
        to wait then, and what the look before knew of edits still stands.
        """
        waits = {
            path: wait
            for path, wait in self.waits.items()
            if now < wait.until and path in seen and seen[path].text == wait.text
        }
        if not is_known:
            return Edits(self.lacking, waits)
        for path in self.gone_back(seen):
            text = seen[path].text
            if text is not None and path not in excused:
                waits[path] = Wait(text, now + PATIENCE)
        return Edits({path: found for path, found in seen.items() if found.is_edit}, waits)


def _is_back(before: Seen, now: Seen) -> bool:
    is_staged = now.is_of_commit or not now.is_edit
    return now.text is not None and is_staged and now.text != before.text


class Commits(NamedTuple):
    """Which texts of one manifest the commits have at which HEAD stood; None: it was not in the commit."""

    before: str | None
    """The commit of the last look."""
    since: tuple[str | None, ...] = ()
    """Those after it, the present one included; none if HEAD has not moved."""

    def explain(self, lacking: str | None, text: str | None) -> bool:
        """Whether a commit says why the manifest has ``text`` in the place of ``lacking``.

        It was committed after all, and then another commit was checked out; or a commit brought ``text``.
        """
        return lacking in self.since or (text != self.before and text in self.since)
