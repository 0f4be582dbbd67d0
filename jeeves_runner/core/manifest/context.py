"""What gives a manifest its meaning besides its text."""

from typing import NamedTuple


class Context(NamedTuple):
    """``timezone`` is that of schedules that name none; ``pools`` are the configured ones."""

    project_root: str
    timezone: str = "UTC"
    pools: frozenset[str] = frozenset()
