"""The place of an executor that this runner does not have."""

from typing import Literal

from jeeves_runner.core.model import JobSpec, Reason
from jeeves_runner.core.outcome import Ending, Lost
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute.contract import Handle, LeftFacts, Order, RunSink


class Absent:
    """Refuses each run, with a word about why. A job that was applied under another config may need it."""

    slots: int | None = None
    on_shutdown: Literal["end", "leave"] = "end"
    patience = 0.0

    def __init__(self, name: str, why: str | None = None) -> None:
        """``why`` it is not there, as a sentence that names what could be added to the config; None if that
        is not known."""
        self.name = name
        self._why = why
        lost = f"the runner died while this ran, and this one has no executor {name}"
        if why is not None:
            lost = f"{why}, so that nothing follows what this run has begun"
        self._lost = Lost(message=lost, left_alive="its work may go on elsewhere")

    async def open(self) -> None:
        """There is nothing to get ready."""

    def room(self, spec: JobSpec) -> Reason | None:
        """There is: a refusal takes none."""
        return None

    async def start(self, order: Order, sink: RunSink) -> Handle:
        """Raises StartFailed."""
        if self._why is not None:
            raise StartFailed(self._why, hint="add it, and restart the server")
        raise StartFailed(
            f"this runner has no executor {self.name}", hint="its config has no part that would make one"
        )

    async def wait(self, handle: Handle, sink: RunSink) -> Ending:
        return self._lost

    def has_ended(self, handle: Handle) -> bool:
        return True

    async def cancel(self, handle: Handle, grace: float) -> None:
        """Nothing of it is here."""

    async def late(self, handle: Handle) -> None:
        """Nothing of it is here."""

    async def recover(self, left: LeftFacts, handle: Handle | None) -> Handle | Lost:
        return self._lost

    async def secrets(self, order: Order) -> tuple[str, ...]:
        """It takes nothing over."""
        return ()
