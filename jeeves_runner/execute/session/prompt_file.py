"""A prompt that stands in a file: read where a run starts, and where it is checked whether one could."""

from jeeves_runner.core.prompt import MAX_PROMPT, size_fault
from jeeves_runner.execute.faults import Fault, prompt_fault
from jeeves_runner.regular_files import NotRegular, read_small


def read_prompt(path: str) -> str | Fault:
    """The text of the file at an absolute path; what is wrong if it cannot be a prompt.

    Reads a file: not for the event loop.
    """
    try:
        content = read_small(path, MAX_PROMPT, follow=True)
    except NotRegular:
        return prompt_fault(path, None)
    except (OSError, ValueError) as error:
        return prompt_fault(path, error)
    return prompt_of(path, content)


def prompt_of(path: str, content: bytes) -> str | Fault:
    """The same of a file that has been read."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return prompt_fault(path, ValueError("it is not UTF-8"))
    if "\0" in text:
        return Fault(f"the prompt in {path} holds a NUL character, which no agent can be told", "remove it")
    fault = size_fault(text)
    return text if fault is None else Fault(f"the prompt in {path} {fault[0]}", fault[1])
