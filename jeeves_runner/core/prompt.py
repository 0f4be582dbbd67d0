"""Prompts: what an agent is told, as a job declares it."""

from typing import Final

MAX_PROMPT: Final = 256 * 1024
"""Bytes of a prompt in UTF-8."""


def size_fault(text: str) -> tuple[str, str] | None:
    """Why no agent can be told so much or so little, as the end of a sentence, and what to do."""
    if not text.strip():
        return "is blank", "say what the agent is to do"
    size = len(text.encode(errors="replace"))
    if size > MAX_PROMPT:
        message = f"has {size:,} bytes, where {MAX_PROMPT:,} (256 KiB) are allowed"
        return message, "let the agent fetch what it has to read"
    return None
