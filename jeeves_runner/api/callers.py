"""Who asks, and what that lets them do: values."""

from dataclasses import dataclass
from enum import StrEnum

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.db.claims import Claimant
from jeeves_runner.db.tokens import Holder, TokenRun


class Role(StrEnum):
    """Who may use a route."""

    OPEN = "open"
    READ = "read"
    OPERATE = "operate"

    def admits(self, held: TokenRole | None) -> bool:
        """Whether those may use it who hold this role; None: those who hold none."""
        if self is Role.OPEN or held is TokenRole.OPERATE:
            return True
        return self is Role.READ and held is TokenRole.READ


class RunMay(StrEnum):
    """When the script of a run may use a route with the run's own token."""

    NOTHING = "never"
    ANYTHING = "always"
    OWN = "its own run"
    CLAIMS = "its own run, with the token of its start"
    TRIGGERS = "the jobs that its manifest names in `triggers`"


class CallerKind(StrEnum):
    """By what a caller is known to the server."""

    SOCKET = "socket"
    MACHINE = "machine"
    TOKEN = "token"
    BROWSER = "browser"
    RUN = "run"
    START = "start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who sent a request."""

    kind: CallerKind
    """By what they are known."""
    origin: str
    """Where the request comes from: an address, or the user of this machine."""
    role: TokenRole | None = None
    """What they hold; None: nothing of their own."""
    holder: Holder | None = None
    """Whose token was shown, by the request itself or when its browser was let in."""
    run: TokenRun | None = None
    """The run that asks."""
    claimant: Claimant | None = None
    """What has shown the start token of the run."""
    session: str | None = None
    """What the browser has shown. Keep it out of texts."""
    is_https: bool = False
    """Whether a proxy that is believed has got the request by https."""

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of them: they reach what is open to all."""
        return self.role is None and self.run is None

    @property
    def name(self) -> str:
        """As the audit and the rows of what they do name them."""
        if self.run is not None:
            return f"run {self.run.run_id}"
        if self.is_unknown:
            return "unknown"
        return "api" if self.holder is None else f"token {self.holder.name}"
