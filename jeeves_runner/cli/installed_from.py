"""Where this program was installed from, for those who are to install the same: the workflow of ``init``."""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any, Final

from jeeves_runner import __version__

PROGRAM_WHEEL: Final = f"wheels/jeeves_runner-{__version__}-py3-none-any.whl"
"""Where the workflow looks for the program if it cannot be had elsewhere: a file in the user's repository."""

_ELSEWHERE: Final = re.compile(r"(https|ssh)://")
_PASSWORD: Final = re.compile(r"://[^/@]*@")


def requirement() -> str:
    """What ``pip install`` takes on another machine: a name of an index, an address, or a wheel."""
    try:
        note = distribution("jeeves-runner").read_text("direct_url.json")
    except PackageNotFoundError:
        return PROGRAM_WHEEL
    if note is None:
        return f"jeeves-runner=={__version__}"
    return of_note(json.loads(note))


def of_note(note: Any) -> str:
    """The same by the note of PEP 610, which installers leave for what came by an address and not by a name.

    A path of this machine is of no use to another one. Neither is an address with a password shown.
    """
    url = str(note.get("url", ""))
    if not _ELSEWHERE.match(url):
        return PROGRAM_WHEEL
    shown = _PASSWORD.sub("://", url) if url.startswith("https") else url
    version_control = note.get("vcs_info")
    if version_control is None:
        return shown
    folder = note.get("subdirectory")
    fragment = f"#subdirectory={folder}" if folder else ""
    return f"{version_control['vcs']}+{shown}@{version_control['commit_id']}{fragment}"
