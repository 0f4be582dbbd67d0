"""How much one manifest may come to: aliases and defaults multiply what is written."""

from typing import Final, NamedTuple

MAX_SIZE: Final = 1024 * 1024
"""Bytes that a file may have."""
MAX_VALUES: Final = 200_000
"""Values and keys that a file may hold: each alias and each job counts what it brings in."""
MAX_CHARACTERS: Final = 4_000_000
"""Characters of these."""
MAX_ENTRIES: Final = 20_000
"""Jobs, queues and nodes in a file."""
MAX_FOLDER_SIZE: Final = 64 * 1024 * 1024
"""Bytes of all manifests together."""
MAX_DECLARED: Final = 100_000_000
"""Bytes of all specs together: 100,000 jobs have some 90 million."""
MAX_DEPTH: Final = 64
"""How many lists and mappings may lie within one another."""

MAX_EXPRESSIONS: Final = 100
"""Expressions in a job's schedule: the runner looks at all of them for each occurrence."""
MAX_EXCLUSIONS: Final = 400
"""Entries of a job's `exclude`."""
MAX_EFFORT: Final = 3_000_000
"""What all schedules of a file may take to be checked, in units of ``Schedule.effort``: half a second."""

SPLIT: Final = "split it into several manifests"
"""What to do with a file that comes to more."""


class Size(NamedTuple):
    """How much a part of a file comes to."""

    values: int = 0
    """Values and keys."""
    characters: int = 0
    """Characters as they stand in the file, quotes, indentation and comments included."""

    def plus(self, other: "Size") -> "Size":
        return Size(self.values + other.values, self.characters + other.characters)

    @property
    def excess(self) -> str | None:
        """Which limit of a file it passes, in words; None if it keeps to both."""
        if self.values > MAX_VALUES:
            return f"more than {MAX_VALUES:,} values and keys"
        if self.characters > MAX_CHARACTERS:
            return f"more than {MAX_CHARACTERS:,} characters"
        return None
