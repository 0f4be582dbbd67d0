"""What is wrong with a manifest, and where: made for editors, terminals and CI alike."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from jeeves_runner.core.wording import one_line


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One finding. ``file`` is relative to the project root; ``line`` and ``column`` count from 1."""

    severity: Literal["error", "warning"]
    code: str
    file: str
    line: int
    column: int
    message: str
    hint: str | None = None

    @property
    def is_error(self) -> bool:
        return self.severity == "error"

    def __str__(self) -> str:
        """``FILE:LINE:COL: message``, the form compilers have taught editors to read: always one line."""
        return one_line(f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.message}")

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
