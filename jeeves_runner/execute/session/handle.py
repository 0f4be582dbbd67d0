"""What names the session of a run afterwards, and what its end is judged by."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.session_spec import Session
from jeeves_runner.execute.contract import Handle

NAME: Final = "session"
"""The executor's name."""


class SessionHandle(NamedTuple):
    """Names the session of a run to the gateway, and says what its end is judged by."""

    run_id: int
    """The run's id."""
    label: str
    """Its label; of a run whose start may never have been answered, only the end of it."""
    parent: str
    """The key of the session that it is a child of."""
    key: str | None = None
    """Its own key; None if that is not known, and the label has to do."""
    run: str | None = None
    """The gateway's id of its run."""
    expected: str | None = None
    """What its final text must be, as ``Session.expect_result``; None: anything."""
    max_tokens: int | None = None
    """With more than these it is cancelled; None: no limit."""
    is_counted: bool = False
    """Whether what it uses is to be known while it runs, for the tokens that its job may use in a day."""

    def judged_by(self, session: Session) -> "SessionHandle":
        """The same with what a job says of its sessions."""
        return self._replace(
            expected=session.expect_result,
            max_tokens=session.max_tokens,
            is_counted=session.max_tokens_per_day is not None,
        )

    def opaque(self) -> Handle:
        """The same for the runner."""
        facts = {
            name: value for name, value in self._asdict().items() if value is not None and value is not False
        }
        del facts["run_id"]
        return Handle(NAME, self.run_id, facts)

    @classmethod
    def of(cls, handle: Handle) -> "SessionHandle | None":
        """Read back what ``opaque`` gave; None for what is none. Scripts may have written something else."""
        facts = handle.facts
        label, parent = _text(facts, "label"), _text(facts, "parent")
        if not label or not parent:
            return None
        tokens = facts.get("max_tokens")
        return cls(
            handle.run_id,
            label,
            parent,
            key=_text(facts, "key"),
            run=_text(facts, "run"),
            expected=_text(facts, "expected"),
            max_tokens=tokens if type(tokens) is int and tokens > 0 else None,
            is_counted=facts.get("is_counted") is True,
        )


def _text(facts: Mapping[str, Any], name: str) -> str | None:
    value = facts.get(name)
    return value if isinstance(value, str) else None
