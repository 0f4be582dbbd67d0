"""Versions of the gateway that were seen, and in what they differ."""

from typing import Final, NamedTuple

NEWEST: Final = "2026.9.6"
WITHOUT_TIMEOUT: Final = "2026.7.1"
"""It refuses ``runTimeoutSeconds``, and nothing over HTTP cancels a session of it."""
OLDEST: Final = "2026.4.2"
"""It has no history over HTTP, and does not search."""


class Version(NamedTuple):
    """What one version does."""

    limits_runs: bool
    """Whether a spawn may have ``runTimeoutSeconds``."""
    checks_models: bool
    """Whether a model of an unknown provider is refused."""
    sees_all: bool
    """Whether lists and histories show sessions that are no children of the caller."""
    searches: bool
    """Whether a list obeys ``search`` and ``label``."""
    pages: bool
    """Whether a list obeys ``offset``, is cut at 64 KiB and says that there are more."""
    has_tasks: bool
    """Whether ``subagents`` lists tasks, waits for them and cancels them."""
    kills: bool
    """Whether ``subagents`` kills by the key of a session."""
    tells_version: bool
    """Whether ``session_status`` has an answer as long as there is no main session."""
    tells_usage: bool
    """Whether there is a history over HTTP."""
    speaks: int
    """The protocol of its WebSocket."""
    cancelled: str
    """The status of a session that was cancelled."""
    refused: str
    """The status of a session whose model refuses."""


_newest: Final = Version(
    limits_runs=True,
    checks_models=True,
    sees_all=True,
    searches=True,
    pages=True,
    has_tasks=True,
    kills=False,
    tells_version=True,
    tells_usage=True,
    speaks=4,
    cancelled="killed",
    refused="failed",
)
_older: Final = _newest._replace(checks_models=False, sees_all=False, pages=False, has_tasks=False)

VERSIONS: Final = {
    NEWEST: _newest,
    WITHOUT_TIMEOUT: _older._replace(limits_runs=False),
    OLDEST: _older._replace(
        searches=False,
        kills=True,
        tells_version=False,
        tells_usage=False,
        speaks=3,
        cancelled="timeout",
        refused="done",
    ),
}
